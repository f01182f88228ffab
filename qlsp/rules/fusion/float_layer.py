"""QL114 float-layer."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.lower.quantization import NO_INT8
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule, related
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import Node

_FLOAT = frozenset({Outcome.FLOAT_ISLAND})
_FAULTS = frozenset({Outcome.FLOAT_ISLAND, Outcome.RAISES})


class FloatLayer(Rule):
    """A layer or a function runs in float in the middle of an integer model.

    ## What it does
    Finds layers, other than activations, of which an op has no int8 form: `Conv3D`, and
    under Keras 3 `LayerNormalization`; and with quantization-aware training an `Add` of three
    tensors or more. After training, finds functions and operators on tensors without such a form
    as well, also within layers of one's own: `tf.sign`, `tf.square`, `tf.round`, `tf.floor`,
    `tf.pow`, `tf.sin`, `-x`, and `tf.nn.local_response_normalization`.

    ## Why it matters
    The converter says nothing, even with `TFLITE_BUILTINS_INT8` as the only op set: it puts a
    `DEQUANTIZE` before and a `QUANTIZE` behind the layer and goes on. An accelerator for
    integers hands that part back to the processor, and the weights stay four times as large.

    What has no values of its own, such as a padding behind `tf.sign`, stays in float with it.

    An `Add` of three tensors becomes two operators, and tfmot learns a range for the second one's
    output only. Measured with tfmot 0.5.0 and 0.8.1: both run in float, unless the converter is
    given representative data as well.

    ## How to fix it
    Use a layer with an int8 kernel, such as `Conv2D` over slices or `BatchNormalization`, and
    train the model again. There is no automatic fix. Of an `Add`, make two: `Add()([a, b])`, and
    `Add()` of that and `c`. `x * x` stays in int8, where `tf.square(x)` does not.

    ## When it does not apply
    To code that runs outside the model, such as a loss.
    """

    code = "QL114"
    name = "float-layer"
    applicability = None
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "a layer normalization under Keras 3",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.LayerNormalization()(x)
            """,
            workflows=("ptq",),
            toolchains=(Toolchain("2.21.0", 3, "0.8.1"),),
        ),
        Case(
            "a function",
            """
            x = layers.Conv2D(8, 3)(x)
            x = tf.sign(x)
            x = layers.Conv2D(8, 3)(x)
            """,
            workflows=("ptq",),
        ),
        Case(
            "a function within a layer of one's own",
            """
            class Binary(layers.Layer):
                def call(self, x):
                    return tf.sign(x)


            x = layers.Conv2D(8, 3)(x)
            x = Binary()(x)
            """,
            workflows=("ptq",),
        ),
        Case(
            "three tensors in one addition",
            """
            a = layers.Conv2D(8, 3)(x)
            b = layers.Conv2D(8, 3)(x)
            c = layers.Conv2D(8, 3)(x)
            x = layers.Add()([a, b, c])
            """,
        ),
    )
    good = (
        Case(
            "a batch normalization",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer and function that runs in float of its own doing."""
        for node in model.flat.nodes:
            if node.kind == "op":
                yield from _function(model, node)
            if node.kind != "layer" or layers.has_activation(node) or layers.is_batchnorm(node):
                continue
            if not model.ends(node, _FLOAT):
                continue
            alone = model.fate_alone(node)
            fate = {
                cell: layer
                for cell, layer in model.fate(node).items()
                if (cell.workflow == "ptq" or node.cls == "Add")
                and (
                    layer.outcome is not Outcome.FLOAT_ISLAND or alone[cell].reason == layer.reason
                )
            }
            found = consequence(model.over_both_keras(fate), _FLOAT)
            if found is not None:
                what = f"Add of {len(node.inputs)} tensors" if node.cls == "Add" else node.cls
                yield Finding(
                    node,
                    f"{what} {NO_INT8}: {found.text}",
                    found,
                    related=layers.in_float_with(model, node),
                )


def _function(model: LoweredGraph, node: Node) -> Iterator[Finding]:
    """A function of tensors, other than an activation, in a model that is converted."""
    if layers.function(node) is not None or not model.ends(node, _FLOAT):
        return
    fate = {
        cell: layer
        for cell, layer in model.fate(node).items()
        if cell.workflow == "ptq" and (layer.outcome not in _FAULTS or layers.lacks_int8(layer))
    }
    found = consequence(model.over_both_keras(fate), _FAULTS)
    if (
        found is None
        or not layers.is_tensor(model.flat, node)
        or not layers.comes_from_layer(model, node)
        or not layers.leads_to_layer(model, node)
    ):
        return
    around = [(each, f"within {each.cls}") for each in model.layers_around(node)]
    yield Finding(
        node,
        f"{layers.operator_text(node)} {NO_INT8}: {found.text}",
        found,
        related=(*related(*around), *layers.in_float_with(model, node)),
    )
