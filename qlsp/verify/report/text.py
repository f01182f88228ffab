"""The report for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from qlsp.lower.lowering import Lowering, Outcome
from qlsp.toml import shown
from qlsp.verify.findings import Finding, shorten
from qlsp.verify.measurement import Measurement
from qlsp.verify.model import BuiltModel, Layer, Place
from qlsp.verify.prediction import Row, agrees, side_by_side
from qlsp.verify.report.quality import quality_lines
from qlsp.verify.verify import Report

_MARKS = {Outcome.EXTRA_OPS: "extra op", Outcome.FLOAT_ISLAND: "float"}
STYLES = {
    Outcome.EXTRA_OPS: "yellow",
    Outcome.FLOAT_ISLAND: "red",
    Outcome.RAISES: "bold red",
}


def print_report(report: Report, console: Console) -> None:
    """Print everything: the model, and per workflow its ops and what is wrong with them."""
    console.print(Group(*head(report)), soft_wrap=True)
    for index, measurement in enumerate(report.measurements):
        found = report.findings[index]
        console.print()
        console.print(summary(measurement, found), soft_wrap=True)
        lowering = _differing(report, index)
        if measurement.flat is not None:
            console.print(_table(measurement, found, report, lowering))
        for finding in found:
            console.print(finding_line(finding, measurement.model), soft_wrap=True)
        for line in quality_lines(report, index):
            console.print(line, soft_wrap=True)
        if not report.target.is_file:
            console.print(_verdict(report, index), soft_wrap=True)
    if report.seconds:
        console.print()
        console.print(times(report), soft_wrap=True)


def times(report: Report) -> Text:
    """How long everything took, in one line."""
    parts = [f"{name} {seconds:.1f} s" for name, seconds in report.seconds.items()]
    return Text(f"took {sum(report.seconds.values()):.1f} s: {', '.join(parts)}", style="dim")


def head(report: Report) -> list[Text]:
    """What was built, and with which toolchain, in lines."""
    model = report.model
    inputs = ", ".join(_shape(each.shape) for each in model.inputs)
    lines = [Text(report.target.shown, style="bold")]
    if report.interpreter is not None and report.versions is not None:
        path, origin = shown(report.interpreter.path), report.interpreter.origin
        lines.append(
            Text(f"{report.toolchain} (Python {report.versions.python}, {path}, {origin})")
        )
    size = f"{model.params:,} parameters, " if model.params else ""
    lines.append(Text(f"{model.name}: {size}input {inputs}"))
    if model.randomized:
        lines.append(
            Text(
                f"{model.randomized} weights at their initial constants got random values, "
                "as after training",
                style="dim",
            )
        )
    return lines


def verdict(report: Report) -> str:
    """The result in one line."""
    parts = []
    for measurement, found in zip(report.measurements, report.findings, strict=True):
        extra = sum(len(each.operators) for each in found if each.outcome is Outcome.EXTRA_OPS)
        islands = sum(each.outcome is Outcome.FLOAT_ISLAND for each in found)
        facts = ["raises"] if measurement.flat is None else []
        facts += [count(extra, "extra op")] if extra else []
        facts += [count(islands, "float island")] if islands else []
        parts.append(f"{measurement.workflow}: {', '.join(facts) or 'as it should be'}")
    return " · ".join(parts)


def _shape(shape: tuple[int | None, ...]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape)


def summary(measurement: Measurement, found: tuple[Finding, ...]) -> Text:
    """A workflow in one line."""
    text = Text(f"{measurement.workflow}: ", style="bold")
    if measurement.flat is None:
        return text.append("raises", style=STYLES[Outcome.RAISES])
    integer, total = measurement.coverage
    facts = [
        count(len(measurement.ops), "op"),
        f"{measurement.size / 1024:.1f} KB",
        f"{measurement.activations / 1024:.1f} KB of activations",
    ]
    if measurement.workflow != "float":
        facts.insert(1, f"{share(integer, total)} int8")
        done, products = measurement.mac_coverage
        if share(done, products) != share(integer, total):
            facts.insert(2, f"{share(done, products)} of the multiply-accumulates")
        if not measurement.integer_io:
            facts.append("float input and output")
    text.append(", ".join(facts), style="not bold")
    extra = sum(len(each.operators) for each in found if each.outcome is Outcome.EXTRA_OPS)
    if extra:
        text.append(f", {count(extra, 'extra op')}", style=STYLES[Outcome.EXTRA_OPS])
    islands = sum(each.outcome is Outcome.FLOAT_ISLAND for each in found)
    if islands:
        text.append(f", {count(islands, 'float island')}", style=STYLES[Outcome.FLOAT_ISLAND])
    traced, ops = measurement.traced
    if traced < ops and any(layer.site for layer in measurement.model.layers):
        text.append(f", {ops - traced} not traced to source", style="dim not bold")
    return text


def share(part: int, whole: int) -> str:
    """A percentage; all of nothing is 100%."""
    return f"{100 * part / whole if whole else 100:.0f}%"


def count(number: int, noun: str) -> str:
    """`1 op`, `2 ops`."""
    return f"{number} {noun}" + ("s" if number != 1 else "")


def _table(
    measurement: Measurement,
    found: tuple[Finding, ...],
    report: Report,
    lowering: Lowering | None,
) -> Table:
    """The ops with their layers and lines; beside a `lowering` that predicted others."""
    marks = {index: each.outcome for each in found for index in each.operators}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", justify="right")
    for name in ("op", "type", "", "layers", "source"):
        table.add_column(name)
    if lowering is None:
        rows = [Row(None, index) for index in range(len(measurement.operators))]
    else:
        table.add_column("predicted")
        rows = side_by_side(lowering, measurement)
    for row in rows:
        cells = (
            [""] * 6 if row.measured is None else _cells(measurement, row.measured, marks, report)
        )
        if lowering is not None:
            measured = None if row.measured is None else measurement.ops[row.measured]
            text = "nothing" if row.predicted is None else str(row.predicted)
            cells = [*cells, Text("" if row.predicted == measured else text, style="magenta")]
        table.add_row(*cells)
    return table


def _cells(
    measurement: Measurement, index: int, marks: Mapping[int, Outcome], report: Report
) -> list[str | Text]:
    mapped = measurement.operators[index]
    op = mapped.operator.op
    outcome = marks.get(index)
    style = STYLES[outcome] if outcome else ""
    layers = [measurement.model.layers[each] for each in mapped.layers]
    return [
        str(index),
        Text(f"{op.name}+{op.activation}" if op.activation else op.name, style=style),
        op.type.lower(),
        Text(_MARKS[outcome] if outcome else "", style=style),
        made_of(measurement, index),
        source_lines(layers, report.target.file),
    ]


def made_of(measurement: Measurement, index: int) -> str | Text:
    """The layers in an operator; where there are none, the name of what it computes."""
    mapped = measurement.operators[index]
    if mapped.layers:
        return " + ".join("/".join(measurement.model.paths[each]) for each in mapped.layers)
    if measurement.flat is None or not mapped.operator.outputs:
        return ""
    name = measurement.flat.main.tensors[mapped.operator.outputs[0]].name
    return Text(shorten(name.split(";")[0], 60), style="dim")


def _differing(report: Report, index: int) -> Lowering | None:
    """The lowering that was predicted for a measurement, if it did not come true."""
    prediction = report.prediction
    if prediction.gap(index) or agrees(prediction.lowerings[index], report.measurements[index]):
        return None
    return prediction.lowerings[index]


def _verdict(report: Report, index: int) -> Text:
    """How the prediction fared."""
    text = Text("  ", style="dim")
    gap = report.prediction.gap(index)
    if gap:
        return text.append(f"not predicted from source: {gap}")
    lowering = _differing(report, index)
    if lowering is None:
        return text.append("as predicted from source")
    told = (
        f"predicted {lowering.error.type} in {lowering.error.stage}"
        if lowering.error is not None
        else f"predicted {' '.join(map(str, lowering.ops))}"
    )
    return text.append(
        f"predicted otherwise, which is a bug in qlsp: please report it with this output\n  {told}",
        style="magenta not dim",
    )


def source_lines(layers: list[Layer], file: Path) -> str:
    """The lines that made the layers, `18, 20`; other files than `file` by name."""
    places = dict.fromkeys(layer.site[0] for layer in layers if layer.site)
    return ", ".join(
        str(place.line) if Path(place.file) == file else _place(place) for place in places
    )


def _place(place: Place) -> str:
    return f"{shown(Path(place.file))}:{place.line}"


def finding_line(finding: Finding, model: BuiltModel) -> Text:
    """Where, what, and which layers."""
    layers = [model.layers[index] for index in finding.layers]
    text = Text("  ")
    place = next((layer.site[0] for layer in layers if layer.site), None)
    if place is not None:
        text.append(_place(place), style="bold").append(" ")
    text.append(finding.message, style=STYLES[finding.outcome])
    names = ["/".join(model.paths[layer.index]) for layer in layers]
    if names:
        text.append(f" [{', '.join(names[:4])}{', …' if len(names) > 4 else ''}]", style="dim")
    return text
