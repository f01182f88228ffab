"""The report in Markdown, for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from qlsp.lower.lowering import Outcome
from qlsp.toml import shown
from qlsp.verify.comparison import Comparison, changed_ops
from qlsp.verify.findings import Finding
from qlsp.verify.measurement import Measurement
from qlsp.verify.report.comparison import function_line
from qlsp.verify.report.quality import change_lines, quality_lines
from qlsp.verify.report.text import head, share, source_lines, verdict
from qlsp.verify.verify import Report

_MARKS = {Outcome.EXTRA_OPS: "extra op", Outcome.FLOAT_ISLAND: "float", Outcome.RAISES: "raises"}
_COLUMNS = ("workflow", "ops", "int8 ops", "int8 MACs", "size", "activations")


def markdown(result: Report | Comparison) -> str:
    """The verdict, a table of the workflows, what is wrong, and all ops folded away."""
    return "\n".join(_lines(result)) + "\n"


def _lines(result: Report | Comparison) -> Iterator[str]:
    report = result if isinstance(result, Report) else result.after
    worse = report.worse or (isinstance(result, Comparison) and result.broken)
    name = report.target.shown
    other = result.against if isinstance(result, Comparison) else ""
    against = f" against {_code(other)}" if other else ""
    yield f"### {'❌' if worse else '✅'} {_code(name)}{against}"
    yield ""
    yield plain_text(verdict(report))
    yield ""
    if isinstance(result, Comparison):
        yield plain_text(function_line(result).plain)
        yield ""
        yield from _fixes(result)
        yield from _table(result.before, result.after)
        yield from _changes(result)
        yield from (f"- {plain_text(line)}" for line in change_lines(result))
        yield ""
    else:
        yield from _table(report)
    for index, measurement in enumerate(report.measurements):
        lines = [_finding(each, measurement) for each in report.findings[index]]
        lines += [plain_text(each.plain.strip()) for each in quality_lines(report, index)]
        if lines:
            yield f"**{measurement.workflow}**"
            yield ""
            yield from (f"- {line}" for line in lines)
            yield ""
    for index in range(len(report.measurements)):
        yield from _ops(report, index)
    for line in head(report)[1:]:
        yield f"<sub>{plain_text(line.plain)}</sub><br>"


def _fixes(comparison: Comparison) -> Iterator[str]:
    if comparison.mended is None:
        return
    for each in comparison.mended.applied:
        title = each.fix.title if each.fix else each.message
        place = f"{shown(Path(each.path))}:{each.span.line}"
        yield f"- {_code(place)} {each.code} {plain_text(title)}"
    yield ""


def _table(*reports: Report) -> Iterator[str]:
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "|---" * len(_COLUMNS) + "|"
    for measurements in zip(*(report.measurements for report in reports), strict=True):
        rows = [_row(measurement) for measurement in measurements]
        cells = [" → ".join(dict.fromkeys(values)) for values in zip(*rows, strict=True)]
        yield f"| {measurements[0].workflow} | {' | '.join(cells)} |"
    yield ""


def _row(measurement: Measurement) -> tuple[str, ...]:
    if measurement.flat is None:
        return ("raises", "", "", "", "")
    size = f"{measurement.size / 1024:.1f} KB"
    memory = f"{measurement.activations / 1024:.1f} KB"
    if measurement.workflow == "float":
        return (str(len(measurement.ops)), "", "", size, memory)
    ops, macs = share(*measurement.coverage), share(*measurement.mac_coverage)
    return (str(len(measurement.ops)), ops, macs, size, memory)


def _changes(comparison: Comparison) -> Iterator[str]:
    pairs = zip(comparison.before.measurements, comparison.after.measurements, strict=True)
    for before, after in pairs:
        changes = changed_ops(before.ops, after.ops)
        text = ", ".join(f"{number:+d} {_code(name)}" for name, number in changes.items())
        yield f"**{before.workflow}**: {text or 'the same ops'}"
        yield ""


def _finding(finding: Finding, measurement: Measurement) -> str:
    layers = [measurement.model.layers[index] for index in finding.layers]
    place = next((layer.site[0] for layer in layers if layer.site), None)
    at = f"{_code(f'{shown(Path(place.file))}:{place.line}')} " if place is not None else ""
    return f"{at}{plain_text(finding.message)}"


def _ops(report: Report, index: int) -> Iterator[str]:
    measurement = report.measurements[index]
    if measurement.flat is None:
        return
    marks = {op: each.outcome for each in report.findings[index] for op in each.operators}
    yield f"<details><summary>{measurement.workflow}: all ops</summary>"
    yield ""
    yield "| | op | | layers | source |"
    yield "|---|---|---|---|---|"
    for number, mapped in enumerate(measurement.operators):
        layers = [measurement.model.layers[each] for each in mapped.layers]
        names = ["/".join(measurement.model.paths[layer.index]) for layer in layers]
        cells = [
            str(number),
            _code(str(mapped.operator.op)),
            _MARKS[marks[number]] if number in marks else "",
            _joined(names),
            plain_text(source_lines(layers, report.target.file)),
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "</details>"
    yield ""


def _joined(names: Sequence[str]) -> str:
    return " + ".join(_code(name) for name in names)


def _code(text: str) -> str:
    """A code span; a backtick would end it, and a bar the cell it stands in."""
    return "`" + text.replace("`", "'").replace("|", "¦").replace("\n", " ") + "`"


def plain_text(text: str) -> str:
    """Plain text: what Markdown or HTML would take for markup is escaped."""
    for mark in "\\`*_[]#|":
        text = text.replace(mark, "\\" + mark)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")
