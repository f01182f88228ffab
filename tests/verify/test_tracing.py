"""Every operator leads back to the lines that made it, and to the predicted lowering."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from qlsp.discovery.interpreter import Interpreter
from qlsp.lower.lowering import Outcome
from qlsp.toolchain import Toolchain, Workflow
from qlsp.verify.findings import findings
from qlsp.verify.measurement import Measurement
from qlsp.verify.prediction import agrees, measured_lowering, predict
from qlsp.verify.process import Limits
from qlsp.verify.session import Session
from qlsp.verify.target import Target
from tests.tensorflow import tensorflow_python

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parent / "models" / "faulty.py"
LINES = {
    line.split("  # ")[1]: number
    for number, line in enumerate(MODELS.read_text().splitlines(), 1)
    if "  # " in line
}

OF_FLATTEN = {"SHAPE", "STRIDED_SLICE", "PACK"}
"""Flatten is these besides RESHAPE under Keras 3."""


class Bench:
    """One runner for all tests: building and converting is quick, importing TensorFlow isn't."""

    def __init__(self, session: Session) -> None:
        versions = session.start()
        assert versions is not None
        self._session = session
        self._versions = versions

    def measure(self, builder: str, workflow: Workflow, *, keras_3: bool = False) -> Measurement:
        target = self.target(builder)
        if keras_3:  # the same lines, with the newer Keras
            text = MODELS.read_bytes().replace(b"tf_keras", b"keras")
            target = replace(target, texts={MODELS: text})
        model = self._session.build(target)
        toolchain = Toolchain(self._versions.tensorflow, model.keras, self._versions.tfmot)
        return Measurement.of(self._session.convert(workflow), model, toolchain)

    @staticmethod
    def target(builder: str) -> Target:
        return Target(MODELS, builder, roots=(MODELS.parent,))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    interpreter = Interpreter(Path(tensorflow_python()), "the tests")
    with Session(interpreter, Limits(300)) as session:
        yield Bench(session)


def traced(measurement: Measurement) -> list[tuple[str, list[int]]]:
    """Per operator its name and the lines it was traced to."""
    layers = measurement.model.layers
    return [
        (
            str(mapped.operator.op).split(":")[0],
            list(dict.fromkeys(layers[index].site[0].line for index in mapped.layers)),
        )
        for mapped in measurement.operators
    ]


@pytest.mark.parametrize(
    ("builder", "workflow", "expected"),
    [
        (
            "good",
            "ptq",
            [
                ("CONV_2D+RELU6", "conv, bn, relu"),
                ("RESHAPE", "flatten"),
                ("FULLY_CONNECTED", "dense"),
                ("SOFTMAX", "dense"),
            ],
        ),
        (
            "good",
            "qat",
            [
                ("CONV_2D+RELU6", "conv, bn, relu"),
                ("RESHAPE", "flatten"),
                ("FULLY_CONNECTED", "dense"),
                ("SOFTMAX", "dense"),
            ],
        ),
        (
            "separable",
            "ptq",
            [
                ("DEPTHWISE_CONV_2D", "separable"),
                ("CONV_2D+RELU", "separable, separable bn, separable relu"),
                ("CONV_2D", "behind separable"),
            ],
        ),
        (
            "separable",
            "qat",
            [
                ("DEPTHWISE_CONV_2D", "separable"),
                ("CONV_2D+RELU", "separable, separable bn, separable relu"),
                ("CONV_2D", "behind separable"),
            ],
        ),
        (
            "loop",
            "ptq",
            [
                ("CONV_2D+RELU", "block conv, block relu"),
                ("MUL", "block bn"),
                ("ADD", "block bn"),
                ("CONV_2D+RELU", "block conv, block relu"),
                ("MUL", "block bn"),
                ("ADD", "block bn"),
            ],
        ),
        *(
            (
                "tower",
                workflow,
                [
                    *[("CONV_2D+RELU", "tower conv, tower bn, tower relu")] * 3,
                    ("ADD+RELU6", "tower add, tower end"),
                    ("MEAN", "tower pool"),
                ],
            )
            for workflow in ("float", "ptq", "qat")
        ),
        (
            "nested",
            "float",
            [
                ("CONV_2D+RELU", "nested conv"),
                ("MAX_POOL_2D", "nested pool"),
                ("MEAN", "head pool"),
                ("FULLY_CONNECTED", "head dense"),
            ],
        ),
        (
            "shared",
            "ptq",
            [
                ("CONV_2D+RELU", "shared conv, first relu"),
                ("CONV_2D+RELU6", "shared conv, second relu"),
            ],
        ),
        (
            "own_layer",
            "ptq",
            [
                ("CONV_2D", "outer conv"),
                ("CONV_2D", "gate conv"),
                ("LOGISTIC", "gate act"),
                ("MUL", "outer pool"),
                ("MAX_POOL_2D", "outer pool"),
            ],
        ),
        (
            "subclassed",
            "ptq",
            [
                ("CONV_2D", "net conv, net bn"),
                ("MEAN", "net pool"),
                ("FULLY_CONNECTED", "net dense"),
            ],
        ),
        (
            "float_island",
            "ptq",
            [("CONV_2D", "elu"), ("DEQUANTIZE", "elu"), ("ELU", "elu"), ("QUANTIZE", "elu")],
        ),
        ("model", "ptq", [("CONV_2D+RELU", "stacked conv"), ("RELU6", "stacked relu")]),
    ],
)
def test_operators_are_traced_to_lines(
    bench: Bench, builder: str, workflow: Workflow, expected: list[tuple[str, str]]
) -> None:
    measurement = bench.measure(builder, workflow)
    assert traced(measurement) == [
        (name, list(dict.fromkeys(LINES[each] for each in lines.split(", "))))
        for name, lines in expected
    ]


@pytest.mark.parametrize("workflow", ["float", "ptq"])
@pytest.mark.parametrize(
    "builder",
    ["good", "loop", "tower", "nested", "shared", "own_layer", "subclassed", "two_ends", "stacked"],
)
def test_keras_3_is_traced_to_the_same_lines(
    bench: Bench, builder: str, workflow: Workflow
) -> None:
    newer = bench.measure(builder, workflow, keras_3=True)
    assert newer.model.keras == 3
    found = traced(newer)
    assert [each for each in found if each[0] not in OF_FLATTEN] == traced(
        bench.measure(builder, workflow)
    )
    assert {str(lines) for name, lines in found if name in OF_FLATTEN} <= {str([LINES["flatten"]])}


def test_call_path(bench: Bench) -> None:
    model = bench.measure("loop", "float").model
    conv = next(layer for layer in model.layers if layer.cls == "Conv2D")
    assert [place.line for place in conv.site] == [LINES["block conv"], LINES["call"]]


def test_two_outputs(bench: Bench) -> None:
    found = dict(traced(bench.measure("two_ends", "float")))
    assert found["FULLY_CONNECTED"] == [LINES["left"]]
    assert found["FULLY_CONNECTED+RELU"] == [LINES["right"]]


@pytest.mark.parametrize("workflow", ["float", "ptq", "qat"])
@pytest.mark.parametrize(
    "builder",
    ["good", "loop", "nested", "shared", "subclassed", "two_ends", "float_island", "stacked"],
)
def test_prediction_comes_true(bench: Bench, builder: str, workflow: Workflow) -> None:
    measurement = bench.measure(builder, workflow)
    prediction = predict(bench.target(builder), (workflow,), measurement.toolchain)
    assert prediction.gap(0) == ""
    (lowering,) = prediction.lowerings
    assert agrees(lowering, measurement), (lowering.ops, measurement.ops, measurement.error)


@pytest.mark.parametrize(
    ("builder", "workflow", "outcome", "message", "line"),
    [
        ("loop", "ptq", Outcome.EXTRA_OPS, "MUL ADD: BatchNormalization is not folded", "block bn"),
        ("stacked", "ptq", Outcome.EXTRA_OPS, "RELU6 is not fused into CONV_2D", "stacked relu"),
        ("float_island", "ptq", Outcome.FLOAT_ISLAND, "ELU: computes in float", "elu"),
        ("loop", "qat", Outcome.RAISES, "quantize_model raises RuntimeError: Layer", "block bn"),
    ],
)
def test_findings(
    bench: Bench, builder: str, workflow: Workflow, outcome: Outcome, message: str, line: str
) -> None:
    measurement = bench.measure(builder, workflow)
    found = findings(measurement)[0]
    assert found.outcome is outcome
    assert found.message.startswith(message)
    assert measurement.model.layers[found.layers[0]].site[0].line == LINES[line]


@pytest.mark.parametrize("builder", ["good", "nested", "shared"])
def test_nothing_wrong(bench: Bench, builder: str) -> None:
    assert findings(bench.measure(builder, "ptq")) == ()


def test_measured_lowering_is_told_per_node(bench: Bench) -> None:
    measurement = bench.measure("loop", "ptq")
    graph = predict(bench.target("loop"), ("ptq",), measurement.toolchain).graph
    assert graph is not None
    lowering = measured_lowering(graph, measurement, findings(measurement))
    assert [
        (graph.flat.nodes[each.node].cls, each.outcome, tuple(map(str, each.ops)))
        for each in lowering.layers
        if graph.flat.nodes[each.node].kind == "layer"
    ] == [
        ("Conv2D", Outcome.OWN_OP, ("CONV_2D+RELU:INT8",)),
        ("ReLU", Outcome.FUSED, ()),
        ("BatchNormalization", Outcome.EXTRA_OPS, ("MUL:INT8", "ADD:INT8")),
    ] * 2
