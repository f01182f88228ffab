"""Findings for people, styled for a terminal: with an excerpt of the source, or a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from click import style

from qlsp.batch.report import Report
from qlsp.diagnostic import Applicability, Diagnostic, Related, Severity
from qlsp.output import places
from qlsp.output.excerpt import excerpt
from qlsp.source.document import Document
from qlsp.source.span import Span

_COLORS = {
    Severity.ERROR: "bright_red",
    Severity.WARNING: "bright_yellow",
    Severity.INFORMATION: "bright_cyan",
}
_CAUTION = {
    Applicability.SAFE: "",
    Applicability.UNSAFE: " (unsafe fix: changes what the model computes)",
    Applicability.DISPLAY: " (by hand)",
}


def concise(reports: Sequence[Report]) -> str:
    """`PATH:LINE:COLUMN: CODE [*] MESSAGE`, a line per finding."""
    lines = [
        f"{style(_place(report.path, report.document, each.span), bold=True)}: {_head(each)}\n"
        for report in reports
        for each in report.diagnostics
    ]
    return "".join(lines)


def full(reports: Sequence[Report]) -> str:
    """A paragraph per finding, with the source and what to do about it."""
    paragraphs = [
        "\n".join(_paragraph(report, each)) + "\n\n"
        for report in reports
        for each in report.diagnostics
    ]
    return "".join(paragraphs)


def grouped(reports: Sequence[Report]) -> str:
    """The findings of each file under its name."""
    text = ""
    for report in reports:
        if report.diagnostics:
            text += f"{style(report.path, bold=True)}:\n"
            for each in report.diagnostics:
                line, column = places.start(report.document, each.span)
                text += f"  {line}:{column} {_head(each)}\n"
            text += "\n"
    return text


def statistics(reports: Sequence[Report]) -> str:
    """How often each rule was broken, the commonest first."""
    counts: Counter[tuple[str, str, str]] = Counter(
        (each.code, "[*]" if _is_fixable(each) else "[ ]", each.name)
        for report in reports
        for each in report.diagnostics
    )
    width = len(str(max(counts.values(), default=0)))
    return "".join(
        f"{count:>{width}}  {code}  {mark}  {name}\n"
        for (code, mark, name), count in sorted(counts.items(), key=lambda item: (-item[1], item))
    )


def _paragraph(report: Report, diagnostic: Diagnostic) -> Iterator[str]:
    color = _COLORS[diagnostic.severity]
    severity = style(f"{diagnostic.severity.value}:", fg=color, bold=True)
    yield f"{severity} {_head(diagnostic)}"
    yield from _shown(report.path, report.document, diagnostic.span, "^", color)
    for each in diagnostic.related:
        yield from _note(report, each)
    if diagnostic.fix is not None:
        title = diagnostic.fix.title + _CAUTION[diagnostic.fix.applicability]
        yield f"{style('help:', fg='bright_green', bold=True)} {title}"


def _note(report: Report, related: Related) -> Iterator[str]:
    yield f"{style('note:', bold=True)} {related.message}"
    path, document = places.file_of(report, related.site)
    if document is not None:
        yield from _shown(path, document, related.site.span, "-", "bright_blue", around=0)
    else:
        yield f"  {style('-->', fg='bright_blue')} {path}:{related.site.span.line}"


def _shown(
    path: str, document: Document, span: Span, mark: str, color: str, around: int = 2
) -> Iterator[str]:
    """Where something stands, and the source there."""
    rows = excerpt(document, span, around, mark)
    width = max(len(str(row.number)) for row in rows if row.number is not None)
    bar = style(f"{' ' * width} |", fg="bright_blue", bold=True)
    arrow = style(f"{' ' * width}-->", fg="bright_blue", bold=True)
    yield f"{arrow} {_place(path, document, span)}"
    yield bar
    for row in rows:
        if row.marks:
            yield f"{bar} {style(row.text, fg=color, bold=True)}"
        elif row.number is None:
            yield style(row.text, fg="bright_blue")
        else:
            number = style(f"{row.number:>{width}} |", fg="bright_blue", bold=True)
            yield f"{number} {row.text}".rstrip()
    yield bar


def _head(diagnostic: Diagnostic) -> str:
    code = style(diagnostic.code, fg=_COLORS[diagnostic.severity], bold=True)
    mark = f"[{style('*', fg='bright_green')}] " if _is_fixable(diagnostic) else ""
    return f"{code} {mark}{diagnostic.message}"


def _is_fixable(diagnostic: Diagnostic) -> bool:
    fix = diagnostic.fix
    return fix is not None and fix.applicability is not Applicability.DISPLAY


def _place(path: str, document: Document, span: Span) -> str:
    line, column = places.start(document, span)
    return f"{path}:{line}:{column}"
