"""QL402 missing-activation-fake-quant."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.lower.tf1.layers import op_type
from qlsp.lower.tf1.toco import PASSING
from qlsp.rules import layers
from qlsp.rules.consequence import Fate, consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule, related
from qlsp.rules.tf1 import fakequant
from qlsp.trace.graph import LayerGraph, Node

_GRAPH = """
import tensorflow as tf


def conv(x, name):
    w = tf.get_variable(name + "_w", [3, 3, 4, 4])
    w = tf.fake_quant_with_min_max_args(w, -1.0, 1.0)
    x = tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME")
    return tf.nn.relu6(tf.nn.bias_add(x, tf.get_variable(name + "_b", [4])))


x = tf.placeholder(tf.float32, [1, 8, 8, 4], name="image")
x = conv(x, "first")
{}x = conv(x, "second")
x = tf.fake_quant_with_min_max_args(x, 0.0, 6.0)
tf.identity(x, name="output")
"""
_RANGE = "x = tf.fake_quant_with_min_max_args(x, 0.0, 6.0)\n"


class MissingActivationFakeQuant(Rule):
    """A layer of a TensorFlow 1 graph has no range for what it gives.

    ## What it does
    In graphs with fake-quantization, placed by hand or by `contrib.quantize`, finds layers whose
    output has none behind it and gets no range from elsewhere.

    ## Why it matters
    TOCO takes the range of each output from the fake-quantization behind it, and stops where there
    is none: `Array Relu6, which is an input to the Conv operator …, is lacking min/max data, which
    is necessary for quantization`; at the end of the graph `Array output does not have MinMax
    information`.

    Measured with TOCO 1.15.5: a range is needed behind each convolution, dense layer, ReLU that
    stands alone, leaky ReLU, ELU, addition and multiplication. Poolings, padding, resizing,
    reshaping and means hand on the range of their input, a concatenation the widest of its
    inputs, and sigmoid, tanh and softmax have theirs by nature. `contrib.quantize` places no range
    behind activations other than ReLU and ReLU6, behind a multiplication or addition that follows
    such an activation, and behind the last layer if that has no activation.

    ## How to fix it
    Put `tf.quantization.fake_quant_with_min_max_vars` behind the output, and train its range.
    Under `contrib.quantize`, use ReLU or ReLU6, or place it by hand before the rewrite.
    `default_ranges_stats` of the converter silences the message with a made-up range: to try out
    speed only.

    ## When it does not apply
    Graphs without any fake-quantization are not judged: nothing says that they are meant
    for 8 bits. Neither is the end of a function that is given its tensors, since its caller may
    place what is missing.

    ## References
    - [tensorflow #25301](https://github.com/tensorflow/tensorflow/issues/25301),
      [tensorflow #28515](https://github.com/tensorflow/tensorflow/issues/28515)
    """

    code = "QL402"
    name = "missing-activation-fake-quant"
    applicability = None
    workflows = ("tf1",)
    bad = (Case("nothing between two layers", _GRAPH.format(""), workflows=("tf1",)),)
    good = (Case("behind each activation", _GRAPH.format(_RANGE), workflows=("tf1",)),)

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer that lacks a range for no fault that another rule names."""
        graph = model.flat
        if not fakequant.is_quantized(graph):
            return
        for node in graph.nodes:
            fate = _lacking(model, node)
            found = consequence(fate)
            if found is None:
                continue
            last = _last(model, node)
            if op_type(node) in PASSING or _is_another_rules(graph, node, last):
                continue  # the range of its input is missing
            if not graph.consumers(last) and not fakequant.is_whole(graph):
                continue
            reason = (
                "contrib.quantize gives it none"
                if fakequant.is_rewritten(graph)
                else "no fake-quantization stands behind it"
            )
            what = fakequant.name(last)
            yield Finding(
                last,
                f"The output of {what} has no range, as {reason}: {found.text}",
                found,
                related=related((node, f"the {fakequant.name(node)}")) if node is not last else (),
            )


def _lacking(model: LoweredGraph, node: Node) -> Fate:
    return {
        cell: layer
        for cell, layer in model.fate(node).items()
        if cell.workflow == "tf1" and layer.reason.startswith("its output has no range")
    }


def _last(model: LoweredGraph, node: Node) -> Node:
    """The last of the nodes that become one op with `node`: where the range belongs."""
    cell = next(iter(model.fate(node)))
    fused = [
        layer.node
        for layer in model.lowering(cell).layers
        if layer.outcome is Outcome.FUSED and layer.into == node.index
    ]
    return model.flat.nodes[max(fused, default=node.index)]


def _is_another_rules(graph: LayerGraph, node: Node, last: Node) -> bool:
    """Whether a batch normalization or misplaced fake-quantization is the cause."""
    around = [node, last, *graph.producers(node), *graph.consumers(last)]
    if any(map(layers.is_batchnorm, around)):
        return True
    before = layers.producer(graph, node)
    return before is not None and fakequant.is_fake_quant(before) and _splits(graph, before, node)


def _splits(graph: LayerGraph, fake_quant: Node, activation: Node) -> bool:
    return (
        layers.function(activation) in {"relu", "relu6"}
        and graph.sole_consumer(fake_quant) is activation
    )
