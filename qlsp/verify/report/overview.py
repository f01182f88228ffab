"""The page's table: what is measured of each workflow, of one model or of two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from qlsp.lower.lowering import Outcome
from qlsp.verify.report.quality import decibels, time_text
from qlsp.verify.report.text import share
from qlsp.verify.verify import Report


def overview(reports: Sequence[Report]) -> str:
    """A column per workflow; where two models differ, a cell says both."""
    workflows = [each.workflow for each in reports[-1].measurements]
    header = "".join(f"<th>{name}</th>" for name in ("", *workflows))
    rows = (
        (
            label,
            [[_fact(fact, report, index) for report in reports] for index in range(len(workflows))],
        )
        for label, fact in _FACTS.items()
    )
    lines = "".join(
        f"<tr><td>{label}</td>{''.join(f'<td>{_cell(values)}</td>' for values in cells)}</tr>"
        for label, cells in rows
        if any(value for values in cells for value in values)
    )
    return f'<div class="scroll"><table><tr>{header}</tr>{lines}</table></div>'


def _cell(values: list[str]) -> str:
    if len(set(values)) == 1:
        return escape(values[0])
    return " → ".join(escape(value) or "&ndash;" for value in values)


Fact = Callable[[Report, int], str]
"""What a row says of the workflow at an index; empty where it does not apply."""


def _fact(fact: Fact, report: Report, index: int) -> str:
    if report.measurements[index].flat is None:
        return "raises" if fact is _operators else ""
    return fact(report, index)


def _operators(report: Report, index: int) -> str:
    return str(len(report.measurements[index].ops))


def _extra(report: Report, index: int) -> str:
    found = report.findings[index]
    return str(sum(len(each.operators) for each in found if each.outcome is Outcome.EXTRA_OPS))


def _islands(report: Report, index: int) -> str:
    return _of_integers(report, index, str(len(report.measurements[index].islands)))


def _integer_ops(report: Report, index: int) -> str:
    return _of_integers(report, index, share(*report.measurements[index].coverage))


def _integer_macs(report: Report, index: int) -> str:
    return _of_integers(report, index, share(*report.measurements[index].mac_coverage))


def _of_integers(report: Report, index: int, text: str) -> str:
    return "" if report.measurements[index].workflow == "float" else text


def _size(report: Report, index: int) -> str:
    return f"{report.measurements[index].size / 1024:.1f} KB"


def _activations(report: Report, index: int) -> str:
    return f"{report.measurements[index].activations / 1024:.1f} KB"


def _noise(report: Report, index: int) -> str:
    noise = report.noises[index] if report.noises else None
    return "" if noise is None else ", ".join(map(decibels, noise.outputs))


def _latency(report: Report, index: int) -> str:
    latency = report.latencies[index] if report.latencies else None
    return "" if latency is None else time_text(latency.median)


def _cycles(report: Report, index: int) -> str:
    placement = report.placements[index] if report.placements else None
    return "" if placement is None else f"{placement.cycles:,} cycles"


_FACTS: Final[Mapping[str, Fact]] = {
    "operators": _operators,
    "extra ops": _extra,
    "float islands": _islands,
    "operators in integers": _integer_ops,
    "multiply-accumulates in integers": _integer_macs,
    "size": _size,
    "activations": _activations,
    "signal-to-noise": _noise,
    "latency": _latency,
    "device": _cycles,
}
