"""QL106 batchnorm-in-float."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import BAD, LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule, related


class BatchnormInFloat(Rule):
    """`quantize_model` takes the model, and leaves a layer with its BatchNormalization in float.

    ## What it does
    Finds a `BatchNormalization` directly behind a layer with which tfmot accepts it without
    quantizing what comes out: `Conv2DTranspose` or `Dense`; and versions of tfmot that refuse it
    there.

    ## Why it matters
    Nothing raises and nothing warns. tfmot looks for a layer whose name *begins* with
    `Conv2D`, so `Conv2DTranspose` is taken for a convolution and loses the range of its output,
    but the converter does not fold the normalization into it. Converted with ranges
    from training alone, the whole layer runs in float between `DEQUANTIZE` and `QUANTIZE`, in a
    model that is otherwise all integers.

    ## How to fix it
    Quantize this model after training (`ptq`), where the normalization folds; give the converter
    a representative dataset on top of the trained ranges; or use `UpSampling2D` and `Conv2D` in
    place of `Conv2DTranspose`, and no normalization behind `Dense`.

    ## When it does not apply
    Where the model is quantized after training only.

    ## References
    - [tensorflow #43939](https://github.com/tensorflow/tensorflow/issues/43939),
      [tfmot #602](https://github.com/tensorflow/model-optimization/issues/602)
    - `model_transformer.py` in tfmot: `'^' + pattern + '$'` without parentheses
    """

    code = "QL106"
    name = "batchnorm-in-float"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "a transposed convolution",
            """
            x = layers.Conv2DTranspose(8, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
        ),
        Case(
            "a dense layer",
            """
            x = layers.Flatten()(x)
            x = layers.Dense(8)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
        ),
    )
    good = (
        Case(
            "a convolution",
            """
            x = layers.UpSampling2D()(x)
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every batch normalization that follows its layer and ends badly."""
        graph = model.flat
        for node in graph.nodes:
            if not layers.is_batchnorm(node) or node.attr("training") is True:
                continue
            before = layers.producer(graph, node)
            if before is None or before.cls not in layers.WEIGHTED or not layers.is_linear(before):
                continue
            if graph.sole_consumer(before) is not node:
                continue
            if layers.has_other_axis(graph, node) and "3D" not in before.cls:
                continue
            # A layer that tfmot does not know is a fault of its own.
            elsewhere = model.fate_unless(node, before)
            built = layers.fate_if_built(model, node)
            fate = {cell: layer for cell, layer in built.items() if cell in elsewhere}
            if before.cls == "Dense":  # the normalization folds, into a layer in float
                alone = model.fate_alone(before)
                for cell, layer in model.fate(before).items():
                    if layer.outcome is Outcome.FLOAT_ISLAND and alone[cell].outcome not in BAD:
                        fate[cell] = layer
            found = consequence(fate)
            if found is None or node in model.mended_by_static_batch:
                continue
            yield Finding(
                node,
                f"BatchNormalization after {before.cls} is not folded: {found.text}",
                found,
                related=(
                    *related((before, f"the {before.cls}")),
                    *layers.in_float_with(model, node),
                ),
            )
