"""QL201 unsupported-activation."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rewrite, Rule
from qlsp.trace.graph import UNKNOWN, Node


class UnsupportedActivation(Rule):
    """`quantize_model` refuses a layer for its activation.

    ## What it does
    Finds layers whose `activation=` is one that tfmot does not quantize inside a layer, such as
    `"relu6"`, `tf.nn.relu6`, `"elu"` or `"hard_sigmoid"`; `Activation` layers with a function that
    it does not quantize at all; and names of activations that the project's Keras does not know.

    ## Why it matters
    `quantize_model` raises `Only some Keras activations under keras.activations are supported`.
    tfmot puts a range behind an activation that is a layer of its own, but within a layer it only
    knows a short list of functions. `Conv2D(activation=tf.nn.relu6)`, which fuses perfectly after
    training, is refused by every version of tfmot.

    As a layer of its own, tfmot 0.8.1 takes `relu`, `relu6`, `sigmoid`, `tanh`, `softmax`, `swish`
    and `gelu`. With `elu`, `selu`, `leaky_relu`, `mish`, `softplus`, `softsign`, `exponential`,
    `log_softmax` and `hard_sigmoid` it raises `Activation … not supported by
    Default8BitActivationQuantizeConfig`.

    ## How to fix it
    Make the activation a layer: `ReLU(6.0)` fuses again from tfmot 0.6.0 on. The model computes
    the same and its weights keep their names, so the fix is safe; `model.layers` has one layer
    more, and an output taken from the layer by name is now the one before the activation.

    ## When it does not apply
    Only where the model is trained with quantization. After training (`ptq`) the form in the
    layer is as good as any.

    ## References
    - [tensorflow #48925](https://github.com/tensorflow/tensorflow/issues/48925),
      [tfmot #534](https://github.com/tensorflow/model-optimization/issues/534)
    """

    code = "QL201"
    name = "unsupported-activation"
    applicability = Applicability.SAFE
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "a function that tfmot does not know",
            """
            x = layers.Conv2D(8, 3, activation=tf.nn.relu6)(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(6.0)(x)
            """,
        ),
        Case(
            "a layer with a function that it does not know either",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.Activation("elu")(x)
            """,
        ),
    )
    good = (
        Case(
            "a function that it knows",
            """
            x = layers.Conv2D(8, 3, activation="relu")(x)
            """,
        ),
        Case(
            "without quantization-aware training",
            """
            x = layers.Conv2D(8, 3, activation=tf.nn.relu6)(x)
            """,
            workflows=("ptq",),
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer that is refused, and would not be without its activation."""
        for node in model.flat.nodes:
            if node.kind != "layer" or not node.inputs:
                continue
            value = node.attr("activation")
            if value is None or value is UNKNOWN or layers.is_linear(node):
                continue
            if node.cls == "Activation":
                yield from _of_layer(model, node)
                continue
            fate = model.fate_of_argument(node, "activation")
            found = consequence(fate, {Outcome.RAISES})
            if found is None:
                continue
            shown = layers.value_text(value)
            yield Finding(
                node,
                f"activation={shown} within {node.cls} is not supported: {found.text}",
                found,
                argument="activation",
                rewrites=tuple(_rewrites(node)),
            )


def _of_layer(model: LoweredGraph, node: Node) -> Iterator[Finding]:
    """An `Activation` that is refused; one that could fuse is QL102's."""
    if layers.function(node) in {"relu", "relu6"}:
        return
    found = consequence(model.fate(node), {Outcome.RAISES})
    if found is not None:
        text = f"{layers.label(node)} is not supported: {found.text}"
        yield Finding(node, text, found)


def _rewrites(node: Node) -> Iterator[Rewrite]:
    for what, operations in layers.hoisted(node, node):
        yield Rewrite(f"Make the activation {what}", Applicability.SAFE, operations)
