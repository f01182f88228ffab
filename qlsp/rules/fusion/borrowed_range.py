"""QL118 borrowed-range."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.lower.quantization import BORROWED
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule, related
from qlsp.trace.graph import Node

_FLOAT = frozenset({Outcome.FLOAT_ISLAND})


class BorrowedRange(Rule):
    """A convolution beside an average pooling runs in float after quantization-aware training.

    ## What it does
    Finds a `Conv2D`, `DepthwiseConv2D` or `Dense` and an `AveragePooling2D` that both take what
    comes out of a max pooling, a zero padding or a reshaping.

    ## Why it matters
    tfmot learns no range for what comes out of such a layer: it is that of what goes in. An
    average pooling has a range of its own, and the converter gives it to the tensor that it takes.
    Then it does not come back to the other layers that take the tensor, so that their biases get
    no scale: they run in float, between `DEQUANTIZE` and `QUANTIZE`, and nothing warns. So it is
    with three of the convolutions of `InceptionV3`, measured with TF 2.21.

    ## How to fix it
    Give the converter representative data on top of the learned ranges: all of it runs in int8
    then, as measured. Or give the average pooling an input with a range of its own: put it behind
    the convolution of its branch, and train the model again. There is no automatic fix. An
    `Activation("linear")` in between does not help.

    ## When it does not apply
    Where the model is quantized after training only: then every tensor has a range.
    """

    code = "QL118"
    name = "borrowed-range"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "the branches of an Inception block behind a max pooling",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.MaxPooling2D()(x)
            a = layers.Conv2D(8, 1)(x)
            b = layers.AveragePooling2D(3, strides=1, padding="same")(x)
            b = layers.Conv2D(8, 1)(b)
            x = layers.Concatenate()([a, b])
            """,
        ),
    )
    good = (
        Case(
            "the same behind a convolution",
            """
            x = layers.Conv2D(8, 3)(x)
            a = layers.Conv2D(8, 1)(x)
            b = layers.AveragePooling2D(3, strides=1, padding="same")(x)
            b = layers.Conv2D(8, 1)(b)
            x = layers.Concatenate()([a, b])
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer with a bias that runs in float for want of a scale."""
        graph = model.flat
        for node in graph.nodes:
            if not model.ends(node, _FLOAT):
                continue
            fate = model.fate(node)
            if not any(layer.reason == BORROWED for layer in fate.values()):
                continue
            found = consequence(
                {
                    cell: layer
                    for cell, layer in fate.items()
                    if layer.outcome is not Outcome.FLOAT_ISLAND or layer.reason == BORROWED
                },
                _FLOAT,
            )
            before = layers.producer(graph, node)
            if found is None or before is None:
                continue
            pools = [each for each in graph.consumers(before) if "AveragePooling" in each.cls]
            yield Finding(
                node,
                f"{node.cls} takes the range of an average pooling beside it: {found.text}",
                found,
                related=related(
                    (before, f"the {before.cls}, which has no range of its own"),
                    *((each, "takes the same tensor") for each in pools),
                    *_fused(model, node),
                ),
            )


def _fused(model: LoweredGraph, node: Node) -> Iterator[tuple[Node, str]]:
    """The layers that become part of a layer."""
    for each in model.flat.nodes:
        if any(layer.into == node.index for layer in model.fate(each).values()):
            yield each, f"part of the {node.cls}"
