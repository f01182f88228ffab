"""QL102 standalone-activation."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import InsertAfter, NewLayer, Remove, Replace, SetArgument
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import LayerGraph, Node, Style, Symbol

_FAULTS = frozenset({Outcome.RAISES, Outcome.FLOAT_ISLAND})
_TFMOT_05 = Toolchain("2.5.3", 2, "0.5.0")


class StandaloneActivation(Rule):
    """A ReLU or ReLU6 that should be part of the layer before it stays an op of its own.

    ## What it does
    Finds a `ReLU` layer, an `Activation`, or a call such as `tf.nn.relu6(x)` behind a convolution
    or `Dense` layer, or behind the batch normalization or `Add` that follows it, which the
    toolchain does not fuse, or refuses.

    ## Why it matters
    A fused ReLU costs nothing: it is the clamp with which the kernel writes its result anyway. An
    op of its own reads and writes the whole feature map again.

    Which forms fuse depends on the versions, more than on anything else. After training
    (`ptq`) the converter fuses all of them. In quantization-aware training it sees what
    `quantize_model` has put between the layer and the activation, so tfmot has to know the
    pattern: `Conv2D` followed by `ReLU` is known from tfmot 0.6.0 on, `Activation(tf.nn.relu6)`
    from 0.8, and a raw `tf.nn.relu6(x)` is refused by every version. Under Keras 3 a raw
    TensorFlow function can't even be called on a model's tensor.

    ## How to fix it
    The fix takes the first of these forms that is better under all of your versions: a `ReLU`
    layer, the activation within the layer (`activation="relu"`; it computes the same, and
    the model has one layer less), or a batch normalization between the two, which makes tfmot
    0.5.0 fuse a ReLU6 as well, but has weights that have to be trained.

    ## When it does not apply
    If the layer's output is used by something else as well, there is nothing to fuse into.
    Where the project pins its versions, only what they do counts; without pins a form that is
    left alone by some versions only is reported as information.

    ## References
    - [tfmot #1030](https://github.com/tensorflow/model-optimization/issues/1030)
    - `default_8bit_transforms.py` in tfmot, `optimize_patterns.td` in TensorFlow Lite
    """

    code = "QL102"
    name = "standalone-activation"
    applicability = Applicability.SAFE
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "a TensorFlow function on a layer's output",
            """
            x = layers.Conv2D(8, 3)(x)
            x = tf.nn.relu6(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(6.0)(x)
            """,
        ),
        Case(
            "a layer that this tfmot does not fuse",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU()(x)
            """,
            """
            x = layers.Conv2D(8, 3, activation="relu")(x)
            """,
            toolchains=(_TFMOT_05,),
        ),
        Case(
            "a ReLU6 that this tfmot fuses behind a normalization only",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(6.0)(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU(6.0)(x)
            """,
            toolchains=(_TFMOT_05,),
        ),
    )
    good = (
        Case(
            "a layer, in every tfmot from 0.6.0 on",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(6.0)(x)
            """,
        ),
        Case(
            "two uses of the convolution's output",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.ReLU()(y)
            x = layers.Add()([x, y])
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every ReLU behind a layer it could be part of, that ends badly."""
        graph = model.flat
        for node in graph.nodes:
            kind = layers.function(node)
            if kind not in {"relu", "relu6"}:
                continue
            before = layers.producer(graph, node)
            if before is None or graph.sole_consumer(before) is not node:
                continue
            if _host(graph, before) is None or _is_before_norm(graph, node):
                continue
            found = consequence(model.fate_unless(node, before, _FAULTS))
            if found is None:
                continue
            what = f"{layers.label(node)} after {before.cls}"
            yield Finding(
                node,
                f"{what} does not become part of it: {found.text}",
                found,
                related=related((before, f"the {before.cls}")),
                rewrites=tuple(_rewrites(node, kind, before)),
            )


def _host(graph: LayerGraph, before: Node) -> Node | None:
    """The layer whose op the activation behind `before` could be part of."""
    if before.kind != "layer":
        return None
    if before.cls == "BatchNormalization":
        layer = layers.producer(graph, before)
        if layer is None or layer.cls not in layers.WEIGHTED or not layers.is_linear(layer):
            return None
        return layer if graph.sole_consumer(layer) is before else None
    if before.cls == "Add":
        return before
    return before if before.cls in layers.WEIGHTED and layers.is_linear(before) else None


def _is_before_norm(graph: LayerGraph, node: Node) -> bool:
    """Whether a batch normalization stands where it should not; QL101 says so."""
    after = graph.sole_consumer(node)
    return after is not None and after.cls == "BatchNormalization"


def _rewrites(node: Node, kind: str, before: Node) -> Iterator[Rewrite]:
    limit = {"max_value": 6.0} if kind == "relu6" else {}
    relu = NewLayer("ReLU", limit, kind)
    text = "ReLU(6.0)" if limit else "ReLU()"
    if node.cls != "ReLU":
        yield Rewrite(f"Use a {text} layer", Applicability.SAFE, (Replace(node, relu),))
    if before.cls in layers.WEIGHTED and node.style is not Style.OP:
        value = "relu" if kind == "relu" else Symbol("tf.nn.relu6")
        inner = SetArgument(before, "activation", value)
        shown = f"activation={layers.value_text(value)}"
        yield Rewrite(f"Use {shown} in {before.cls}", Applicability.SAFE, (inner, Remove(node)))
    if before.cls in layers.WEIGHTED:
        norm = NewLayer("BatchNormalization", {}, "bn")
        title = f"Insert BatchNormalization after {before.cls}"
        yield Rewrite(title, Applicability.UNSAFE, (InsertAfter(before, norm),))
