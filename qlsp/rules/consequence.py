"""What becomes of a layer over all cells: how severe it is, and how to say it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from qlsp.diagnostic import Severity
from qlsp.lower import LayerLowering, Outcome
from qlsp.rules.cells import Cell
from qlsp.rules.lowered import BAD
from qlsp.rules.versions import describe
from qlsp.toolchain import Toolchain, Workflow

Fate = Mapping[Cell, LayerLowering]


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a fault leads to."""

    severity: Severity
    text: str
    """`ptq keeps MUL, ADD; quantize_model raises`."""
    bad: frozenset[Cell]


def consequence(fate: Fate, bad: Collection[Outcome] = BAD) -> Consequence | None:
    """What it means that a layer ends so; None if it ends well wherever that is known."""
    cells = frozenset(cell for cell, layer in fate.items() if layer.outcome in bad)
    if not cells:
        return None
    severity = Severity.INFORMATION
    clauses: list[str] = []
    pins: dict[str, None] = {}
    for workflow in dict.fromkeys(cell.workflow for cell in fate):
        here = [cell for cell in fate if cell.workflow == workflow]
        judged = [cell for cell in here if not _told_for_ptq(fate, cell)]
        surely = (_severity(fate, cell, cells) for cell in judged)
        mildest = min(surely, key=_rank, default=severity)
        severity = max(severity, mildest, key=_rank)
        effects: dict[str, list[Toolchain]] = {}
        for cell in here:
            if cell in cells and not _told_for_ptq(fate, cell):
                effects.setdefault(_effect(fate[cell], workflow), []).append(cell.toolchain)
        clauses += clauses_of(effects, [cell.toolchain for cell in here], workflow, pins)
    text = "; ".join(dict.fromkeys(clauses))
    if severity is Severity.INFORMATION:
        text += hint(pins)
    return Consequence(severity, text, cells)


def clauses_of(
    effects: Mapping[str, Sequence[Toolchain]],
    among: Sequence[Toolchain],
    workflow: Workflow,
    pins: dict[str, None],
) -> Iterator[str]:
    """Each effect with the releases that have it; `pins` takes the settings that part them."""
    for effect, where in effects.items():
        phrase = describe(where, among, workflow)
        yield f"{effect} ({phrase.text})" if phrase.text else effect
        if phrase.setting:
            pins[phrase.setting] = None


def hint(pins: Collection[str]) -> str:
    """What to do about an effect that only some releases have."""
    keys = " and ".join(f"`{key}`" for key in pins)
    return f"; set {keys} in [tool.qlsp] if that is not yours" if pins else ""


def _severity(fate: Fate, cell: Cell, bad: Collection[Cell]) -> Severity:
    if cell not in bad:
        return Severity.INFORMATION
    return Severity.ERROR if fate[cell].outcome is Outcome.RAISES else Severity.WARNING


def _told_for_ptq(fate: Fate, cell: Cell) -> bool:
    """Whether a model can't be built at all, which is said for another workflow already."""
    other = fate.get(Cell("ptq", cell.toolchain))
    return (
        cell.workflow == "qat"
        and other is not None
        and other.outcome is Outcome.RAISES
        and fate[cell].outcome is Outcome.RAISES
    )


def _effect(layer: LayerLowering, workflow: Workflow) -> str:
    if layer.outcome is Outcome.RAISES:
        return "quantize_model raises" if workflow == "qat" else "the model can't be converted"
    island = layer.outcome is Outcome.FLOAT_ISLAND
    rescales = all(op.type == "INT8" for op in layer.ops)  # QUANTIZE is from scale to scale then
    names = ", ".join(
        dict.fromkeys(
            op.name
            for op in layer.ops
            if op.name not in _CASTS or (rescales and op.name == "QUANTIZE")
            if op.type == "FLOAT32" or not island
        )
    )
    if island:
        return f"{_NAMES[workflow]} computes {names} in float"
    return f"{_NAMES[workflow]} keeps {names}"


_CASTS = frozenset({"QUANTIZE", "DEQUANTIZE"})


_NAMES = {"float": "the float model", "ptq": "ptq", "qat": "qat", "tf1": "TOCO"}
_rank = attrgetter("rank")
