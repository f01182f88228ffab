"""QL110 shared-producer."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule, related


class SharedProducer(Rule):
    """An activation can't be part of a layer whose output is also used without it.

    ## What it does
    Finds a ReLU or ReLU6 behind a convolution, `Dense`, `Add` or folded batch normalization
    whose output has a second user.

    ## Why it matters
    An op has one result. If both the value before the activation and the one after it are
    needed, the converter computes the first and adds a `RELU` over the whole feature map; the
    value before it also has to be kept in memory.

    ## How to fix it
    Let both users take the activated value, if the model can be trained that way. There is no
    fix, as only you know which of the two was meant.

    ## When it does not apply
    Where the architecture is made so, as in pre-activation residual networks: silence it.
    """

    code = "QL110"
    name = "shared-producer"
    applicability = None
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "a skip connection around the activation",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.ReLU()(y)
            x = layers.Add()([x, y])
            """,
        ),
    )
    good = (
        Case(
            "both take the activated value",
            """
            y = layers.Conv2D(8, 3)(x)
            y = layers.ReLU()(y)
            x = layers.Conv2D(8, 1)(y)
            x = layers.Add()([x, y])
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every ReLU that is kept because of another user of its input."""
        graph = model.flat
        for node in graph.nodes:
            if layers.function(node) not in {"relu", "relu6"}:
                continue
            before = layers.producer(graph, node)
            if before is None or not layers.is_surely_shared(graph, before):
                continue
            if not (layers.is_batchnorm(before) or before.cls in {*layers.WEIGHTED, "Add"}):
                continue
            if not layers.is_linear(before):
                continue
            found = consequence(model.fate_unless(node, before))
            if found is None:
                continue
            users = [each for each in graph.consumers(before) if each is not node]
            yield Finding(
                node,
                f"{layers.label(node)} can't be part of {before.cls}, whose output is used "
                f"elsewhere too: {found.text}",
                found,
                related=related(
                    (before, f"the {before.cls}"),
                    *((each, "uses its output without the activation") for each in users),
                ),
            )
