"""QL406 graph-transform-quantized."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qlsp.rules.calls import CallFinding, CallRule, Effect, Usage, raises, told
from qlsp.rules.rule import Case
from qlsp.trace.graph import Symbol
from qlsp.trace.program import Call

_TRANSFORM = "tf.tools.graph_transforms.TransformGraph"
_POSITION = 3
"""Of `transforms` among the arguments."""
_WEIGHTS, _NODES = "quantize_weights", "quantize_nodes"
_REFUSED = raises("`convert` raises")
_ROUNDED = Effect("the weights come out in float again, and no more exact than 8 bits")
_FLOAT = frozenset({"tf.float32", "tf.lite.constants.FLOAT"})
_QUANTIZES = ("optimizations", "post_training_quantize", "representative_dataset")
"""Settings by which the weights become integers again."""

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
    Finds `TransformGraph` with `quantize_nodes` before a converter is made, and with
    `quantize_weights` before a conversion to 8 bits by ranges (`inference_type`), or to float.

    ## Why it matters
    These transforms make the ops of TensorFlow's first 8-bit scheme, which TensorFlow Lite does not
    know (see [eight-bit-op](eight-bit-op.md)). Measured with TensorFlow 1.15.5 on a
    convolution and a ReLU, without fake-quantization (the cases `TF 1 transformed` of the evidence):

    | transform | conversion | what comes out |
    |---|---|---|
    | `quantize_weights` | to float | float weights, as large as before, of 256 values |
    | `quantize_weights` | `inference_type = tf.uint8` | raises: `lacking min/max data` |
    | `quantize_weights` | and `default_ranges_stats` | raises: `(Unsupported TensorFlow op: Dequantize)` |
    | `quantize_weights` | after training, with data | an int8 model |
    | `quantize_nodes` | to float, or with default ranges | raises: `QuantizeV2`, `QuantizedConv2D`, `Requantize` |

    ## How to fix it
    Leave the two transforms out; `fold_batch_norms`, `fold_constants` and the like do no harm. Let
    the converter quantize: by fake-quantization in training, or after training with representative
    data.

    ## When it does not apply
    To graphs that TensorFlow itself runs. A graph with quantized weights can be quantized after
    training, but from weights that are rounded already.

    ## References
    - `tensorflow/tools/graph_transforms/README.md` in TensorFlow 1
    """  # noqa: E501

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
        Case(
            "the whole graph is",
            _PROGRAM.format('"quantize_weights", "quantize_nodes"'),
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
        """Every quantizing transform with a conversion behind it that it spoils."""
        for call in usage.calls:
            named = _transforms(call) if call.symbol == _TRANSFORM else []
            effect = _effect(named, usage.after(call))
            found = None if effect is None else told(usage.toolchains, effect, "tf1")
            if found is not None:
                message = f"TensorFlow Lite does not know what {named[0]} makes: {found.text}"
                yield CallFinding(call, message, found)


def _transforms(call: Call) -> list[str]:
    """The quantizing transforms that are certainly asked for, the worse first."""
    given = call.kwargs.get("transforms")
    if given is None and len(call.args) > _POSITION:
        given = call.args[_POSITION]
    if not isinstance(given, tuple):
        return []
    named = [each for each in given if isinstance(each, str)]
    return [each for which in (_NODES, _WEIGHTS) for each in named if each.startswith(which)]


def _effect(named: Sequence[str], after: Sequence[Call]) -> Effect | None:
    """What the transforms lead to in the calls that come `after`."""
    if not named:
        return None
    if named[0].startswith(_NODES):
        return _REFUSED if any(map(_converts, after)) else None
    conversions = [each for each in after if each.symbol == "converter.convert"]
    types = [_inference_type(each) for each in conversions]
    if any(each is not None and each not in _FLOAT for each in types):
        return _REFUSED
    plain = [not any(name in each.settings for name in _QUANTIZES) for each in conversions]
    return _ROUNDED if plain and all(plain) and None not in types else None


def _inference_type(conversion: Call) -> str | None:
    """The canonical name of what is set, or of the default; None if that isn't known."""
    held = conversion.settings.get("inference_type")
    if held is None:
        return "tf.float32"
    return held.value.name if isinstance(held.value, Symbol) else None


def _converts(call: Call) -> bool:
    return ".TFLiteConverter." in call.symbol or ".TocoConverter." in call.symbol
