"""QL113 float-activation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from qlsp.diagnostic import Applicability
from qlsp.lower import LayerLowering, Outcome
from qlsp.rules import layers
from qlsp.rules.cells import Cell
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import NewLayer, Replace, SetArgument
from qlsp.rules.rule import Case, Finding, Rewrite, Rule
from qlsp.trace.graph import Node

_FLOAT = frozenset({Outcome.FLOAT_ISLAND})


class FloatActivation(Rule):
    """An activation runs in float in the middle of an integer model.

    ## What it does
    Finds activations without an int8 kernel (`ELU`, and on older versions `selu`, `softplus`
    and others), and activations within a layer that `quantize_model` accepts without learning a
    range for what they give (`activation="swish"`).

    ## Why it matters
    The converter says nothing, even with `TFLITE_BUILTINS_INT8` as the only op set: it puts a
    `DEQUANTIZE` before and a `QUANTIZE` behind the op and goes on. An accelerator for integers
    hands that part back to the processor. With `activation="swish"` within a convolution,
    quantization-aware training leaves the convolution in float as well.

    ## How to fix it
    An activation that tfmot quantizes as a layer is taken out of the layer it is in: the same
    function, a safe fix. One without an int8 kernel has to be another function, such as ReLU,
    and the model trained again: that is only shown.

    ## References
    - `default_8bit_quantize_registry.py` in tfmot
    """

    code = "QL113"
    name = "float-activation"
    applicability = Applicability.SAFE
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "no int8 kernel",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ELU()(x)
            """,
            workflows=("ptq",),
        ),
        Case(
            "no range within the layer, with quantization-aware training",
            """
            x = layers.Conv2D(8, 3, activation="swish")(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.Activation("swish")(x)
            """,
        ),
    )
    good = (
        Case(
            "an int8 kernel",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.LeakyReLU(0.1)(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every activation that runs in float of its own doing."""
        if not layers.has_layers(model.flat):
            return
        for node in model.flat.nodes:
            if not model.ends(node, _FLOAT):
                continue
            if layers.function(node) not in {None, "relu?"}:
                found = consequence(_own(model, node), _FLOAT)
                if found is not None:
                    message = f"{layers.label(node)} has no int8 form: {found.text}"
                    yield Finding(
                        node,
                        message,
                        found,
                        rewrites=tuple(_replaced(node)),
                        related=layers.in_float_with(model, node),
                    )
            elif node.kind == "layer" and not layers.is_linear(node):
                found = consequence(model.fate_of_argument(node, "activation"), _FLOAT)
                if found is not None:
                    shown = layers.value_text(node.attr("activation"))
                    yield Finding(
                        node,
                        f"activation={shown} within {node.cls} stays in float: {found.text}",
                        found,
                        argument="activation",
                        rewrites=tuple(_hoisted(node)),
                        related=layers.in_float_with(model, node),
                    )


def _own(model: LoweredGraph, node: Node) -> Mapping[Cell, LayerLowering]:
    """The fate of an activation, where it is not in float for its neighbours' sake."""
    if node.kind == "op":  # which some Keras takes within a layer only, and not alone
        return {
            cell: layer
            for cell, layer in model.fate(node).items()
            if layer.outcome is not Outcome.FLOAT_ISLAND or layers.lacks_int8(layer)
        }
    alone = model.fate_alone(node)
    return {
        cell: layer
        for cell, layer in model.fate(node).items()
        if layer.outcome is not Outcome.FLOAT_ISLAND or alone[cell].reason == layer.reason
    }


def _replaced(node: Node) -> Iterator[Rewrite]:
    if node.cls != "ReLU":
        relu = NewLayer("ReLU", {}, "relu")
        yield Rewrite("Use ReLU instead", Applicability.DISPLAY, (Replace(node, relu),))


def _hoisted(node: Node) -> Iterator[Rewrite]:
    for what, operations in layers.hoisted(node, node):
        yield Rewrite(f"Make the activation {what}", Applicability.SAFE, operations)
    relu = SetArgument(node, "activation", "relu")
    yield Rewrite("Use activation='relu' instead", Applicability.DISPLAY, (relu,))
