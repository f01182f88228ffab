"""Predict the lowering of published models, and hold it against what was measured.

    python -m benchmarks.applications [NAME...] [--python INTERPRETER] [--report]

`NAME` is part of a model's name. Reads the store that `python -m benchmarks.published` fills, and
traces the packages as they are installed beside `INTERPRETER` (default:
`$QLSP_TENSORFLOW_PYTHON`, else this one); nothing is run. `--report` writes the table into
`docs/lowering.md`. Exits with 1 if an error differs or less than 99 % of the layers are as
predicted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from benchmarks.published.models import MODELS, Published
from benchmarks.published.store import (
    DATA,
    WORKFLOWS,
    Conversion,
    Record,
    Store,
    packages_of,
    text,
    toolchain,
)
from qlsp.lower import Lowering, Op, Outcome, lower
from qlsp.lower.bodies import flat_ranges
from qlsp.lower.names import layer_names
from qlsp.lower.quantization import CASTS
from qlsp.source.document import Document
from qlsp.toolchain import Workflow
from qlsp.trace import LayerGraph, Project, trace_builder
from tests.tensorflow import tensorflow_python

_DOCUMENT = Path(__file__).parents[1] / "docs/lowering.md"
_BEGIN, _END = "<!-- applications: begin -->", "<!-- applications: end -->"
_GOAL = 0.99


@dataclass(frozen=True)
class Comparison:
    """Prediction and measurement of one model under one workflow."""

    model: Published
    workflow: Workflow
    measured: Conversion
    predicted: Lowering
    layers: int
    right: int
    """How many of the layers are as predicted; after an error as predicted, all."""
    same_ops: bool
    wrong: tuple[str, ...]
    """What is different, a line each."""


def main() -> int:
    """Compare, and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--store", type=Path, default=DATA)
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    packages = packages_of(arguments.python or Path(tensorflow_python()))
    store = Store(arguments.store, packages)
    project = Project(str(packages))
    found = []
    for model in MODELS:
        if arguments.names and not any(name in model.name for name in arguments.names):
            continue
        record = store.read(model)
        if record is None:
            continue
        graph = trace_builder(Document("published.py", model.source), "build", project)
        for comparison in comparisons(model, record, graph):
            found.append(comparison)
            print(_line(comparison), *comparison.wrong[:20], sep="\n  ", flush=True)
    if arguments.report:
        _write(found)
    layers, right = sum(each.layers for each in found), sum(each.right for each in found)
    print(f"{right} of {layers} layers as predicted")
    return int(right < _GOAL * layers)


def comparisons(model: Published, record: Record, graph: LayerGraph) -> Iterator[Comparison]:
    """Per workflow that was measured."""
    for workflow in record["workflows"]:
        predicted = lower(graph, workflow, toolchain(record))
        yield compare(model, workflow, graph, predicted, record)


def _line(comparison: Comparison) -> str:
    measured = comparison.measured
    what = measured["error"][1] if measured["error"] else f"{len(measured['operators'])} ops"
    verdict = "as predicted" if comparison.same_ops else "NOT as predicted"
    share = f"{comparison.right} of {comparison.layers} layers"
    return f"{comparison.model.title} {comparison.workflow}: {what} {verdict}, {share}"


def compare(
    model: Published, workflow: Workflow, graph: LayerGraph, predicted: Lowering, record: Record
) -> Comparison:
    """Hold what was measured against what is predicted."""
    measured = record["workflows"][workflow]
    names = _names_in(graph)
    layers = {names[node.index] for node in graph.flat.nodes if node.kind in {"layer", "op"}}
    removed = {names[each.node] for each in predicted.layers if each.outcome is Outcome.REMOVED}
    if measured["error"] is not None or predicted.error is not None:
        wrong = tuple(_different_errors(measured, predicted, names))
        right = 0 if wrong else len(layers)
        return Comparison(
            model, workflow, measured, predicted, len(layers), right, not wrong, wrong
        )
    real = [
        (text(each), [record["layers"][layer]["name"] for layer in each["layers"]])
        for each in measured["operators"]
    ]
    got = [
        (str(op), tuple(names[node] for node in nodes))
        for op, nodes in zip(predicted.ops, predicted.sources, strict=True)
    ]
    mine, theirs = _fates(got), _fates(real)
    alone = {each[0] for _, each in real if len(each) == 1}
    unlike = [
        each
        for each in sorted(layers)
        if mine.get(each, []) != theirs.get(each, [])
        # What vanishes may be listed with the op that it vanished into.
        and not (each in removed - mine.keys() and each not in alone)
    ]
    lines = [f"{each}: {mine.get(each, [])}, measured {theirs.get(each, [])}" for each in unlike]
    ops = [op for op, _ in got], [op for op, _ in real]
    lines = [*_different_ops(*ops), *lines]
    return Comparison(
        model, workflow, measured, predicted, len(layers), len(layers) - len(unlike),
        ops[0] == ops[1], tuple(lines),
    )  # fmt: skip


def _names_in(graph: LayerGraph) -> Mapping[int, str]:
    """The name of the model's layer that each node of the flat graph is, or is inside of."""
    names = dict(layer_names(graph.flat, 2))
    outer = layer_names(graph, 2)
    for node, parts in zip(graph.nodes, flat_ranges(graph), strict=True):
        if node.kind == "layer" and node.body is not None:
            names.update(dict.fromkeys(parts, outer[node.index]))
    return names


def _fates(ops: Sequence[tuple[str, Sequence[str]]]) -> Mapping[str, list[str]]:
    """Per layer the ops that it is in, each with its place among those of its name."""
    found: dict[str, list[str]] = {}
    for op, layers in ops:
        if Op.parse(op).name not in CASTS:
            for layer in layers:
                found.setdefault(layer, []).append(op)
    return found


def _different_ops(got: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    for tag, start, end, other, last in SequenceMatcher(None, got, wanted, False).get_opcodes():
        if tag != "equal":
            yield f"op {start}: {got[start:end]}, measured {list(wanted[other:last])}"


def _different_errors(
    measured: Conversion, predicted: Lowering, names: Mapping[int, str]
) -> Iterator[str]:
    error = predicted.error
    if error is None or measured["error"] is None:
        yield f"predicted {error}, measured {measured['error']}"
        return
    stage, type_, message = measured["error"]
    name = "" if error.node is None else names[error.node]
    told = name in message or error.message == message  # not every error names a layer
    if (error.type, error.stage) != (type_, stage) or not told:
        yield f"predicted {error.type} ({error.stage}) of {name}: {error.message[:300]}"
        yield f"measured {type_} ({stage}): {message[:300]}"


def _write(found: Sequence[Comparison]) -> None:
    """Write the table anew."""
    rows = ["| model | layers | float | ptq | qat |", "|---|---|---|---|---|"]
    for model in dict.fromkeys(each.model for each in found):
        of_model = {each.workflow: each for each in found if each.model == model}
        layers = next(iter(of_model.values())).layers
        cells = [_cell(of_model.get(workflow)) for workflow in WORKFLOWS]
        rows.append(f"| {model.title} | {layers} | {' | '.join(cells)} |")
    total = []
    for workflow in WORKFLOWS:
        of_workflow = [each for each in found if each.workflow == workflow]
        total.append(_total(of_workflow))
    rows.append(f"| **all** | | {' | '.join(total)} |")
    before, _, rest = _DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    table = "\n".join(rows)
    _DOCUMENT.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


def _total(found: Sequence[Comparison]) -> str:
    """The share of the layers of what converts, and of the errors."""
    raising = [each for each in found if each.measured["error"] is not None]
    layers = sum(each.layers for each in found if each not in raising)
    right = sum(each.right for each in found if each not in raising)
    text = f"{right} of {layers} ({right / layers:.1%})" if layers else ""
    if raising:
        text += f"; {sum(each.same_ops for each in raising)} of {len(raising)} errors"
    return text


def _cell(comparison: Comparison | None) -> str:
    if comparison is None:
        return "not measured"
    share = f"{comparison.right} of {comparison.layers}"
    if comparison.right == comparison.layers:
        share = "all"
    error = comparison.measured["error"]
    if error is not None:
        return f"raises {error[1]}, " + ("as predicted" if share == "all" else "not predicted")
    return f"{len(comparison.measured['operators'])} ops, {share}"


if __name__ == "__main__":
    sys.exit(main())
