"""QL206 lambda-layer."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule


class LambdaLayer(Rule):
    """`quantize_model` can't copy or quantize a Lambda layer.

    ## What it does
    Finds `Lambda` layers.

    ## Why it matters
    `quantize_model` clones the model from its configuration. From TensorFlow 2.13 on Keras refuses
    to make a `Lambda` from one, as that would run code from a file: `Requested the
    deserialization of a Lambda layer`. Where it does not refuse, tfmot has no quantization for
    the layer.

    ## How to fix it
    Use the layer that does the same, or a layer class of your own with a `QuantizeConfig`; or
    quantize after training, where the converter sees only the ops within.
    """

    code = "QL206"
    name = "lambda-layer"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "a function in a layer",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.Lambda(tf.nn.relu6)(x)
            """,
        ),
    )
    good = (
        Case(
            "the layer that does the same",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(6.0)(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every Lambda layer that is refused."""
        for node in model.flat.nodes:
            if node.kind == "layer" and node.cls == "Lambda":
                found = consequence(model.fate(node), {Outcome.RAISES})
                if found is not None:
                    yield Finding(
                        node, f"tfmot does not quantize Lambda layers: {found.text}", found
                    )
