"""What rules ask of a layer: is it an activation, which function, what to call it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from qlsp.diagnostic import Related
from qlsp.lower import LayerLowering, Outcome
from qlsp.lower.activations import function_name
from qlsp.lower.quantization import FLOAT_BEFORE, NO_INT8
from qlsp.rules.cells import Cell
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import Given, InsertAfter, NewLayer, Operation, RemoveArgument
from qlsp.rules.rule import related
from qlsp.trace.graph import UNKNOWN, LayerGraph, Node, Style, Symbol

WEIGHTED = frozenset(
    {
        "Conv1D",
        "Conv2D",
        "Conv3D",
        "Conv1DTranspose",
        "Conv2DTranspose",
        "Conv3DTranspose",
        "DepthwiseConv1D",
        "DepthwiseConv2D",
        "SeparableConv1D",
        "SeparableConv2D",
        "Dense",
    }
)
"""Layers with a kernel and a bias, into which what follows may fold."""

_ACTIVATION_LAYERS = {
    "Softmax": "softmax",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "PReLU": "prelu",
    "ThresholdedReLU": "thresholded_relu",
}
_ACTIVATION_OPS = frozenset(
    {
        *("relu", "relu6", "elu", "selu", "gelu", "leaky_relu", "swish", "silu", "hard_sigmoid"),
        *("sigmoid", "tanh", "softplus", "softsign", "softmax", "hard_swish", "hard_silu", "mish"),
    }
)
_OP_PACKAGES = ("tf.nn.", "tf.math.", "tf.", "keras.activations.", "keras.ops.", "keras.backend.")
NON_NEGATIVE = frozenset({"relu", "relu6", "sigmoid", "softmax", "softplus", "exponential"})
"""Functions that never give less than zero."""


def function(node: Node) -> str | None:
    """Which function an activation layer or op computes: `relu`, `relu6`, `tanh`, …

    A ReLU with other limits or slopes is `relu?`. None if the node is no activation, or it is
    not decided which.
    """
    if node.kind == "op":
        return _op_function(node)
    if node.kind != "layer":
        return None
    if node.cls == "Activation":
        return _named(node.attr("activation"))
    if node.cls == "ReLU":
        return _relu(node.attr("max_value"), node.attr("negative_slope"), node.attr("threshold"))
    return _ACTIVATION_LAYERS.get(node.cls)


def inner_function(node: Node) -> str | None:
    """Which function `activation=` applies within a layer; `linear` if none, None if unknown."""
    return _named(node.attr("activation"))


def is_linear(node: Node) -> bool:
    """Whether the layer certainly has no activation of its own."""
    return inner_function(node) == "linear"


def is_batchnorm(node: Node) -> bool:
    """Whether the node is a `BatchNormalization`."""
    return node.kind == "layer" and node.cls == "BatchNormalization"


def fate_if_built(model: LoweredGraph, node: Node) -> Mapping[Cell, LayerLowering]:
    """What becomes of a normalization where Keras makes it at all: `fused=` may be refused.

    No converter refuses a normalization, so what raises without `quantize_model` is Keras.
    """
    return {
        cell: layer
        for cell, layer in model.fate(node).items()
        if cell.workflow == "qat" or layer.outcome is not Outcome.RAISES
    }


def has_other_axis(graph: LayerGraph, node: Node) -> bool:
    """Whether the node is a batch normalization along an axis that is certainly not the last."""
    shape = graph.nodes[node.inputs[0]].shape if len(node.inputs) == 1 else None
    axis = node.attr("axis", -1)
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    if not is_batchnorm(node) or shape is None or not isinstance(axis, int):
        return False
    return axis % len(shape) != len(shape) - 1


def is_unknown_input(graph: LayerGraph, node: Node) -> bool:
    """Whether the node is a tensor that a function was given: any layer may have made it."""
    return node.kind == "input" and graph.kind == "fragment"


def has_layers(graph: LayerGraph) -> bool:
    """Whether the graph is more than a function of tensors, which needs no model around it."""
    return graph.kind != "fragment" or any(node.kind == "layer" for node in graph.nodes)


def is_in_model(model: LoweredGraph, node: Node) -> bool:
    """Whether a node of the graph, not of the flat one, is certainly part of a model being built.

    Of a model that is traced as such; or a layer is before it or behind it. Code that only runs
    models, such as a training step, gives them data.
    """
    graph = model.graph
    return graph.kind != "fragment" or any(
        _reaches_layer(graph, node, neighbours) for neighbours in (graph.producers, graph.consumers)
    )


def _reaches_layer(
    graph: LayerGraph, node: Node, neighbours: Callable[[Node], tuple[Node, ...]]
) -> bool:
    pending, seen = list(neighbours(node)), {node.index}
    while pending:
        each = pending.pop()
        if each.kind == "layer" or (each.cls == "InputLayer" and each.style is not Style.IMPLICIT):
            return True
        if each.index not in seen:
            seen.add(each.index)
            pending += neighbours(each)
    return False


def comes_from_layer(model: LoweredGraph, node: Node) -> bool:
    """Whether a node of the flat graph is part of a model: of one that is built, or behind a layer.

    The layers of models that the code only runs say nothing about it.
    """
    graph = model.flat
    if model.graph.kind != "fragment":
        return True
    pending, seen = list(node.inputs), set()
    while pending:
        index = pending.pop()
        each = graph.nodes[index]
        if (model.layer_around(each) or each).kind == "layer":
            return True
        if index not in seen:
            seen.add(index)
            pending.extend(each.inputs)
    return False


def lacks_int8(layer: LayerLowering) -> bool:
    """Whether one of a layer's own ops has no int8 form: newer converters leave it in float."""
    return layer.reason.endswith(NO_INT8)


def in_float_with(model: LoweredGraph, node: Node) -> tuple[Related, ...]:
    """The layers behind a node that stay in float because it does, or as part of it."""
    here = model.fate(node)
    graph, found = model.flat, list[tuple[Node, str]]()
    pending, seen = [node], {node.index}
    while pending:
        for each in graph.consumers(pending.pop()):
            if each.index in seen:
                continue
            seen.add(each.index)
            fate = model.fate(each).values()
            is_part = any(
                layer.outcome is Outcome.FUSED
                and layer.into == node.index
                and cell in here
                and here[cell].outcome is Outcome.FLOAT_ISLAND
                for cell, layer in model.fate(each).items()
            )
            if is_part or any(layer.reason.endswith(FLOAT_BEFORE) for layer in fate):
                found.append((each, f"{operator_text(each)} stays in float with it"))
            elif all(layer.outcome is Outcome.REMOVED for layer in fate):
                pending.append(each)
    return related(*found)


def leads_to_layer(model: LoweredGraph, node: Node) -> bool:
    """Whether a layer follows a node of the flat graph, or the output of a model that is built."""
    graph = model.flat
    if model.graph.kind != "fragment":
        return True
    pending, seen = [node], {node.index}
    while pending:
        for each in graph.consumers(pending.pop()):
            if each.kind == "layer":
                return True
            if each.index not in seen:
                seen.add(each.index)
                pending.append(each)
    return False


def is_tensor(graph: LayerGraph, node: Node) -> bool:
    """Whether the node is certainly a tensor of the model.

    What code that isn't followed gives may be a shape: `other.int_shape(x)[1]`.
    """
    if node.kind == "choice":
        return all(is_tensor(graph, graph.nodes[index]) for index in node.inputs)
    if node.kind == "op":
        return any(is_tensor(graph, graph.nodes[index]) for index in node.inputs)
    return node.kind != "opaque"


def has_activation(node: Node) -> bool:
    """Whether the node is an activation, or a layer with one (or perhaps one) of its own."""
    if function(node) is not None or node.cls in {"Activation", "ReLU"}:
        return True
    return node.cls in WEIGHTED and not is_linear(node)


def label(node: Node) -> str:
    """What to call an activation in a message: `ReLU(6.0)`, `Activation('relu')`."""
    if node.cls == "ReLU" and isinstance(limit := node.attr("max_value"), int | float):
        return f"ReLU({limit})"
    if node.cls == "Activation":
        return f"Activation({value_text(node.attr('activation'))})"
    return node.cls


_OPERATORS = {
    "operator.add": "`+`",
    "operator.sub": "`-`",
    "operator.mul": "`*`",
    "operator.truediv": "`/`",
    "operator.matmul": "`@`",
    "operator.pow": "`**`",
    "operator.neg": "`-`",
    "operator.getitem": "`[...]`",
}


def operator_text(node: Node) -> str:
    """What to call a function or operator in a message: `` `+` ``, `tf.concat`."""
    return _OPERATORS.get(node.cls, node.cls)


def label_with_activation(node: Node) -> str:
    """What to call a layer together with its `activation=`: `Conv2D(activation='relu')`."""
    if is_linear(node):
        return node.cls
    return f"{node.cls}(activation={value_text(node.attr('activation'))})"


def activation_layer(value: object) -> NewLayer | None:
    """The layer that applies what `activation=value` does."""
    name = _named(value)
    if name is None or name == "linear":
        return None
    if name == "relu":
        return NewLayer("ReLU", {}, "relu")
    if name == "relu6":
        return NewLayer("ReLU", {"max_value": 6.0}, "relu6")
    return NewLayer("Activation", {"activation": value}, name)


def hoisted(node: Node, after: Node) -> Iterator[tuple[str, tuple[Operation, ...]]]:
    """Ways to apply the activation within `node` as a layer behind `after` instead.

    First as the layer that is best for this activation; then, for one that is a variable, as an
    `Activation` with that variable. Each with what the activation becomes.
    """
    if node.cls not in WEIGHTED:
        return
    best = activation_layer(node.attr("activation"))
    if best is None:
        return
    article = "an" if best.cls[0] in "AEIOU" else "a"
    operations: tuple[Operation, ...]
    operations = RemoveArgument(node, "activation"), InsertAfter(after, best)
    yield f"{article} {best.cls} layer", operations
    same = NewLayer("Activation", {"activation": Given(node, "activation")}, "activation")
    operations = RemoveArgument(node, "activation", moved=True), InsertAfter(after, same)
    yield "a layer of its own", operations


def producer(graph: LayerGraph, node: Node) -> Node | None:
    """The one node that `node` takes its input from."""
    return graph.nodes[node.inputs[0]] if len(node.inputs) == 1 else None


def is_surely_shared(graph: LayerGraph, node: Node) -> bool:
    """Whether a node's output has several uses, the model's output among them, in any case.

    After `if use_bn: x = BatchNormalization()(x)` only one or the other uses what `x` was.
    """
    users = graph.consumers(node)
    is_output = node.index in (graph.outputs or ())
    return len(users) + is_output > 1 and all(
        each.kind != "choice" and each.conditions == node.conditions for each in users
    )


def _named(value: object) -> str | None:
    return None if value is UNKNOWN else function_name(value)


def value_text(value: object) -> str:
    """An argument as a message shows it."""
    return value.name.removeprefix("__main__.") if isinstance(value, Symbol) else repr(value)


def _op_function(node: Node) -> str | None:
    for package in _OP_PACKAGES:
        name = node.cls.removeprefix(package)
        if name in _ACTIVATION_OPS:
            if name == "relu":
                attrs: Mapping[str, object] = node.attrs
                slope = attrs.get("negative_slope", attrs.get("alpha"))
                return _relu(attrs.get("max_value"), slope, attrs.get("threshold"))
            return name
    return None


def _relu(limit: object, slope: object, threshold: object) -> str | None:
    if UNKNOWN in (limit, slope, threshold):
        return None
    if slope in (None, 0) and threshold in (None, 0):
        if limit is None:
            return "relu"
        if limit == 6:
            return "relu6"
    return "relu?"
