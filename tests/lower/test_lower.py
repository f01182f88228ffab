"""Lowering of graphs built by hand; the evidence is held against the tables in test_evidence."""

from __future__ import annotations

import pytest

from qlsp.lower import Outcome, behaviour, lower
from qlsp.source.document import Document
from qlsp.toolchain import MEASURED, Toolchain, Workflow
from qlsp.trace import trace_builder
from qlsp.trace.graph import LayerGraph, Node, Style

NEWEST = Toolchain("2.21.0", 2, "0.8.1")
OLD = Toolchain("2.5.3", 2, "0.5.0")


def chain(*layers: tuple[str, dict[str, object]]) -> LayerGraph:
    """A sequential model on a dynamic batch of images."""
    shape = (None, 8, 8, 4)
    nodes = [Node(0, "input", "InputLayer", 0, None, {}, (), None, None, Style.CALL, shape=shape)]
    for index, (cls, attrs) in enumerate(layers, 1):
        nodes.append(
            Node(
                index, "layer", cls, index, None, attrs, (index - 1,), None, None, Style.CALL,
                shape=shape,
            )
        )  # fmt: skip
    return LayerGraph("model", "functional", "tf_keras", nodes, outputs=(len(layers),))


CONV = ("Conv2D", {"filters": 4, "kernel_size": 3})
BATCHNORM = ("BatchNormalization", {})
ELU: tuple[str, dict[str, object]] = ("ELU", {})
RELU = ("ReLU", {})
RELU6 = ("ReLU", {"max_value": 6.0})

CHAINS: list[tuple[list[tuple[str, dict[str, object]]], Workflow, Toolchain, str]] = [
    ([CONV, BATCHNORM, RELU6], "ptq", NEWEST, "CONV_2D+RELU6:INT8"),
    ([CONV, RELU, BATCHNORM], "ptq", NEWEST, "CONV_2D+RELU:INT8 MUL:INT8 ADD:INT8"),
    ([CONV, RELU], "qat", NEWEST, "CONV_2D+RELU:INT8"),
    ([CONV, RELU], "qat", OLD, "CONV_2D:INT8 RELU:INT8"),
    ([CONV, ELU], "ptq", NEWEST, "CONV_2D:INT8 DEQUANTIZE:FLOAT32 ELU:FLOAT32 QUANTIZE:INT8"),
    ([CONV, ("Frobnicate", {}), CONV], "float", NEWEST, "CONV_2D:FLOAT32 ?:? CONV_2D:FLOAT32"),
]  # fmt: skip


@pytest.mark.parametrize(("layers", "workflow", "toolchain", "ops"), CHAINS)
def test_ops(
    layers: list[tuple[str, dict[str, object]]], workflow: Workflow, toolchain: Toolchain, ops: str
) -> None:
    assert " ".join(map(str, lower(chain(*layers), workflow, toolchain).ops)) == ops


def test_outcomes_say_which_layer_owns_what() -> None:
    lowering = lower(chain(CONV, BATCHNORM, RELU), "ptq", NEWEST)
    outcomes = [(each.outcome, each.into) for each in lowering.layers]
    assert outcomes == [
        (Outcome.REMOVED, None),
        (Outcome.OWN_OP, None),
        (Outcome.FUSED, 1),
        (Outcome.FUSED, 1),
    ]


def test_an_unsupported_layer_raises_at_its_node() -> None:
    lowering = lower(chain(CONV, RELU, BATCHNORM), "qat", NEWEST)
    assert lowering.ops == ()
    assert lowering.error is not None
    assert (lowering.error.type, lowering.error.node) == ("RuntimeError", 3)
    assert lowering.layers[3].outcome is Outcome.RAISES


def test_toolchains_of_one_behaviour_differ_only_in_name() -> None:
    assert behaviour("ptq", NEWEST) == behaviour("ptq", Toolchain("2.20.0", 2, "0.8.0"))
    assert behaviour("qat", NEWEST) != behaviour("qat", OLD)
    assert behaviour("float", Toolchain("2.3.4", 2, None)).tensorflow == (2, 5)
    assert behaviour("float", Toolchain("2.2.3", 2, None)).tensorflow == (2, 5)
    assert behaviour("qat", Toolchain("2.2.3", 2, None)).tensorflow == (2, 1)
    assert len({behaviour("float", each) for each in MEASURED}) < len(MEASURED)


def test_old_sequential_models_hide_their_input_from_quantization() -> None:
    oldest = Toolchain("2.1.4", 2, "0.3.0")
    graph = chain(CONV, RELU)
    assert lower(graph, "qat", oldest).ops[0].name == "FAKE_QUANT"
    sequential = chain(CONV, RELU)
    sequential.kind = "sequential"
    assert lower(sequential, "qat", oldest).ops[0].name == "CONV_2D"


def test_arithmetic_with_a_weight_is_arithmetic_with_a_constant() -> None:
    source = """
import tf_keras
class Scale(tf_keras.layers.Layer):
    def build(self, shape):
        self.gamma = self.add_weight(shape=(shape[-1],))
    def call(self, x):
        return x * self.gamma
def build():
    x = inputs = tf_keras.Input((8, 8, 4))
    x = tf_keras.layers.Conv2D(4, 3)(x)
    x = Scale()(tf_keras.layers.ReLU()(x))
    return tf_keras.Model(inputs, x)
"""
    graph = trace_builder(Document("model.py", source), "build")
    assert [str(op) for op in lower(graph, "ptq", NEWEST).ops] == ["CONV_2D+RELU:INT8", "MUL:INT8"]


CALLS = """
import tensorflow as tf
import keras
from keras import layers

class Rectified(layers.Layer):
    def call(self, x):
        return tf.abs(tf.nn.relu(x))

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(3, 3)

    def call(self, x):
        return tf.nn.sigmoid(self.conv(x))

def with_layer():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, Rectified()(layers.Conv2D(3, 1)(inputs)))

def without_layer():
    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, tf.abs(layers.Conv2D(3, 1)(inputs)))
"""


@pytest.mark.parametrize(
    ("builder", "refused"), [("with_layer", False), ("Net", False), ("without_layer", True)]
)
def test_keras_3_takes_functions_in_a_call_only(builder: str, refused: bool) -> None:
    graph = trace_builder(Document("model.py", CALLS), builder)
    lowering = lower(graph, "ptq", MEASURED[-1])
    outcomes = [layer.outcome for layer in lowering.layers]
    assert (Outcome.RAISES in outcomes, lowering.error is not None) == (refused, refused)
