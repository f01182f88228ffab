"""Predicted lowerings against measured ones, cell by cell.

python -m tests.lower.acceptance    # writes the figures and the list in docs/lowering.md anew
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qlsp.error import QlspError
from qlsp.evidence import Cell, load
from qlsp.evidence.patterns import Pattern, patterns
from qlsp.evidence.table import MEASUREMENTS, Measurement
from qlsp.evidence.toolchains import SETUPS, Setup
from qlsp.lower import Lowering, Outcome, behaviour, lower
from qlsp.lower.names import layer_names
from qlsp.source.document import Document
from qlsp.trace import LayerGraph, trace_builder
from qlsp.trace.graph import Flavour

DOCUMENT = Path(__file__).parents[2] / "docs/lowering.md"
_BEGIN, _END = "<!-- acceptance: begin -->", "<!-- acceptance: end -->"
_VERDICTS: dict[str, tuple[Verdict, ...]] = {}
_SIGNALS = frozenset({"SIGSEGV", "SIGABRT", "Timeout"})
"""What is measured of a converter that dies: what it printed last is not its message."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One cell: what was predicted and what was measured."""

    toolchain: str
    pattern: str
    workflow: Measurement
    predicted: str
    measured: str
    agrees: bool
    layers: int = 0
    """Layers that the evidence names, in a cell that agrees and has ops."""
    placed: int = 0
    """How many of them are in the very ops that the evidence names them with."""

    @property
    def name(self) -> str:
        """How the cell is listed."""
        return f"{self.pattern} ({self.workflow})"


def verdicts(setup: Setup) -> tuple[Verdict, ...]:
    """Every cell of the toolchain that has a prediction."""
    if setup.name not in _VERDICTS:
        _VERDICTS[setup.name] = tuple(_judge(setup)) if has_evidence(setup) else ()
    return _VERDICTS[setup.name]


def has_evidence(setup: Setup) -> bool:
    """Whether the toolchain has been measured."""
    try:
        load(setup.toolchain)
    except QlspError:
        return False
    return True


def _judge(setup: Setup) -> Iterator[Verdict]:
    known = {pattern.name: pattern for pattern in patterns(setup.flavour)}
    for (name, measurement), cell in load(setup.toolchain).cells.items():
        try:
            traced = graph(known[name], setup.flavour)
        except QlspError as error:
            text = f"not traced: {error}"
            yield Verdict(setup.name, name, measurement, text, _measured_text(cell), False)
            continue
        predicted = _predict(traced, measurement, setup)
        agreement = agrees(predicted, cell)
        places = _places(traced, predicted, cell, setup) if agreement else (0, 0)
        text = _text(predicted)
        yield Verdict(setup.name, name, measurement, text, _measured_text(cell), agreement, *places)


def _predict(traced: LayerGraph, measurement: Measurement, setup: Setup) -> Lowering:
    if measurement == "qat_data":
        return lower(traced, "qat", setup.toolchain, representative=True)
    return lower(traced, measurement, setup.toolchain)


def _places(traced: LayerGraph, predicted: Lowering, cell: Cell, setup: Setup) -> tuple[int, int]:
    """How many layers there are, and how many are in the same ops as measured.

    Left out are layers that vanish, functions on tensors (Keras 3 has no layers of them) and
    models with models within (named as one).
    """
    flat = traced.flat
    if flat is not traced or setup.flavour == "tf1":
        return 0, 0
    version = behaviour("float", setup.toolchain)
    names = layer_names(flat, version.keras, version.tensorflow)
    layers = [
        node.index
        for node, fate in zip(flat.nodes, predicted.layers, strict=True)
        if node.kind == "layer" and fate.outcome is not Outcome.REMOVED
    ]
    same = [
        [index in nodes for nodes in predicted.sources]
        == [names[index] in op.layers for op in cell.ops]
        for index in layers
    ]
    return (len(same), sum(same)) if cell.ops else (0, 0)


@cache
def graph(pattern: Pattern, flavour: Flavour) -> LayerGraph:
    """What the tracer recovers from a pattern's source."""
    return trace_builder(Document("pattern.py", pattern.source(flavour)), "build")


def agrees(predicted: Lowering, cell: Cell) -> bool:
    """Whether ops or error are the same; of a long message the head is kept in the evidence."""
    if cell.error is None or predicted.error is None:
        return (cell.error is predicted.error) and _text(predicted) == _measured_text(cell)
    if (cell.error.type, cell.error.stage) != (predicted.error.type, predicted.error.stage):
        return False
    head, text = cell.error.message.rstrip("…"), predicted.error.message
    # What runs the patterns gives their classes no module.
    text = text.replace("<class '__main__.", "<class '")
    # `qat_data` is measured behind `qat`, in the same process.
    head = head.replace('"quantize_layer_1"', '"quantize_layer"')
    return cell.error.type in _SIGNALS or (
        len(text) > 20 and (head.startswith(text) or text.startswith(head))
    )


def _text(lowering: Lowering) -> str:
    if lowering.error is not None:
        return f"{lowering.error.type}: {lowering.error.message}"
    return " ".join(map(str, lowering.ops))


def _measured_text(cell: Cell) -> str:
    if cell.error is not None:
        return f"{cell.error.type}: {cell.error.message}"
    return " ".join(str(each.op) for each in cell.ops)


def report() -> str:
    """Shares per toolchain and workflow, and the cells that are not reproduced."""
    rows = []
    missing = []
    for setup in SETUPS:
        found = verdicts(setup)
        layers, placed = sum(each.layers for each in found), sum(each.placed for each in found)
        shares = []
        for workflow in MEASUREMENTS:
            cells = [each for each in found if each.workflow == workflow]
            good = sum(each.agrees for each in cells)
            shares.append(f"{good} of {len(cells)}" if cells else "")
        if found:
            shares.append(f"{placed} of {layers}" if layers else "")
            rows.append(f"| {setup.toolchain} | {' | '.join(shares)} |")
        bad: dict[str, list[str]] = {}
        for each in found:
            if not each.agrees:
                bad.setdefault(each.pattern, []).append(each.workflow)
        if bad:
            lines = (f"- {pattern} ({', '.join(bad[pattern])})" for pattern in sorted(bad))
            missing += [f"### {setup.name}", "", *lines, ""]
    head = f"| toolchain | {' | '.join(MEASUREMENTS)} | layers |"
    line = "|---" * (len(MEASUREMENTS) + 2) + "|"
    return "\n".join([head, line, *rows, "", "## Not reproduced", "", *missing]).rstrip() + "\n"


def is_accepted(setup: Setup) -> bool:
    """Whether the document tells how far the toolchain's evidence is reproduced."""
    return f"| {setup.toolchain} |" in _parts()[1]


def listed() -> dict[str, set[str]]:
    """The cells that the document admits, by toolchain."""
    found: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in _parts()[1].splitlines():
        if line.startswith("### "):
            current = found.setdefault(line.removeprefix("### "), set())
        elif line.startswith("- "):
            pattern, _, workflows = line.removeprefix("- ").removesuffix(")").rpartition(" (")
            current.update(f"{pattern} ({workflow})" for workflow in workflows.split(", "))
    return found


def _parts() -> tuple[str, str, str]:
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    inside, _, after = rest.partition(_END)
    return before, inside, after


if __name__ == "__main__":
    before, _, after = _parts()
    DOCUMENT.write_text(f"{before}{_BEGIN}\n{report()}{_END}{after}", encoding="utf-8")
    print(re.sub(r"(?s)## Not.*", "", report()))
