"""QL114 float-layer."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule
from qlsp.toolchain import Toolchain

_FLOAT = frozenset({Outcome.FLOAT_ISLAND})


class FloatLayer(Rule):
    """A layer runs in float in the middle of an integer model.

    ## What it does
    Finds layers, other than activations, of which an op has no int8 form: `Conv3D`, and
    under Keras 3 `LayerNormalization`; and with quantization-aware training an `Add` of three
    tensors or more.

    ## Why it matters
    The converter says nothing, even with `TFLITE_BUILTINS_INT8` as the only op set: it puts a
    `DEQUANTIZE` before and a `QUANTIZE` behind the layer and goes on. An accelerator for
    integers hands that part back to the processor, and the weights stay four times as large.

    An `Add` of three tensors becomes two operators, and tfmot learns a range for the second one's
    output only. Measured with tfmot 0.5.0 and 0.8.1: both run in float, unless the converter is
    given representative data as well.

    ## How to fix it
    Use a layer with an int8 kernel, such as `Conv2D` over slices or `BatchNormalization`, and
    train the model again. There is no automatic fix. Of an `Add`, make two: `Add()([a, b])`, and
    `Add()` of that and `c`.
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
        """Every layer that runs in float of its own doing."""
        for node in model.flat.nodes:
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
                yield Finding(node, f"{what} has no int8 form: {found.text}", found)
