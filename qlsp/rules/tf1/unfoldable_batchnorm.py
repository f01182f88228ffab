"""QL404 unfoldable-batchnorm."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule, related
from qlsp.rules.tf1 import fakequant
from qlsp.trace.graph import LayerGraph, Node

_GRAPH = """
import tensorflow as tf

tf.keras.backend.set_learning_phase(0)
x = tf.placeholder(tf.float32, [1, 8, 8, 4], name="image")
x = tf.keras.layers.Conv2D(8, 3, use_bias=False)(x)
{}
x = tf.keras.layers.Conv2D(8, 3, activation="relu")(x)
tf.identity(x, name="output")
tf.contrib.quantize.create_eval_graph()
"""
_AFTER = """\
x = tf.keras.layers.ReLU()(x)
x = tf.keras.layers.BatchNormalization()(x)"""
_BEFORE = """\
x = tf.keras.layers.BatchNormalization()(x)
x = tf.keras.layers.ReLU()(x)"""


class UnfoldableBatchnorm(Rule):
    """BatchNormalization stands where TOCO can't fold it.

    ## What it does
    In TensorFlow 1 graphs that are meant for 8 bits, finds a batch normalization behind an
    activation, or one that normalizes by the batch, or that decides when the graph runs. (A form
    of normalization that would fold, were its arguments others, is
    [fused-batchnorm](fused-batchnorm.md).)

    ## Why it matters
    A normalization that does not fold stays as a multiplication and an addition, for whose result
    nothing places a range: `Array batch_normalization/FusedBatchNormV3_mul_0, which is an input to
    the Add operator …, is lacking min/max data`. Measured with TensorFlow 1.15.5, with
    fake-quantization placed by hand and by `contrib.quantize`: behind the activation it fails in
    every form, fused or not, with fake-quantization around it or without. It is sometimes
    recommended to put the normalization there, to get rid of `does not have MinMax information`;
    that does not convert either.

    With `training` a placeholder, or with Keras's learning phase left open, TOCO finds control
    flow: `Found Mul as non-selected output from Switch, but only Merge supported`.

    ## How to fix it
    Convolution without bias, then normalization, then activation; `training=False`, or
    `tf.keras.backend.set_learning_phase(0)`, where the graph for export is built.

    ## When it does not apply
    Graphs in which neither fake-quantization nor `contrib.quantize` is used are not judged.

    ## References
    - [tensorflow #25301](https://github.com/tensorflow/tensorflow/issues/25301)
    """

    code = "QL404"
    name = "unfoldable-batchnorm"
    applicability = None
    workflows = ("tf1",)
    bad = (Case("behind the activation", _GRAPH.format(_AFTER), workflows=("tf1",)),)
    good = (Case("before the activation", _GRAPH.format(_BEFORE), workflows=("tf1",)),)

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every batch normalization that raises and could not be mended by its arguments."""
        graph = model.flat
        if not fakequant.is_quantized(graph):
            return
        for node in graph.nodes:
            if node.kind != "layer" and not node.cls.startswith("slim.batch_norm"):
                continue
            if not layers.is_batchnorm(node) and node.cls != "slim.batch_norm":
                continue
            before = _behind(graph, node)
            fate = {
                cell: layer
                for cell, layer in model.fate(node).items()
                if cell.workflow == "tf1"
                and layer.outcome is Outcome.RAISES
                and not _is_of_form(node, before, layer.reason)
            }
            found = consequence(fate)
            if found is None or before is None:
                continue
            yield Finding(
                node,
                f"BatchNormalization cannot fold, as {_why(node, before)}: {found.text}",
                found,
                related=related((before, "what it follows")),
            )


def _why(node: Node, before: Node) -> str:
    training = node.attr("training")
    if training is True:
        return "it normalizes by the batch"
    if layers.has_activation(before):
        return f"it stands behind {fakequant.name(before)}"
    return "whether it trains is decided when the graph runs"


def _behind(graph: LayerGraph, node: Node) -> Node | None:
    """What it normalizes, but for the fake-quantization between."""
    before = layers.producer(graph, node)
    while before is not None and fakequant.is_fake_quant(before):
        before = layers.producer(graph, before)
    return before


def _is_of_form(node: Node, before: Node | None, reason: str) -> bool:
    """Whether other arguments may make it fold: then QL103 says so."""
    return (
        before is not None
        and before.cls in layers.WEIGHTED
        and layers.is_linear(before)
        and node.attr("training") in (None, False)
        and not reason.startswith("whether")
    )
