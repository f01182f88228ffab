"""QL107 unfusable-relu."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import NewLayer, Replace
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.trace.graph import Node


class UnfusableRelu(Rule):
    """A ReLU with this limit, slope or threshold is not one op, and tfmot drops it to float.

    ## What it does
    Finds `ReLU` layers with a `max_value` other than 6, a `negative_slope` or a `threshold`.

    ## Why it matters
    TensorFlow Lite has `RELU` and `RELU6`. `ReLU(20.0)` becomes `MINIMUM` and `RELU` behind the
    convolution after training. With tfmot 0.6.0 and later it is worse: `quantize_model` leaves the
    range of the convolution's output to the ReLU behind it, the converter can't put the two
    together, and so the whole convolution runs in float, silently.

    ## How to fix it
    `ReLU(negative_slope=a)` is `LeakyReLU(a)`, which tfmot quantizes on its own: the same
    function, so that fix is safe. Another limit has to become 6 or none, and the model to be
    trained again: the fix is unsafe.

    ## References
    - [tensorflow #48497](https://github.com/tensorflow/tensorflow/issues/48497)
    """

    code = "QL107"
    name = "unfusable-relu"
    applicability = Applicability.SAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "another limit than 6",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(20.0)(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(6.0)(x)
            """,
        ),
        Case(
            "a slope below zero",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(negative_slope=0.1)(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.LeakyReLU(0.1)(x)
            """,
        ),
    )
    good = (
        Case(
            "a limit of 6",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(6)(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every ReLU of another form that costs something."""
        graph = model.flat
        for node in graph.nodes:
            if layers.function(node) != "relu?":
                continue
            found = consequence(model.fate(node))
            if found is None:
                continue
            before = layers.producer(graph, node)
            yield Finding(
                node,
                f"{layers.label(node)} is not an op that fuses: {found.text}",
                found,
                related=related((before, "what it follows")) if before else (),
                rewrites=tuple(_rewrites(node)),
            )


def _rewrites(node: Node) -> Iterator[Rewrite]:
    limit, slope, threshold = (
        node.attr(key) for key in ("max_value", "negative_slope", "threshold")
    )
    if threshold or node.cls != "ReLU":
        return
    if slope and limit is None:
        leaky = NewLayer("LeakyReLU", {"negative_slope": slope}, "leaky")
        yield Rewrite("Use LeakyReLU", Applicability.SAFE, (Replace(node, leaky),))
    elif limit is not None and not slope:
        relu6 = NewLayer("ReLU", {"max_value": 6.0}, "relu6")
        yield Rewrite("Limit it to 6", Applicability.UNSAFE, (Replace(node, relu6),))
