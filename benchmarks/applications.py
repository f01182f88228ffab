"""Predict the lowering of tf_keras.applications, measure it, and tell where the two differ.

    python -m benchmarks.applications [NAME...] [--workflow float,ptq,qat] [--python INTERPRETER]
    python -m benchmarks.applications --report

Each model is built with random weights at its smallest input, in `INTERPRETER` with TensorFlow,
tf_keras and tfmot (default: `$QLSP_TENSORFLOW_PYTHON`, else this one). What was measured is kept
in a folder (`--cache`), and is not measured again. `--report` measures nothing, compares what
there is, writes the table into `docs/lowering.md`, and exits with 1 if an error differs or less
than 99 % of the layers are as predicted.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.lower import Lowering, Op, Outcome, lower
from qlsp.lower.names import layer_names
from qlsp.lower.qat import flat_ranges
from qlsp.lower.quantization import CASTS
from qlsp.source.document import Document
from qlsp.toolchain import Toolchain
from qlsp.trace import LayerGraph, Project, trace_builder
from qlsp.verify.measurement import Measurement
from qlsp.verify.process import Limits
from qlsp.verify.session import Session, Target
from qlsp.verify.verify import open_model
from tests.tensorflow import tensorflow_python


def _names(family: str, variants: str) -> str:
    return " ".join(family + variant for variant in variants.split())


_FAMILIES: tuple[tuple[str, int, str], ...] = (
    ("vgg16", 32, "VGG16"),
    ("vgg19", 32, "VGG19"),
    ("mobilenet", 32, "MobileNet"),
    ("mobilenet_v2", 32, "MobileNetV2"),
    ("mobilenet_v3", 32, "MobileNetV3Small MobileNetV3Large"),
    ("resnet", 32, "ResNet50 ResNet101 ResNet152"),
    ("resnet_v2", 32, "ResNet50V2 ResNet101V2 ResNet152V2"),
    ("resnet_rs", 32, _names("ResNetRS", "50 101 152 200 270 350 420")),
    ("densenet", 32, "DenseNet121 DenseNet169 DenseNet201"),
    ("efficientnet", 32, _names("EfficientNetB", "0 1 2 3 4 5 6 7")),
    ("efficientnet_v2", 32, _names("EfficientNetV2", "B0 B1 B2 B3 S M L")),
    ("regnet", 32, _names("RegNetX", "002 004 006 008 016 032 040 064 080 120 160 320")),
    ("regnet", 32, _names("RegNetY", "002 004 006 008 016 032 040 064 080 120 160 320")),
    ("convnext", 32, _names("ConvNeXt", "Tiny Small Base Large XLarge")),
    ("inception_v3", 75, "InceptionV3"),
    ("inception_resnet_v2", 75, "InceptionResNetV2"),
    ("xception", 71, "Xception"),
    ("nasnet", 32, "NASNetMobile NASNetLarge"),
)
"""Files of tf_keras.applications, the smallest input in pixels, and what they build."""
APPLICATIONS = {name: (file, pixels) for file, pixels, names in _FAMILIES for name in names.split()}

Workflow = Literal["float", "ptq", "qat"]
_DOCUMENT = Path(__file__).parents[1] / "docs/lowering.md"
_BEGIN, _END = "<!-- applications: begin -->", "<!-- applications: end -->"
_GOAL = 0.99


@dataclass(frozen=True)
class Result:
    """What a model became, as measured."""

    toolchain: tuple[str, Literal[2, 3], str | None]
    ops: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each op, with the names of the layers it comes from, its own first."""
    error: tuple[str, str, str] | None = None
    """Type, stage and message."""
    seconds: float = 0.0
    traced: int | None = None
    """How many ops were traced to a line of source."""

    @classmethod
    def parse(cls, text: str) -> Result:
        """The inverse of `json.dumps(asdict(…))`."""
        data = json.loads(text)
        return cls(
            tuple(data["toolchain"]),
            tuple((op, tuple(layers)) for op, layers in data["ops"]),
            data["error"] and tuple(data["error"]),
            data["seconds"],
            data.get("traced"),
        )


@dataclass(frozen=True)
class Comparison:
    """Prediction and measurement of one model under one workflow."""

    name: str
    workflow: Workflow
    measured: Result
    predicted: Lowering
    layers: int
    right: int
    """How many of the layers are as predicted; after an error as predicted, all."""
    same_ops: bool
    wrong: tuple[str, ...]
    """What is different, a line each."""


def main() -> int:
    """Measure, or report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--workflow", default="float,ptq,qat")
    parser.add_argument("--cache", type=Path, default=Path(".applications"))
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    python = Path(arguments.python or tensorflow_python())
    workflows = [each for each in arguments.workflow.split(",") if each in get_args(Workflow)]
    if not arguments.report:
        for name in arguments.names or APPLICATIONS:
            _measure_missing(name, workflows, python, arguments.cache, arguments.timeout)
    found = []
    for name in arguments.names or APPLICATIONS:
        for workflow in workflows:
            file = arguments.cache / f"{name}.{workflow}.json"
            if file.exists():
                comparison = compare(name, workflow, Result.parse(file.read_text()), python)
                found.append(comparison)
                print(_line(comparison), *comparison.wrong[:20], sep="\n  ", flush=True)
    if arguments.report:
        _write(found)
    layers, right = sum(each.layers for each in found), sum(each.right for each in found)
    print(f"{right} of {layers} layers as predicted")
    return int(right < _GOAL * layers)


def _line(comparison: Comparison) -> str:
    measured = comparison.measured
    what = measured.error[0] if measured.error else f"{len(measured.ops)} ops"
    verdict = "as predicted" if comparison.same_ops else "NOT as predicted"
    share = f"{comparison.right} of {comparison.layers} layers"
    return f"{comparison.name} {comparison.workflow}: {what} {verdict}, {share}"


def _measure_missing(
    name: str, workflows: Sequence[Workflow], python: Path, cache: Path, timeout: float
) -> None:
    missing = [each for each in workflows if not (cache / f"{name}.{each}.json").exists()]
    if not missing:
        return
    _, pixels = APPLICATIONS[name]
    source = (
        f"from tf_keras.applications import {name}\n\n\n"
        f"def build():\n    return {name}(weights=None, input_shape=({pixels}, {pixels}, 3))\n"
    )
    interpreter = Interpreter(python, "--python")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.py")
        path.write_text(source, encoding="utf-8")
        with Session(interpreter, Limits(timeout, 0), lambda text: None) as session:
            try:
                versions, model = open_model(session, Target(path, "build"), interpreter)
                toolchain = Toolchain(versions.tensorflow, model.keras, versions.tfmot)
                for workflow in missing:
                    start = time.monotonic()
                    measurement = Measurement.of(session.convert(workflow), model, toolchain)
                    seconds = time.monotonic() - start
                    cache.mkdir(parents=True, exist_ok=True)
                    text = json.dumps(asdict(_result(measurement, seconds)))
                    (cache / f"{name}.{workflow}.json").write_text(text, encoding="utf-8")
            except QlspError as error:
                print(f"{name}: not measured: {error}", flush=True)


def _result(measurement: Measurement, seconds: float) -> Result:
    toolchain = measurement.toolchain
    versions = toolchain.tensorflow, toolchain.keras, toolchain.tfmot
    error = measurement.error
    if error is not None:
        return Result(versions, (), (error.type, error.stage, error.message[:2000]), seconds)
    names = [layer.name for layer in measurement.model.layers]
    ops = tuple(
        (str(op), tuple(names[layer] for layer in mapped.layers))
        for op, mapped in zip(measurement.ops, measurement.operators, strict=True)
    )
    return Result(versions, ops, None, seconds, measurement.traced[0])


@cache
def trace(name: str, python: Path) -> LayerGraph:
    """What the tracer makes of an application."""
    file, pixels = APPLICATIONS[name]
    site = next(python.parent.parent.glob("lib/python3*/site-packages"))
    path = site / "tf_keras" / "src" / "applications" / f"{file}.py"
    settings = {"weights": None, "input_shape": (pixels, pixels, 3)}
    return trace_builder(Document.read(str(path)), name, Project(str(site)), settings)


def compare(name: str, workflow: Workflow, measured: Result, python: Path) -> Comparison:
    """Hold what was measured against what is predicted."""
    graph = trace(name, python)
    flat = graph.flat
    predicted = lower(graph, workflow, Toolchain(*measured.toolchain))
    names = _names_in(graph)
    layers = {names[node.index] for node in flat.nodes if node.kind in {"layer", "op"}}
    removed = {names[each.node] for each in predicted.layers if each.outcome is Outcome.REMOVED}
    if measured.error is not None or predicted.error is not None:
        wrong = tuple(_different_errors(measured, predicted, names))
        right = 0 if wrong else len(layers)
        return Comparison(name, workflow, measured, predicted, len(layers), right, not wrong, wrong)
    got = [
        (str(op), tuple(names[node] for node in nodes))
        for op, nodes in zip(predicted.ops, predicted.sources, strict=True)
    ]
    mine, theirs = _fates(got), _fates(measured.ops)
    alone = {each[0] for _, each in measured.ops if len(each) == 1}
    unlike = [
        each
        for each in sorted(layers)
        if mine.get(each, []) != theirs.get(each, [])
        # What vanishes may be listed with the op that it vanished into.
        and not (each in removed - mine.keys() and each not in alone)
    ]
    lines = [f"{each}: {mine.get(each, [])}, measured {theirs.get(each, [])}" for each in unlike]
    ops = [op for op, _ in got], [op for op, _ in measured.ops]
    lines = [*_different_ops(*ops), *lines]
    return Comparison(
        name, workflow, measured, predicted, len(layers), len(layers) - len(unlike),
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
    measured: Result, predicted: Lowering, names: Mapping[int, str]
) -> Iterator[str]:
    error = predicted.error
    if error is None or measured.error is None:
        yield f"predicted {error}, measured {measured.error}"
        return
    type_, stage, message = measured.error
    name = "" if error.node is None else names[error.node]
    if (error.type, error.stage) != (type_, stage) or name not in message:
        yield f"predicted {error.type} ({error.stage}) of {name}: {error.message[:300]}"
        yield f"measured {type_} ({stage}): {message[:300]}"


def _write(found: Sequence[Comparison]) -> None:
    """Write the table anew."""
    rows = ["| model | layers | float | ptq | qat |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(each.name for each in found):
        of_model = {each.workflow: each for each in found if each.name == name}
        layers = next(iter(of_model.values())).layers
        cells = [_cell(of_model.get(workflow)) for workflow in get_args(Workflow)]
        rows.append(f"| {name} | {layers} | {' | '.join(cells)} |")
    total = []
    for workflow in get_args(Workflow):
        of_workflow = [each for each in found if each.workflow == workflow]
        layers, right = (
            sum(each.layers for each in of_workflow),
            sum(each.right for each in of_workflow),
        )
        total.append(f"{right} of {layers} ({right / layers:.1%})" if layers else "")
    rows.append(f"| **all** | | {' | '.join(total)} |")
    before, _, rest = _DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    table = "\n".join(rows)
    _DOCUMENT.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


def _cell(comparison: Comparison | None) -> str:
    if comparison is None:
        return "not measured"
    share = f"{comparison.right} of {comparison.layers}"
    if comparison.right == comparison.layers:
        share = "all"
    if comparison.measured.error is not None:
        return f"raises {comparison.measured.error[0]}, " + (
            "as predicted" if share == "all" else "not predicted"
        )
    return f"{len(comparison.measured.ops)} ops, {share}"


if __name__ == "__main__":
    sys.exit(main())
