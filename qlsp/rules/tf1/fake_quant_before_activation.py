"""QL401 fake-quant-before-activation."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import Fate, consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import Remove, Swap
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.rules.tf1 import fakequant
from qlsp.trace.graph import LayerGraph, Node

_GRAPH = """
import tensorflow as tf

x = tf.placeholder(tf.float32, [1, 8, 8, 4], name="image")
w = tf.get_variable("w", [3, 3, 4, 4])
w = tf.fake_quant_with_min_max_args(w, -1.0, 1.0)
x = tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME")
x = tf.nn.bias_add(x, tf.get_variable("b", [4]))
{}
tf.identity(x, name="output")
"""
_AFTER = """\
x = tf.nn.relu6(x)
x = tf.fake_quant_with_min_max_args(x, -6.0, 6.0)"""


class FakeQuantBeforeActivation(Rule):
    """Fake-quantization splits a convolution from its bias or activation.

    ## What it does
    Finds a `fake_quant_with_min_max_*` between a convolution and the bias or activation that
    the converter would make a part of it.

    ## Why it matters
    Inference computes convolution, bias and ReLU in one kernel, which rounds once, at its end.
    Fake-quantization says where values are rounded, so one before the activation keeps the two
    apart: an op of its own reads and writes the whole feature map again. And the range behind the
    activation is missing then: TOCO stops with `is lacking min/max data, which is necessary for
    quantization`.

    Measured with TOCO 1.15.5 (and the same with that of 2.15 and 2.17):

    | fake-quantization | becomes |
    |---|---|
    | behind the activation | `CONV_2D` |
    | between bias and ReLU6 | raises `Array Relu6 … is lacking min/max data` |
    | there, and behind the ReLU6 | `CONV_2D` `RELU6` |
    | between convolution and bias | `CONV_2D` `ADD` |

    The converter of TensorFlow 2.15 to 2.21 leaves the ReLU6 of the second line in float.

    ## How to fix it
    Put the fake-quantization behind the activation. The graph then rounds other values in
    training, so the fix is unsafe: train again, or at least let the ranges be learned again.

    ## When it does not apply
    On a bias, or missing on weights, fake-quantization was measured to do no harm to the
    conversion: TOCO quantizes a bias to 32 bits whatever stands there, and takes the range of
    constant weights from the weights. (Without it, training does not see their rounding.)

    ## References
    - [TensorFlow Lite 8-bit quantization](https://www.tensorflow.org/lite/performance/quantization_spec)
    """

    code = "QL401"
    name = "fake-quant-before-activation"
    applicability = Applicability.UNSAFE
    workflows = ("tf1",)
    bad = (
        Case(
            "between bias and activation",
            _GRAPH.format("x = tf.fake_quant_with_min_max_args(x, -6.0, 6.0)\nx = tf.nn.relu6(x)"),
            _GRAPH.format(_AFTER),
            workflows=("tf1",),
        ),
        Case(
            "behind the bias, and behind the activation as well",
            _GRAPH.format(f"x = tf.fake_quant_with_min_max_args(x, -6.0, 6.0)\n{_AFTER}"),
            _GRAPH.format(_AFTER),
            workflows=("tf1",),
        ),
    )
    good = (Case("behind the activation", _GRAPH.format(_AFTER), workflows=("tf1",)),)

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every fake-quantization without which what follows it would fuse."""
        graph = model.flat
        for node in graph.nodes:
            if not fakequant.is_fake_quant(node):
                continue
            before, after = layers.producer(graph, node), graph.sole_consumer(node)
            if before is None or after is None or before.kind == "input":
                continue
            fate = _split(model, node, after)
            found = consequence(fate)
            if found is None:
                continue
            what, rest = fakequant.name(before), fakequant.name(after)
            yield Finding(
                node,
                f"Fake-quantization keeps {rest} from becoming part of {what}: {found.text}",
                found,
                related=related((before, f"the {what}"), (after, f"the {rest}")),
                rewrites=_rewrites(graph, node, after),
            )


def _rewrites(graph: LayerGraph, node: Node, after: Node) -> tuple[Rewrite, ...]:
    """Only behind an activation: what comes behind a bias isn't known to be its end."""
    if layers.function(after) is None:
        return ()
    user = graph.sole_consumer(after)
    if user is not None and fakequant.is_fake_quant(user):
        return (Rewrite("Remove the fake-quantization", Applicability.UNSAFE, (Remove(node),)),)
    title = f"Move the fake-quantization behind {fakequant.name(after)}"
    return (Rewrite(title, Applicability.UNSAFE, (Swap(node, after),)),)


def _split(model: LoweredGraph, node: Node, after: Node) -> Fate:
    """What becomes of `after`, as an extra op where it would fuse without `node`."""
    free = model.without(node)
    better = free.fate(free.flat.nodes[after.index])
    return {
        cell: layer._replace(outcome=Outcome.EXTRA_OPS)
        if layer.outcome is Outcome.OWN_OP and better[cell].outcome is Outcome.FUSED
        else layer
        for cell, layer in model.fate(after).items()
        if cell in better
        and cell.workflow == "tf1"
        and (layer.outcome is not Outcome.RAISES or better[cell].outcome is Outcome.FUSED)
    }
