"""QL117 batchnorm-axis."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import RemoveArgument
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related


class BatchnormAxis(Rule):
    """BatchNormalization normalizes along another axis than that of the channels.

    ## What it does
    Finds `BatchNormalization(axis=...)` behind a convolution or `Dense` layer whose channels are
    on another axis, as in code that was written for `channels_first`.

    ## Why it matters
    Only factors per channel can be multiplied into the weights. Keras 2 takes `axis=1` of an
    image for the format with the channels first, and transposes. Measured on `Conv2D`,
    `BatchNormalization`, `ReLU` with TF 2.5.3 and tfmot 0.6.0, TF 2.8.4 and 0.7.5, TF 2.15.1 and
    0.8.0, TF 2.21.0 and 0.8.1: with `axis=1` Keras 2 after training gives `CONV_2D TRANSPOSE MUL
    ADD+RELU TRANSPOSE`, Keras 3 `CONV_2D MUL ADD+RELU`; with `axis=2` both give the latter, and
    without either one `CONV_2D+RELU`. Under QAT the convolution runs in float as well. What the
    table below says of other versions is inferred from that.

    ## How to fix it
    Leave `axis` out. The layer then has weights of another shape and normalizes other values, so
    the fix is unsafe: the model has to be trained again.

    ## When it does not apply
    Behind layers with `data_format="channels_first"`, whose channels are on axis 1.

    ## References
    - [BatchNormalization](https://keras.io/api/layers/normalization_layers/batch_normalization/)
    """

    code = "QL117"
    name = "batchnorm-axis"
    applicability = Applicability.UNSAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "the axis of the format with the channels first",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization(axis=1)(x)
            x = layers.ReLU()(x)
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
            "the axis of the channels",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization(axis=3)(x)
            x = layers.ReLU()(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every normalization along another axis that would else fold."""
        graph = model.flat
        for node in graph.nodes:
            before = layers.producer(graph, node)
            if before is None or not layers.has_other_axis(graph, node):
                continue
            if before.cls not in layers.WEIGHTED or not layers.is_linear(before):
                continue
            if "3D" in before.cls:  # into which nothing folds: batchnorm-in-float
                continue
            found = consequence(model.fate(node))
            if found is None or layers.is_surely_shared(graph, before):
                continue
            operations = (RemoveArgument(node, "axis"),)
            yield Finding(
                node,
                f"BatchNormalization along axis {layers.value_text(node.attr('axis'))} does not "
                f"fold into {before.cls}: {found.text}",
                found,
                argument="axis",
                related=related((before, f"the {before.cls}")),
                rewrites=(Rewrite("Normalize the channels", Applicability.UNSAFE, operations),),
            )
