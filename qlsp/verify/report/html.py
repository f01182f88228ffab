"""The report as one page that needs nothing else: to attach to a pull request, or to keep."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from pathlib import Path

from qlsp.lower.lowering import Outcome
from qlsp.source.document import Document, SourceError
from qlsp.toml import shown
from qlsp.verify.comparison import Comparison
from qlsp.verify.findings import Finding
from qlsp.verify.measurement import Measurement
from qlsp.verify.report.comparison import function_line
from qlsp.verify.report.drawing import Box, draw
from qlsp.verify.report.quality import quality_lines, speedup_lines
from qlsp.verify.report.text import head, share, source_lines, summary, verdict
from qlsp.verify.verify import Report

_STYLES = {Outcome.EXTRA_OPS: "extra", Outcome.FLOAT_ISLAND: "bad", Outcome.RAISES: "bad"}


def html_page(result: Report | Comparison) -> str:
    """The whole page."""
    page = files("qlsp.verify.report") / "page"
    style = (page / "style.css").read_text(encoding="utf-8")
    script = (page / "script.js").read_text(encoding="utf-8")
    reports = [result] if isinstance(result, Report) else [result.before, result.after]
    title = escape(reports[0].target.shown)
    body = "\n".join(_body(result, reports))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>\n{style}</style></head>\n<body>\n<h1>{title}</h1>\n"
        f"{body}\n<script>\n{script}</script></body></html>\n"
    )


def _body(result: Report | Comparison, reports: list[Report]) -> Iterator[str]:
    worse = reports[-1].worse or (isinstance(result, Comparison) and result.broken)
    style = "bad" if worse else "good"
    yield f'<p class="verdict {style}">{escape(verdict(reports[-1]))}</p>'
    for report in reports:
        yield "".join(f'<div class="soft">{escape(str(line))}</div>' for line in head(report)[1:])
    if isinstance(result, Comparison):
        yield f"<p>{escape(function_line(result).plain)}</p>"
        yield "".join(f"<p>{escape(line)}</p>" for line in speedup_lines(result))
        yield from _fixes(result)
    names = ("",) if len(reports) == 1 else ("before", "after")
    for index, measurement in enumerate(reports[0].measurements):
        yield f"<h2>{measurement.workflow}</h2>"
        if len(reports) > 1:
            yield _table([report.measurements[index] for report in reports], names)
        yield '<div class="sides">'
        for side, (name, report) in enumerate(zip(names, reports, strict=True)):
            yield _side(name, report, index, side)
        yield "</div>"
    yield "<h2>Source</h2>"
    for side, (name, report) in enumerate(zip(names, reports, strict=True)):
        yield from _sources(name, report, side)


def _fixes(comparison: Comparison) -> Iterator[str]:
    if comparison.mended is None:
        return
    items = "".join(
        f"<li><code>{escape(shown(Path(each.path)))}:{each.span.line}</code> {each.code} "
        f"{escape(each.fix.title if each.fix else each.message)}</li>"
        for each in comparison.mended.applied
    )
    yield f"<h2>Fixes</h2><ul>{items}</ul>"


def _table(measurements: list[Measurement], names: tuple[str, ...]) -> str:
    rows = [
        ("operators", [str(len(each.ops)) for each in measurements]),
        ("in integers", [share(*each.coverage) for each in measurements]),
        (
            "multiply-accumulates in integers",
            [share(*each.mac_coverage) for each in measurements],
        ),
        ("float islands", [str(len(each.islands)) for each in measurements]),
        ("size", [f"{each.size / 1024:.1f} KB" for each in measurements]),
        ("activations", [f"{each.activations / 1024:.1f} KB" for each in measurements]),
    ]
    raised = ["raises" if each.flat is None else "" for each in measurements]
    header = "".join(f"<th>{escape(name)}</th>" for name in ("", *names))
    lines = "".join(
        f"<tr><td>{escape(label)}</td>"
        + "".join(f"<td>{no or escape(cell)}</td>" for cell, no in zip(cells, raised, strict=True))
        + "</tr>"
        for label, cells in rows
    )
    return f'<div class="scroll"><table><tr>{header}</tr>{lines}</table></div>'


def _side(name: str, report: Report, index: int, side: int) -> str:
    measurement, found = report.measurements[index], report.findings[index]
    label = f"<b>{escape(name)}</b> " if name else ""
    parts = [f"<div>{label}{escape(summary(measurement, found).plain)}</div>"]
    if found:
        items = (
            f'<li class="{_STYLES[each.outcome]}">{escape(_place(each, report))}'
            f"{escape(each.message)}</li>"
            for each in found
        )
        parts.append(f"<ul>{''.join(items)}</ul>")
    parts += [
        f'<div class="soft">{escape(each.plain)}</div>' for each in quality_lines(report, index)
    ]
    if measurement.flat is not None:
        drawing = draw(measurement.flat.main, lambda each: _box(report, index, side, each))
        parts.append(f'<div class="drawing">{drawing}</div>')
    return f'<div class="side">{"".join(parts)}</div>'


def _place(finding: Finding, report: Report) -> str:
    sites = [report.model.layers[each].site for each in finding.layers]
    place = next((site[0] for site in sites if site), None)
    return f"{shown(Path(place.file))}:{place.line} " if place else ""


def _box(report: Report, index: int, side: int, operator: int) -> Box:
    measurement = report.measurements[index]
    mapped = measurement.operators[operator]
    layers = [report.model.layers[each] for each in mapped.layers]
    names = " + ".join("/".join(report.model.paths[layer.index]) for layer in layers)
    found = [each for each in report.findings[index] if operator in each.operators]
    where = source_lines(layers, report.target.file)
    hint = [str(mapped.operator.op), names, f"line {where}" if where else ""]
    return Box(
        f"op{side}-{measurement.workflow}-{operator}",
        str(mapped.operator.op),
        names or "not traced",
        _STYLES[found[0].outcome] if found else "",
        "\n".join([*filter(None, hint), *(each.message for each in found)]),
        tuple(_id(side, layer.site[0].file, layer.site[0].line) for layer in layers if layer.site),
    )


def _id(side: int, file: str, line: int) -> str:
    return f"s{side}-{zlib.crc32(file.encode()):08x}-{line}"


def _sources(name: str, report: Report, side: int) -> Iterator[str]:
    """The project's files that construct layers, as they were built."""
    changed = {path.resolve(): text for path, text in report.target.texts.items()}
    sites = (place.file for layer in report.model.layers for place in layer.site[:1])
    for file in dict.fromkeys(map(Path, sites)):
        if "site-packages" in file.parts:
            continue
        text = changed.get(file.resolve())
        try:
            document = Document.read(file) if text is None else Document.decode(str(file), text)
        except (OSError, SourceError):
            continue
        lines = "".join(
            f'<span id="{escape(_id(side, str(file), number))}" data-line="{number}">'
            f"{escape(document.line(number))}</span>"
            for number in range(1, len(document.line_starts) + 1)
        )
        label = escape(f"{shown(file)} {name}".strip())
        yield (
            f'<details{"" if side else " open"}><summary class="mono">{label}</summary>'
            f'<pre class="source">{lines}</pre></details>'
        )
