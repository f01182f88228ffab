"""QL109 activation-after-concat."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import InsertAfter, NewLayer, Operation, Remove
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.trace.graph import LayerGraph, Node


class ActivationAfterConcat(Rule):
    """A ReLU behind a concatenation does not fuse; in each of the branches it does.

    ## What it does
    Finds a ReLU or ReLU6 whose input is a `Concatenate`.

    ## Why it matters
    `CONCATENATION` copies its inputs and can't clamp them, so the ReLU becomes an op of its own
    that reads and writes the whole joined feature map. In the branches it would be part of the
    convolutions. It also costs precision: without an activation the branches have to
    share one range of positive and negative values.

    ## How to fix it
    Put the activation behind each branch and take it away from behind the concatenation. It works
    on each value alone, so the result is exactly the same and the fix is safe.

    ## When it does not apply
    If a branch is used elsewhere, or is not made by a layer that can take the activation in.
    """

    code = "QL109"
    name = "activation-after-concat"
    applicability = Applicability.SAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "two convolutions",
            """
            a = layers.Conv2D(8, 3)(x)
            b = layers.Conv2D(8, 3)(x)
            x = layers.Concatenate()([a, b])
            x = layers.ReLU()(x)
            x = layers.Conv2D(8, 3)(x)
            """,
            """
            a = layers.Conv2D(8, 3)(x)
            a = layers.ReLU()(a)
            b = layers.Conv2D(8, 3)(x)
            b = layers.ReLU()(b)
            x = layers.Concatenate()([a, b])
            x = layers.Conv2D(8, 3)(x)
            """,
        ),
    )
    good = (
        Case(
            "activations in the branches",
            """
            a = layers.Conv2D(8, 3, activation="relu")(x)
            b = layers.Conv2D(8, 3, activation="relu")(x)
            x = layers.Concatenate()([a, b])
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every ReLU behind a concatenation that costs an op."""
        graph = model.flat
        for node in graph.nodes:
            kind = layers.function(node)
            before = layers.producer(graph, node)
            if kind not in {"relu", "relu6"} or before is None or before.cls != "Concatenate":
                continue
            found = consequence(model.fate(node))
            if found is None:
                continue
            yield Finding(
                node,
                f"{layers.label(node)} after Concatenate does not fuse: {found.text}",
                found,
                related=related((before, "the concatenation")),
                rewrites=_rewrites(graph, before, node, kind),
            )


def _rewrites(graph: LayerGraph, concat: Node, relu: Node, kind: str) -> tuple[Rewrite, ...]:
    if graph.sole_consumer(concat) is not relu:
        return ()
    new = NewLayer("ReLU", {"max_value": 6.0} if kind == "relu6" else {}, kind)
    operations: list[Operation] = []
    for branch in graph.producers(concat):
        last = layers.function(branch) or layers.inner_function(branch)
        if last == "relu6" or last == kind:
            continue  # nothing left to clamp
        if graph.sole_consumer(branch) is not concat:
            return ()
        operations.append(InsertAfter(branch, new))
    title = "Move the activation into the branches"
    return (Rewrite(title, Applicability.SAFE, (*operations, Remove(relu))),)
