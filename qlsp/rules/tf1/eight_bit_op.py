"""QL405 eight-bit-op."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import LayerLowering, Outcome
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule
from qlsp.rules.tf1 import fakequant
from qlsp.trace.graph import LayerGraph, Node

_QUANTIZING = frozenset({"tf.quantization.quantize", "tf.quantize_v2"})
_OLD = _QUANTIZING | {"tf.quantization.dequantize", "tf.quantization.quantized_concat"}
_PREFIX = "tf.nn.quantized_"

_GRAPH = """
import tensorflow as tf

x = tf.placeholder(tf.float32, [1, 8, 8, 4], name="image")
{}
x = tf.nn.conv2d(x, tf.get_variable("w", [3, 3, 4, 4]), [1, 1, 1, 1], "SAME")
x = tf.nn.relu6(x)
x = tf.fake_quant_with_min_max_args(x, 0.0, 6.0)
tf.identity(x, name="output")
"""


class EightBitOp(Rule):
    """An op of TensorFlow's first 8-bit scheme, which TensorFlow Lite does not know.

    ## What it does
    Finds `tf.quantize`, `tf.dequantize`, `tf.nn.quantized_conv2d` and the like in TensorFlow 1
    graphs. The transforms `quantize_weights` and `quantize_nodes` of `TransformGraph` put the same
    ops into a frozen graph.

    ## Why it matters
    TensorFlow has had two schemes. The first one computes on `quint8` tensors whose ranges are
    tensors too. TensorFlow Lite's has ranges that are fixed at conversion, told by
    fake-quantization. TOCO takes the ops of the first for operators that it doesn't support:
    `Array …, which is an input to the (Unsupported TensorFlow op: QuantizeV2) operator …, is
    lacking min/max data`. Measured with TOCO 1.15.5: `QuantizeV2` with `Dequantize`, and
    `QuantizedConv2D`, raise with ranges and without. The newer converters raise as well (`Failed to
    convert element type '!tf.quint8'`).

    ## How to fix it
    Convert the float graph, with fake-quantization behind each activation (see
    [missing-activation-fake-quant](missing-activation-fake-quant.md)), or quantize it after
    training. Leave `quantize_weights` and `quantize_nodes` out of `transform_graph`.

    ## References
    - `tensorflow/tools/graph_transforms/README.md` in TensorFlow 1
    """

    code = "QL405"
    name = "eight-bit-op"
    applicability = None
    workflows = ("tf1",)
    bad = (
        Case(
            "quantize and dequantize",
            _GRAPH.format(
                "x, low, high = tf.quantize(x, -6.0, 6.0, tf.quint8)\n"
                "x = tf.dequantize(x, low, high)"
            ),
            workflows=("tf1",),
        ),
    )
    good = (
        Case(
            "fake-quantization",
            _GRAPH.format("x = tf.fake_quant_with_min_max_args(x, -6.0, 6.0)"),
            workflows=("tf1",),
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """The ops that make 8-bit tensors, or where there are none those that take them."""
        graph = model.flat
        for node in graph.nodes:
            if not is_old(node) or _follows_another(graph, node):
                continue
            fate = {
                cell: LayerLowering(node.index, Outcome.RAISES)
                for cell in model.cells
                if cell.workflow == "tf1" and model.lowering(cell).error is not None
            }
            found = consequence(fate)
            if found is not None:
                yield Finding(
                    node,
                    f"TensorFlow Lite does not know {fakequant.name(node)} of the older 8-bit "
                    f"scheme: {found.text}",
                    found,
                )


def is_old(node: Node) -> bool:
    """Whether it is an op of the first scheme."""
    return node.kind == "op" and (node.cls in _OLD or node.cls.startswith(_PREFIX))


def _follows_another(graph: LayerGraph, node: Node) -> bool:
    """Whether it takes what another such op makes, which is reported."""
    return any(map(is_old, graph.producers(node)))
