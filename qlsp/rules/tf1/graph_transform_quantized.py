"""QL406 graph-transform-quantized."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.rules.calls import CallFinding, CallRule, Usage, raises, told
from qlsp.rules.rule import Case
from qlsp.trace.program import Call

_TRANSFORM = "tf.tools.graph_transforms.TransformGraph"
_POSITION = 3
"""Of `transforms` among the arguments."""
_QUANTIZING = ("quantize_weights", "quantize_nodes")
_REFUSED = raises("`convert` raises")

_PROGRAM = """
import tensorflow as tf
from tensorflow.tools.graph_transforms import TransformGraph

with tf.gfile.GFile("frozen.pb", "rb") as stream:
    graph = tf.GraphDef.FromString(stream.read())
graph = TransformGraph(graph, ["input"], ["output"], [{}])
tf.train.write_graph(graph, ".", "transformed.pb", as_text=False)
converter = tf.lite.TFLiteConverter.from_frozen_graph("transformed.pb", ["input"], ["output"])
tflite = converter.convert()
"""


class GraphTransformQuantized(CallRule):
    """A graph that `TransformGraph` has quantized is given to the TensorFlow Lite converter.

    ## What it does
    Finds `TransformGraph` with `quantize_weights` or `quantize_nodes`, before a converter is made.

    ## Why it matters
    These transforms make the ops of TensorFlow's first 8-bit scheme, which TensorFlow Lite does not
    know (see [eight-bit-op](eight-bit-op.md)). Measured with TensorFlow 1.15.5 on two convolutions,
    by a program before this one and not again since:
    after `quantize_weights` the weights come out of `Dequantize`, and the conversion raises to
    float, to 8 bits (`Array conv2d/kernel … is lacking min/max data`), and with default ranges
    (`operator of type (Unsupported TensorFlow op: Dequantize)`). `quantize_nodes` leaves
    `QuantizeV2`, `QuantizedConv2D` and `Requantize`, which raise as well.

    ## How to fix it
    Leave the two transforms out; `fold_batch_norms`, `fold_constants` and the like do no harm. Let
    the converter quantize: by fake-quantization in training, or after training with representative
    data.

    ## When it does not apply
    To graphs that TensorFlow itself runs.

    ## References
    - `tensorflow/tools/graph_transforms/README.md` in TensorFlow 1
    """

    code = "QL406"
    name = "graph-transform-quantized"
    applicability = None
    workflows = ("ptq", "qat", "tf1")
    bad = (
        Case(
            "the weights are quantized before the conversion",
            _PROGRAM.format('"fold_batch_norms", "quantize_weights"'),
            workflows=("tf1",),
        ),
    )
    good = (
        Case(
            "the graph stays in float",
            _PROGRAM.format('"fold_batch_norms", "fold_constants"'),
            workflows=("tf1",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every quantizing transform with a converter behind it."""
        found = told(usage.toolchains, _REFUSED, "tf1")
        for call in usage.calls:
            named = _transforms(call) if call.symbol == _TRANSFORM else []
            if named and found is not None and any(map(_converts, usage.after(call))):
                message = f"TensorFlow Lite does not know what {named[0]} makes: {found.text}"
                yield CallFinding(call, message, found)


def _transforms(call: Call) -> list[str]:
    """The quantizing transforms that are certainly asked for."""
    given = call.kwargs.get("transforms")
    if given is None and len(call.args) > _POSITION:
        given = call.args[_POSITION]
    if not isinstance(given, tuple):
        return []
    return [each for each in given if isinstance(each, str) and each.startswith(_QUANTIZING)]


def _converts(call: Call) -> bool:
    return ".TFLiteConverter." in call.symbol or ".TocoConverter." in call.symbol
