"""QL205 subclassed-model."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import LayerLowering, Outcome
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule
from qlsp.trace.graph import Node, Style


class SubclassedModel(Rule):
    """`quantize_model` takes Sequential and functional models only.

    ## What it does
    Finds subclasses of `keras.Model` with a `call` method in files that import tfmot.

    ## Why it matters
    `quantize_model` raises `to_quantize can only either be a tf.keras Sequential or Functional
    model`. It clones the model layer by layer, and what `call` does can't be seen in the layers.

    ## How to fix it
    Make a functional model of it: `keras.Model(inputs, net.call(inputs))` where `call` applies
    nothing but layers, or a function that builds the model. After training (`ptq`) a subclassed
    model converts like any other.

    ## When it does not apply
    Where tfmot is not used on this model. The rule can't see that, so it keeps to files that
    import tfmot.

    ## References
    - [tensorflow #40699](https://github.com/tensorflow/tensorflow/issues/40699),
      [tfmot #292](https://github.com/tensorflow/model-optimization/issues/292)
    """

    code = "QL205"
    name = "subclassed-model"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "layers applied in `call`",
            """
            import tensorflow_model_optimization as tfmot


            class Net(tf.keras.Model):
                def __init__(self):
                    super().__init__()
                    self.conv = layers.Conv2D(8, 3)

                def call(self, x):
                    return self.conv(x)


            net = tfmot.quantization.keras.quantize_model(Net())
            """,
        ),
    )
    good = (
        Case(
            "a function that builds the model",
            """
            import tensorflow_model_optimization as tfmot

            x = layers.Conv2D(8, 3)(x)
            net = tfmot.quantization.keras.quantize_model(tf.keras.Model(inputs, x))
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """The model itself, if tfmot is about to see it."""
        graph = model.graph
        if graph.kind != "subclassed" or not model.quantizes or graph.site is None:
            return
        fate = {
            cell: LayerLowering(0, Outcome.RAISES)
            for cell in model.cells
            if cell.workflow == "qat" and model.lowering(cell).error is not None
        }
        found = consequence(fate)
        if found is not None:
            node = Node(
                *(0, "model", graph.name, -1, None, {}, (), graph.site, graph.site),
                Style.IMPLICIT,
            )
            yield Finding(node, f"{graph.name} is a subclassed model: {found.text}", found)
