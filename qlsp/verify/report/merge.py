"""A merge for a terminal and as plain data."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qlsp.verify.comparison import changed_ops
from qlsp.verify.merge import Agreement, Merge
from qlsp.verify.report.text import count, finding_line, summary


def print_merge(merge: Merge, console: Console) -> None:
    """Print what became of weights, ranges and ops, and whether the outputs agree."""
    console.print(Text(str(merge.toolchain)), soft_wrap=True)
    console.print(Text("trained ", style="dim") + summary(merge.trained, ()))
    console.print(Text("merged  ", style="dim") + summary(merge.merged, merge.findings))
    changes = changed_ops(merge.trained.ops, merge.merged.ops)
    gone = Text(", ").join(
        Text(f"{number:+d} {name}", style="green" if number > 0 else "red")
        for name, number in changes.items()
    )
    console.print(Text("        ") + (gone or Text("the same ops", style="dim")), soft_wrap=True)
    for finding in merge.findings:
        console.print(finding_line(finding, merge.merged.model), soft_wrap=True)
    console.print()
    console.print(_ranges(merge))
    for note in merge.notes:
        console.print(Text(f"  {note}"), soft_wrap=True)
    console.print()
    for line in agreement_lines(merge):
        console.print(line, soft_wrap=True)


def _ranges(merge: Merge) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("range of", "from", "to", "learned by"):
        table.add_column(name, justify="right" if name in ("from", "to") else "left")
    for each in merge.ranges:
        computed = each.source in ("weights", "data")
        source = f"computed from {each.source}" if computed else each.source
        style = "yellow" if computed else "dim" if each.source == each.name else ""
        table.add_row(each.name, f"{each.low:.4g}", f"{each.high:.4g}", Text(source, style=style))
    return table


def agreement_lines(merge: Merge) -> list[Text]:
    """How far both are apart: layer by layer, and at the outputs."""
    largest = max((each.steps for each in merge.ranges), default=0.0)
    inputs = count(merge.examples, "input")
    style = "green" if merge.agrees else "bold red"
    text = f"every layer is at most {largest:.2f} quantization steps from the trained one"
    lines = [Text(f"{text} ({inputs})", style=style)]
    if not merge.agreement:
        return [*lines, Text("the trained model can't be converted: outputs were not compared")]
    for index, each in enumerate(merge.agreement):
        within = 100 * (each.elements - each.outside) / max(each.elements, 1)
        lines.append(
            Text(
                f"output {index}: converted, the two differ by at most {each.steps:.0f} steps, "
                f"{within:.1f}% of {each.elements} values by one or none; conversion alone moves "
                f"the trained model by up to {each.own_steps:.1f}"
            )
        )
    return lines


def merge_data(merge: Merge) -> dict[str, Any]:
    """The merge as one JSON object; documented in `docs/merge.md`."""
    return {
        "version": 1,
        "toolchain": str(merge.toolchain),
        "ops": {
            "trained": [str(op) for op in merge.trained.ops],
            "merged": [str(op) for op in merge.merged.ops],
        },
        "notes": list(merge.notes),
        "ranges": [
            {
                "name": each.name,
                "low": each.low,
                "high": each.high,
                "source": each.source,
                "steps": each.steps,
            }
            for each in merge.ranges
        ],
        "findings": [each.message for each in merge.findings],
        "examples": merge.examples,
        "agrees": merge.agrees,
        "outputs": [_agreement(each) for each in merge.agreement],
    }


def _agreement(each: Agreement) -> dict[str, Any]:
    return {
        "steps": each.steps,
        "more_than_one_step": each.outside,
        "elements": each.elements,
        "steps_by_conversion": each.own_steps,
    }
