"""A comparison for a terminal: before and after, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from qlsp.diagnostic import Applicability, Diagnostic
from qlsp.lower.lowering import Outcome
from qlsp.toml import shown
from qlsp.verify.comparison import Comparison, changed_ops
from qlsp.verify.measurement import Measurement
from qlsp.verify.report.quality import change_lines, quality_lines
from qlsp.verify.report.text import finding_line, head, source_lines, summary
from qlsp.verify.verify import Report

_GONE, _NEW = "red", "green"


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print the fixes, per workflow both op lists side by side, and whether the function holds."""
    before, after = comparison.before, comparison.after
    if comparison.mended is None:
        console.print(Group(*head(after)), soft_wrap=True)
        console.print(Text(f"against {comparison.against}", style="dim"))
    console.print(Group(*head(before)), soft_wrap=True)
    if comparison.mended is not None:
        applied = comparison.mended.applied
        console.print()
        console.print("1 fix applied:" if len(applied) == 1 else f"{len(applied)} fixes applied:")
        for diagnostic in applied:
            console.print(_applied(diagnostic), soft_wrap=True)
    for index, (old, new) in enumerate(zip(before.measurements, after.measurements, strict=True)):
        console.print()
        console.print(Text("before ", style="dim") + summary(old, before.findings[index]))
        for finding in before.findings[index]:
            if finding.outcome is Outcome.RAISES:
                console.print(finding_line(finding, before.model), soft_wrap=True)
        console.print(Text("after  ", style="dim") + summary(new, after.findings[index]))
        if old.flat is not None or new.flat is not None:
            console.print(_changes(old, new), soft_wrap=True)
            console.print(_side_by_side(old, new, before, after))
        for finding in after.findings[index]:
            console.print(finding_line(finding, after.model), soft_wrap=True)
        for line in quality_lines(after, index):
            console.print(line, soft_wrap=True)
    console.print()
    for text in change_lines(comparison):
        console.print(text, soft_wrap=True)
    console.print(function_line(comparison), soft_wrap=True)


def _applied(diagnostic: Diagnostic) -> Text:
    text = Text("  ")
    text.append(f"{shown(Path(diagnostic.path))}:{diagnostic.span.line} ", style="bold")
    text.append(f"{diagnostic.code} ")
    if diagnostic.fix is not None:
        text.append(diagnostic.fix.title)
        if diagnostic.fix.applicability is not Applicability.SAFE:
            text.append(" (changes the function: retrain)", style="yellow")
    return text


def _changes(old: Measurement, new: Measurement) -> Text:
    text = Text("       ")
    changes = changed_ops(old.ops, new.ops)
    if not changes:
        return text.append("the same ops", style="dim")
    parts = [
        Text(f"{number:+d} {name}", style=_NEW if number > 0 else _GONE)
        for name, number in changes.items()
    ]
    return text + Text(", ").join(parts)


def _side_by_side(old: Measurement, new: Measurement, before: Report, after: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("before", "source", "", "after", "source"):
        table.add_column(name)
    for left, right in aligned(old, new):
        same = left is not None and right is not None and old.ops[left] == new.ops[right]
        table.add_row(
            *_cells(old, left, before, "" if same else _GONE),
            "" if same else "<" if right is None else ">" if left is None else "|",
            *_cells(new, right, after, "" if same else _NEW),
        )
    return table


def aligned(old: Measurement, new: Measurement) -> Iterator[tuple[int | None, int | None]]:
    """Indexes of the operators that stand for each other, in order; None where one has none."""
    matcher = SequenceMatcher(None, old.ops, new.ops, autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        for step in range(max(end - start, last - first)):
            yield (
                start + step if start + step < end else None,
                first + step if first + step < last else None,
            )


def _cells(
    measurement: Measurement, index: int | None, report: Report, style: str
) -> tuple[Text, str]:
    if index is None:
        return Text(), ""
    mapped = measurement.operators[index]
    layers = [measurement.model.layers[each] for each in mapped.layers]
    return Text(str(mapped.operator.op), style=style), source_lines(layers, report.target.file)


def function_line(comparison: Comparison) -> Text:
    """Whether both models compute the same, in one line."""
    if comparison.incomparable:
        return Text(f"not the same function: {comparison.incomparable}", style="bold red")
    largest = max((each.largest for each in comparison.differences), default=0.0)
    magnitude = max((each.magnitude for each in comparison.differences), default=0.0)
    facts = (
        f"outputs differ by at most {largest:.3g} on random inputs with the same weights "
        f"(largest output {magnitude:.3g})"
    )
    if comparison.same_function:
        return Text(f"same function: {facts}", style="green")
    if comparison.broken:
        return Text(
            "another function, which a safe fix must not make: a bug in qlsp, please report it: "
            + facts,
            style="bold red",
        )
    what = "another function" if comparison.mended is None else "another function, so retrain"
    return Text(f"{what}: {facts}", style="yellow")
