"""QL105 batchnorm-not-folded."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import Swap
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.trace.graph import LayerGraph, Node

_MOVABLE = frozenset(
    {
        "Dropout",
        "SpatialDropout2D",
        "GaussianNoise",
        "GaussianDropout",
        "MaxPooling2D",
        "AveragePooling2D",
    }
)
"""Layers of which a batch normalization may as well stand in front."""


class BatchnormNotFolded(Rule):
    """BatchNormalization has no convolution directly before it to fold into.

    ## What it does
    Finds a `BatchNormalization` behind a pooling, dropout, addition, concatenation or the model's
    input, behind an activation of one of these, or behind a layer whose output is used elsewhere as
    well.

    ## Why it matters
    Only directly behind a convolution or `Dense` layer, and as its only user, can the
    normalization be multiplied into the weights. Anywhere else a `MUL` and an `ADD` over the
    whole feature map stay after training, and `quantize_model` raises
    `Layer batch_normalization is not supported`. `Dropout` is a special case: it is gone in the
    converted model, so the normalization folds after training (`ptq`), but `quantize_model`
    still sees it.

    ## How to fix it
    Move the normalization in front of the dropout or pooling. It then normalizes other values,
    so the fix is unsafe: the model has to be trained again. Before the model's first layer,
    normalize the data instead. Behind an addition, normalize each branch.

    ## When it does not apply
    Some architectures need it there: pre-activation residual networks normalize a sum that is
    also passed on. Silence the rule for such a block, and quantize it after training.

    ## References
    - [tfmot #763](https://github.com/tensorflow/model-optimization/issues/763),
      [tfmot #1089](https://github.com/tensorflow/model-optimization/issues/1089)
    """

    code = "QL105"
    name = "batchnorm-not-folded"
    applicability = Applicability.UNSAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "behind a pooling",
            """
            x = layers.Conv2D(8, 3, use_bias=False)(x)
            x = layers.MaxPooling2D()(x)
            x = layers.BatchNormalization()(x)
            """,
            """
            x = layers.Conv2D(8, 3, use_bias=False)(x)
            x = layers.BatchNormalization()(x)
            x = layers.MaxPooling2D()(x)
            """,
        ),
        Case(
            "behind a dropout, with quantization-aware training",
            """
            x = layers.Conv2D(8, 3, use_bias=False)(x)
            x = layers.Dropout(0.1)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
            """
            x = layers.Conv2D(8, 3, use_bias=False)(x)
            x = layers.BatchNormalization()(x)
            x = layers.Dropout(0.1)(x)
            x = layers.ReLU()(x)
            """,
        ),
        Case(
            "a second use of the convolution's output",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(y)
            x = layers.Add()([x, y])
            """,
        ),
        Case(
            "behind a layer of your own, with quantization-aware training",
            """
            import tensorflow as tf
            from tensorflow.keras import layers


            class Scaled(layers.Layer):
                def __init__(self, filters):
                    super().__init__()
                    self.conv = layers.Conv2D(filters, 3)

                def call(self, inputs):
                    return self.conv(inputs)


            inputs = layers.Input((32, 32, 3))
            x = Scaled(8)(inputs)
            x = layers.BatchNormalization()(x)
            model = tf.keras.Model(inputs, x)
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "behind a dropout, without quantization-aware training",
            """
            x = layers.Conv2D(8, 3, use_bias=False)(x)
            x = layers.Dropout(0.1)(x)
            x = layers.BatchNormalization()(x)
            """,
            workflows=("ptq",),
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every batch normalization that neither folds nor is another rule's."""
        graph = model.flat
        for node in graph.nodes:
            if not layers.is_batchnorm(node) or node.attr("training") is True:
                continue
            before = layers.producer(graph, node)
            if before is not None and (own := model.layer_around(before)) is not None:
                yield from _after_own_layer(model, node, own)
                continue
            if before is None or before.kind not in {"input", "layer", "op"}:
                continue
            if layers.is_unknown_input(graph, before) or _is_activated_layer(graph, before):
                continue
            weighted = before.cls in layers.WEIGHTED
            if weighted and not layers.is_surely_shared(graph, before):
                continue
            found = consequence(layers.fate_if_built(model, node))
            if found is None:
                continue
            where = "the model's input" if before.kind == "input" else before.cls
            if weighted:
                where += ", whose output is used elsewhere too,"
            yield Finding(
                node,
                f"BatchNormalization after {where} cannot fold: {found.text}",
                found,
                related=related((before, "what it follows")),
                rewrites=_rewrites(graph, before, node),
            )


def _after_own_layer(model: LoweredGraph, node: Node, own: Node) -> Iterator[Finding]:
    """Behind a layer of the user's, which tfmot knows no quantization for, nothing folds."""
    fate = {cell: layer for cell, layer in model.fate(node).items() if cell.workflow == "qat"}
    found = consequence(fate, (Outcome.RAISES,))
    if found is not None and model.layer_around(node) is None and own.kind == "layer":
        message = f"BatchNormalization after your layer {own.cls} cannot fold: {found.text}"
        yield Finding(node, message, found, related=related((own, "what it follows")))


def _is_activated_layer(graph: LayerGraph, before: Node) -> bool:
    """Whether it is, or may be, an activation right behind a layer to fold into: QL101 says so."""
    if not layers.has_activation(before):
        return False
    layer = before if before.cls in layers.WEIGHTED else layers.producer(graph, before)
    return (
        layer is None
        or layer.cls in layers.WEIGHTED
        or layer.kind not in {"input", "layer", "op"}
        or layers.is_unknown_input(graph, layer)
    )


def _rewrites(graph: LayerGraph, before: Node, norm: Node) -> tuple[Rewrite, ...]:
    if before.cls not in _MOVABLE or graph.sole_consumer(before) is not norm:
        return ()
    title = f"Move BatchNormalization before {before.cls}"
    return (Rewrite(title, Applicability.UNSAFE, (Swap(before, norm),)),)
