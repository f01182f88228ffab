"""QL104 stacked-activations."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import Remove, RemoveArgument, SetArgument
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.trace.graph import LayerGraph, Node, Symbol


class StackedActivations(Rule):
    """One of two activations in a row is enough, and the other costs an op.

    ## What it does
    Finds a ReLU or ReLU6 applied to what is an activation's output already, where one of the two
    changes nothing: ReLU6 of ReLU is ReLU6, ReLU of ReLU6 is ReLU6, and ReLU of a sigmoid
    is the sigmoid.

    ## Why it matters
    Only one activation can be part of a convolution's op. The converter fuses the first and keeps
    the second: `CONV_2D+RELU`, `RELU6`. After quantization-aware training with tfmot 0.6.0 and
    later it is worse: `quantize_model` gives the tensor between the two no range, and the whole
    convolution runs in float, without a word. The same ReLU twice is one after training, with
    TensorFlow 2.5 and later: the converter knows that it changes nothing. It is two under QAT.

    ## How to fix it
    Remove the activation that changes nothing. The model computes exactly the same, so the fix is
    safe; weights keep their names and order.

    ## When it does not apply
    If the result between the two is used elsewhere, both are needed.
    """

    code = "QL104"
    name = "stacked-activations"
    applicability = Applicability.SAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "within the layer, and as a layer",
            """
            x = layers.Conv2D(8, 3, activation="relu")(x)
            x = layers.ReLU(6.0)(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU(6.0)(x)
            """,
        ),
        Case(
            "twice the same",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU()(x)
            x = layers.ReLU()(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU()(x)
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "twice the same, without quantization-aware training",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU()(x)
            x = layers.ReLU()(x)
            """,
            workflows=("ptq",),
        ),
        Case(
            "neither is redundant",
            """
            x = layers.Conv2D(8, 3, activation="tanh")(x)
            x = layers.ReLU()(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every redundant pair that costs an op."""
        graph = model.flat
        for node in graph.nodes:
            second = layers.function(node)
            if second not in {"relu", "relu6"}:
                continue
            before = layers.producer(graph, node)
            if before is None:
                continue
            own = layers.function(before)
            first = own or layers.inner_function(before)
            if first is None or (own is None and before.cls not in layers.WEIGHTED):
                continue
            result = _composed(first, second)
            found = consequence(model.fate(node)) if result else None
            if result is None or found is None:
                continue
            shown = layers.label(before) if own else layers.label_with_activation(before)
            yield Finding(
                node,
                f"{layers.label(node)} after {shown} is one activation too many: {found.text}",
                found,
                related=related((before, "the first activation")),
                rewrites=tuple(_rewrites(graph, before, own is not None, node, result)),
            )


def _composed(first: str, second: str) -> str | None:
    """The function that `second` of `first` is, where that is one of the two."""
    if second == "relu":
        return first if first in layers.NON_NEGATIVE else None
    if first in {"relu6", "sigmoid", "softmax"}:
        return first
    return "relu6" if first == "relu" else None


def _rewrites(
    graph: LayerGraph, before: Node, is_layer: bool, node: Node, result: str
) -> Iterator[Rewrite]:
    private = graph.sole_consumer(before) is node
    if result == layers.function(node) and private:
        if is_layer:
            yield Rewrite("Remove the first activation", Applicability.SAFE, (Remove(before),))
        else:
            drop = RemoveArgument(before, "activation")
            title = f"Remove activation= from {before.cls}"
            yield Rewrite(title, Applicability.SAFE, (drop,))
            value = "relu" if result == "relu" else Symbol("tf.nn.relu6")
            title = f"Use activation={layers.value_text(value)} in {before.cls} alone"
            operations = SetArgument(before, "activation", value), Remove(node)
            yield Rewrite(title, Applicability.SAFE, operations)
    if result == (layers.function(before) if is_layer else layers.inner_function(before)):
        title = f"Remove {layers.label(node)}"
        yield Rewrite(title, Applicability.SAFE, (Remove(node),))
