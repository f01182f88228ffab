"""QL101 batchnorm-after-activation."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import Swap
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.trace.graph import LayerGraph, Node


class BatchnormAfterActivation(Rule):
    """BatchNormalization follows an activation, so it can't fold into the layer before that.

    ## What it does
    Finds a `BatchNormalization` whose input is the activation of a convolution or `Dense` layer,
    as a layer of its own or as `activation=`.

    ## Why it matters
    At inference a batch normalization is a multiplication and an addition per channel. Directly
    behind a convolution the converter multiplies both into the kernel and the bias, and nothing
    is left of it. Behind a ReLU it can't: each block then has a `MUL` and an `ADD` over the whole
    feature map. `quantize_model` knows only the order convolution, normalization, activation, and
    refuses the model: `Layer batch_normalization is not supported`.

    On a network of four convolutions for 96x96 images, Vela 5.2 estimates 8.5 times the cycles
    on an Ethos-U55-128 with its default memory mode, 2.6 times on an Ethos-U65-256, and no
    difference on an Ethos-U85-256.

    ## How to fix it
    Put the normalization between the layer and its activation. That is another function, so the
    fix is unsafe: the model has to be trained again. Weights keep their names and shapes; the
    order of `model.layers` changes. With `use_bias=False` on the layer before it nothing is lost,
    as the normalization has a bias of its own.

    ## When it does not apply
    To a normalization that folds into a convolution *behind* it, or that stands behind a pooling,
    an addition or the input.

    ## References
    - [tfmot #628](https://github.com/tensorflow/model-optimization/issues/628),
      [tfmot #363](https://github.com/tensorflow/model-optimization/issues/363)
    """

    code = "QL101"
    name = "batchnorm-after-activation"
    applicability = Applicability.UNSAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "an activation layer between the two",
            """
            x = layers.Conv2D(8, 3, use_bias=False)(x)
            x = layers.ReLU()(x)
            x = layers.BatchNormalization()(x)
            """,
            """
            x = layers.Conv2D(8, 3, use_bias=False)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
        ),
        Case(
            "the activation within the layer",
            """
            x = layers.Conv2D(8, 3, activation="relu")(x)
            x = layers.BatchNormalization()(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
        ),
    )
    good = (
        Case(
            "normalization first",
            """
            x = layers.Conv2D(8, 3, use_bias=False)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every batch normalization behind an activation that ends badly."""
        graph = model.flat
        for node in graph.nodes:
            if node.kind != "layer" or node.cls != "BatchNormalization":
                continue
            before = layers.producer(graph, node)
            if before is None:
                continue
            if layers.function(before) is not None:
                layer = layers.producer(graph, before)
                if layer is None or layer.cls not in layers.WEIGHTED:
                    continue
                between, rewrite = layers.label(before), _swap(graph, before, node)
            elif before.cls in layers.WEIGHTED and layers.inner_function(before) not in {
                None,
                "linear",
            }:
                layer = before
                between, rewrite = "the activation of", _move(graph, before, node)
            else:
                continue
            found = consequence(layers.fate_if_built(model, node))
            if found is None:
                continue
            if layer is before:
                fault = f"after {layers.label_with_activation(layer)} cannot fold into it"
            else:
                fault = f"after {between} cannot fold into {layer.cls}"
            yield Finding(
                node,
                f"BatchNormalization {fault}: {found.text}",
                found,
                related=related((before, "the activation"), (layer, f"the {layer.cls}")),
                rewrites=rewrite,
            )


_TITLE = "Move BatchNormalization before the activation"


def _swap(graph: LayerGraph, activation: Node, norm: Node) -> tuple[Rewrite, ...]:
    if graph.sole_consumer(activation) is not norm:
        return ()
    return (Rewrite(_TITLE, Applicability.UNSAFE, (Swap(activation, norm),)),)


def _move(graph: LayerGraph, layer: Node, norm: Node) -> tuple[Rewrite, ...]:
    if graph.sole_consumer(layer) is not norm:
        return ()
    return tuple(
        Rewrite(f"{_TITLE}, which becomes {what}", Applicability.UNSAFE, operations)
        for what, operations in layers.hoisted(layer, norm)
    )
