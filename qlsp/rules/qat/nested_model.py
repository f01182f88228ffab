"""QL204 nested-model."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule


class NestedModel(Rule):
    """A model is used as a layer of another model, which `quantize_model` refuses.

    ## What it does
    Finds calls of a model on a tensor, such as `backbone(x)`, and models among the layers of a
    `Sequential`.

    ## Why it matters
    `quantize_model` raises `Quantizing a tf.keras Model inside another tf.keras Model is not
    supported`. After training (`ptq`) the converter inlines nested models, and they cost nothing.

    ## How to fix it
    Build one flat model: `MobileNetV2(input_tensor=x, include_top=False).output` instead of
    `MobileNetV2(include_top=False)(x)`, or a function that applies the layers instead of a model
    that contains them. There is no automatic fix, as the weights move to other layers.

    ## References
    - [tfmot #957](https://github.com/tensorflow/model-optimization/issues/957),
      [tfmot #377](https://github.com/tensorflow/model-optimization/issues/377)
    """

    code = "QL204"
    name = "nested-model"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "a backbone that is called",
            """
            backbone = tf.keras.Sequential([layers.Conv2D(8, 3), layers.ReLU()])
            x = backbone(x)
            x = layers.Conv2D(4, 1)(x)
            """,
        ),
    )
    good = (
        Case(
            "a function",
            """
            def backbone(x):
                x = layers.Conv2D(8, 3)(x)
                return layers.ReLU()(x)


            x = backbone(x)
            x = layers.Conv2D(4, 1)(x)
            """,
        ),
        Case(
            "a training step, which only runs the model",
            """
            network = tf.keras.Sequential([layers.Conv2D(8, 3), layers.ReLU()])


            def step(images):
                return tf.reduce_mean(network(images, training=True))
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every model among the graph's own nodes."""
        for node in model.graph.nodes:
            if node.kind != "model" or node.body is None or not layers.is_in_model(model, node):
                continue
            found = consequence(model.fate_of_body(node), {Outcome.RAISES})
            if found is not None:
                name = f"The model {node.name}" if node.name else "A model"
                yield Finding(node, f"{name} is used as a layer: {found.text}", found)
