"""QL207 training-flag."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import RemoveCallArgument
from qlsp.rules.rule import Case, Finding, Rewrite, Rule


class TrainingFlag(Rule):
    """A layer is applied with `training=True`, so the converted model still trains.

    ## What it does
    Finds layers that are called with a constant `training=True` where the converter can't convert
    what they do in training: `BatchNormalization`, `Dropout`.

    ## Why it matters
    The flag is part of the model from then on, and neither `predict` nor the converter changes it.
    A batch normalization then takes its statistics from the batch, which folds into nothing
    and ends in `'tf.FusedBatchNormV3' op is neither a custom op nor a flex op`; a dropout
    draws random numbers.

    ## How to fix it
    Leave the flag out: Keras passes the right one in `fit`, `evaluate` and `predict`. In
    inference the model then uses the statistics that it learned, so the result changes: an unsafe
    fix. For a layer that has to stay as it is while others train, set `trainable = False`.

    ## When it does not apply
    To `training=training`, which is how a flag is passed on; and to Monte Carlo dropout, which is
    not for integer models.

    ## References
    - [tensorflow #50502](https://github.com/tensorflow/tensorflow/issues/50502),
      [tensorflow #43833](https://github.com/tensorflow/tensorflow/issues/43833)
    """

    code = "QL207"
    name = "training-flag"
    applicability = Applicability.UNSAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "a normalization that never stops learning",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x, training=True)
            x = layers.ReLU()(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
            workflows=("ptq",),
        ),
    )
    good = (
        Case(
            "no flag",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer that ends badly for its flag."""
        for node in model.flat.nodes:
            if node.kind != "layer" or node.attr("training") is not True:
                continue
            found = consequence(model.fate_of_argument(node, "training"))
            if found is None:
                continue
            operation = RemoveCallArgument(node, "training")
            yield Finding(
                node,
                f"{node.cls} is applied with training=True: {found.text}",
                found,
                rewrites=(Rewrite("Remove training=True", Applicability.UNSAFE, (operation,)),),
            )
