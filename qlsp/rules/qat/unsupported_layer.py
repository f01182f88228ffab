"""QL202 unsupported-layer."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule
from qlsp.toolchain import Toolchain

_RAISES = frozenset({Outcome.RAISES})
_OTHERS = frozenset({"BatchNormalization", "Lambda", "Activation"})
"""Layers of which other rules say why they are refused."""


class UnsupportedLayer(Rule):
    """`quantize_model` does not know this layer and refuses the whole model.

    ## What it does
    Finds layers that the registry of the project's tfmot does not have, and user-defined layers.
    Among those that are missed most: `Conv1D`, `Multiply`, `PReLU`, `LayerNormalization`,
    `Rescaling`, `Embedding`, all recurrent layers and `MultiHeadAttention`.

    ## Why it matters
    `quantize_model` raises for the first of them: `Layer ... is not supported. You can quantize
    this layer by passing a tfmot.quantization.keras.QuantizeConfig`. The model is not trained at
    all.

    ## How to fix it
    One of:

    - quantize after training (`ptq`): the converter knows many more layers than tfmot does;
    - give the layer a `QuantizeConfig` with `quantize_annotate_layer`, and use `quantize_apply`;
    - annotate only the other layers: those without annotation stay in float;
    - take preprocessing such as `Rescaling` or `Normalization` out of the model;
    - write `Conv1D` as `Conv2D` with a kernel of `(1, k)` between two `Reshape` layers.

    There is no automatic fix: which of these is right depends on the project.

    ## When it does not apply
    Where the model is quantized after training only, or the layer is left out of the annotation.

    ## References
    - [tfmot #647](https://github.com/tensorflow/model-optimization/issues/647),
      [tfmot #733](https://github.com/tensorflow/model-optimization/issues/733),
      [tfmot #362](https://github.com/tensorflow/model-optimization/issues/362)
    - `default_8bit_quantize_registry.py` in tfmot
    """

    code = "QL202"
    name = "unsupported-layer"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "a layer that no tfmot knows",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.Conv2D(8, 3, activation="sigmoid")(x)
            x = layers.Multiply()([x, y])
            """,
        ),
        Case(
            "a layer that this tfmot does not know yet",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.LeakyReLU(0.1)(x)
            """,
            toolchains=(Toolchain("2.5.3", 2, "0.5.0"),),
        ),
    )
    good = (
        Case(
            "a layer that it knows",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.Conv2D(8, 3)(x)
            x = layers.Add()([x, y])
            """,
        ),
        Case(
            "without quantization-aware training",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.Conv2D(8, 3, activation="sigmoid")(x)
            x = layers.Multiply()([x, y])
            """,
            workflows=("ptq",),
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer that is refused for what it is."""
        for node in model.flat.nodes:
            if node.kind != "layer" or node.cls in _OTHERS or not model.ends(node, _RAISES):
                continue
            fate = {
                cell: layer for cell, layer in model.fate(node).items() if cell.workflow == "qat"
            }
            if not layers.is_linear(node) and "activation" in node.attrs:
                bare = model.fate_alone(node, "activation")
                fate = {c: x for c, x in fate.items() if bare[c].outcome is Outcome.RAISES}
            found = consequence(fate, _RAISES)
            if found is not None:
                yield Finding(
                    node, f"tfmot has no quantization for {node.cls}: {found.text}", found
                )
        for node in model.graph.nodes:
            if node.kind == "layer" and node.body is not None:
                found = consequence(model.fate_of_body(node), _RAISES)
                if found is not None:
                    message = f"tfmot has no quantization for your layer {node.cls}: {found.text}"
                    yield Finding(node, message, found)
