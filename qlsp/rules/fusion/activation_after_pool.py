"""QL108 activation-after-pool."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import Swap
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.trace.graph import LayerGraph, Node

_COMMUTES = frozenset(
    {
        "MaxPooling1D",
        "MaxPooling2D",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "ZeroPadding1D",
        "ZeroPadding2D",
        "Cropping1D",
        "Cropping2D",
        "UpSampling1D",
        "Flatten",
        "Reshape",
        "Permute",
        "RepeatVector",
    }
)
"""Layers that only move values, or take the greatest: a ReLU may stand on either side.

`UpSampling2D` does so with the nearest neighbour; padding adds zeros, of which ReLU is zero.
"""


class ActivationAfterPool(Rule):
    """A ReLU behind a pooling, padding or reshaping does not fuse; before it, it does.

    ## What it does
    Finds a ReLU or ReLU6 behind a layer that only moves values around (max pooling, zero padding,
    cropping, reshaping, nearest-neighbour upsampling) and in front of which it could be part of a
    convolution.

    ## Why it matters
    The converter puts a ReLU into the op that computes its input, if that op can clamp its
    result. A convolution can; `PAD` and `RESIZE_NEAREST_NEIGHBOR` can't, so the ReLU stays as an
    op. After quantization-aware training a pooling can't either: it gets a `QUANTIZE`.

    ## How to fix it
    Exchange the two. The greatest of clamped values is the clamped greatest value, and a zero
    that is added stays zero: the result is exactly the same, so the fix is safe.

    ## When it does not apply
    To average pooling and bilinear upsampling, where the order matters; and if the result before
    the activation is used elsewhere.
    """

    code = "QL108"
    name = "activation-after-pool"
    applicability = Applicability.SAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "behind a padding",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ZeroPadding2D()(x)
            x = layers.ReLU()(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU()(x)
            x = layers.ZeroPadding2D()(x)
            """,
        ),
        Case(
            "behind a pooling, with quantization-aware training",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.MaxPooling2D()(x)
            x = layers.ReLU()(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            x = layers.MaxPooling2D()(x)
            """,
        ),
    )
    good = (
        Case(
            "average pooling",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.AveragePooling2D()(x)
            x = layers.ReLU()(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every ReLU that would be better off before the layer in front of it."""
        graph = model.flat
        for node in graph.nodes:
            if layers.function(node) not in {"relu", "relu6"}:
                continue
            before = layers.producer(graph, node)
            if before is None or graph.sole_consumer(before) is not node:
                continue
            if not _commutes(before, layers.function(node)):
                continue
            host = _host(graph, before)
            if host is None:
                continue
            # tfmot puts a range between a pooling and its ReLU; other layers' ops are their own.
            pools = "MaxPooling" in before.cls
            found = consequence(model.worst_fate(before, node) if pools else model.fate(node))
            if found is None:
                continue
            yield Finding(
                node,
                f"{layers.label(node)} after {before.cls} could be part of {host.cls} before it: "
                f"{found.text}",
                found,
                related=related((before, f"the {before.cls}"), (host, f"the {host.cls}")),
                rewrites=(
                    Rewrite(
                        f"Move the activation before {before.cls}",
                        Applicability.SAFE,
                        (Swap(before, node),),
                    ),
                ),
            )


def _commutes(node: Node, kind: str | None) -> bool:
    if node.cls == "Dropout":  # in training it scales what it keeps
        return kind == "relu"
    if node.cls == "UpSampling2D":
        return node.attr("interpolation", "nearest") == "nearest"
    return node.kind == "layer" and node.cls in _COMMUTES


def _host(graph: LayerGraph, node: Node) -> Node | None:
    """The convolution that would take the activation in, if it stood before `node`."""
    host = layers.producer(graph, node)
    if host is None or graph.sole_consumer(host) is not node:
        return None
    if layers.is_batchnorm(host):
        host = layers.producer(graph, host)
    if host is None or host.cls not in layers.WEIGHTED or not layers.is_linear(host):
        return None
    return host
