"""From a layer graph to what tfmot's `quantize_model` makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qlsp.lower import activations
from qlsp.lower.behaviour import Behaviour, Version
from qlsp.lower.bodies import flat_ranges
from qlsp.lower.keras.classes import class_text
from qlsp.lower.keras.rebuilding import refusal_of_function, refusal_of_lambda, refusals_of_stacks
from qlsp.lower.lowering import ConversionError
from qlsp.lower.names import OP_LAMBDAS, layer_names
from qlsp.lower.tfmot.quantize import Layer, Ranges, quantize_model
from qlsp.lower.tfmot.tables import Tables, nearest_tfmot, tables
from qlsp.toolchain import MEASURED
from qlsp.trace.graph import LayerGraph, Node
from qlsp.trace.keras.operations import reported_class

_NEWEST_TFMOT = max(each.tfmot for each in MEASURED if each.tfmot)


_SEQUENTIAL_WITHOUT_INPUT: Version = (2, 2)
"""The last release whose Sequential models keep their input from being quantized."""
_CHANNELS_FIRST: Version = (2, 16)
_NAMES_LAYER: Version = (2, 8)
_NO_CHANNELS_FIRST = "The Conv2D op currently only supports the NHWC tensor format on the CPU."


@dataclass(slots=True)
class Learned:
    """Where a quantized model learns ranges, and what raises."""

    ranges: dict[tuple[int, str], Ranges] = field(default_factory=dict)
    """By layer identity and part of the layer."""
    inputs: set[int] = field(default_factory=set)
    """Inputs with a range, as nodes of the flat graph."""
    errors: list[ConversionError] = field(default_factory=list)
    """In the order in which they would be raised; nodes are those of the flat graph."""
    reasons: dict[int, str] = field(default_factory=dict)
    """Why a node of the flat graph raises."""
    whole: bool = True
    """False if the model as such is refused, so that nothing can be said of its layers."""


def learn_ranges(graph: LayerGraph, behaviour: Behaviour) -> Learned:
    """Quantize `graph` as `quantize_model` of the behaviour's tfmot would."""
    table = tables(behaviour.tfmot or nearest_tfmot(_NEWEST_TFMOT))
    if behaviour.keras == 3 or graph.kind == "subclassed":
        error = ConversionError("ValueError", table.messages["model"], None, "quantize")
        return Learned(errors=[error], whole=False)
    flat = flat_ranges(graph)
    nested = [node for node in graph.nodes if node.kind == "model"]
    if nested:
        error = ConversionError(
            "ValueError",
            table.messages["nested"],
            min(flat[nested[0].index], default=None),
            "quantize",
        )
        reasons = {
            each: "it is inside a model that is used as a layer"
            for node in nested
            for each in flat[node.index]
        }
        return Learned(errors=[error], reasons=reasons, whole=False)
    names = layer_names(graph, behaviour.keras, behaviour.tensorflow)
    if any(node.annotation for node in graph.nodes):
        return _annotated(graph, names, table, behaviour)
    first = {_identity(node): node for node in reversed(graph.nodes)}
    found = Learned()
    rebuilt = [
        *refusals_of_stacks(graph, names, behaviour),
        *(
            (node, refusal)
            for node in graph.nodes
            if (refusal := refusal_of_function(node, graph, behaviour)) is not None
        ),
    ]
    for node, refusal in sorted(rebuilt, key=lambda each: each[0].index):
        _refuse(found, flat[node.index], *refusal)
    for node in graph.nodes:
        if not activations.deserializes(node.attrs.get("activation"), behaviour):
            name = activations.function_name(node.attrs.get("activation"))
            message = table.messages.get("clone", f"Unknown activation function:{name}")
            reason = "Keras does not find its activation function again by name"
            _refuse(found, flat[node.index], "ValueError", message.removesuffix(" [%s]."), reason)
    for node in graph.nodes:
        refusal = _refusal_in_transform(node, graph, table, behaviour)
        if refusal is not None:
            _refuse(found, flat[node.index], *refusal)
    quantization = quantize_model(
        _layers(graph, names, behaviour), table, lambda cls: class_text(cls, behaviour.tensorflow)
    )
    found.ranges = quantization.ranges
    if graph.kind != "sequential" or behaviour.tensorflow > _SEQUENTIAL_WITHOUT_INPUT:
        found.inputs = {flat[first[each].index].start for each in quantization.inputs}
    for each in quantization.refusals:
        _refuse(found, flat[first[each.layer.node].index], each.type, each.message, each.reason)
    for node in graph.nodes:
        if behaviour.tensorflow < _CHANNELS_FIRST and node.attr("data_format") == "channels_first":
            reason = "this TensorFlow does not train it on a CPU"
            message = _NO_CHANNELS_FIRST
            if behaviour.tensorflow >= _NAMES_LAYER:
                quote = "'" if behaviour.tensorflow >= (2, 15) else '"'
                layer = f"{quote}quant_{names[node.index]}{quote}"
                message = f"Exception encountered when calling layer {layer}"
            _refuse(found, flat[node.index], "UnimplementedError", message, reason)
    return found


def _annotated(
    graph: LayerGraph, names: Mapping[int, str], table: Tables, behaviour: Behaviour
) -> Learned:
    """Of a model that is annotated layer by layer: which layers `quantize_apply` refuses.

    Those without annotation it leaves alone, and what the others become depends on them.
    """
    flat = flat_ranges(graph)
    annotations = {_identity(node): node.annotation for node in graph.nodes}
    layers = _layers(graph, names, behaviour)
    for layer in layers:
        layer.annotated = annotations[layer.node] == "default"
    found = Learned(whole=False)
    first = {_identity(node): node for node in reversed(graph.nodes)}
    quantization = quantize_model(layers, table, lambda cls: class_text(cls, behaviour.tensorflow))
    for each in quantization.refusals:
        _refuse(found, flat[first[each.layer.node].index], each.type, each.message, each.reason)
    return found


def _refuse(found: Learned, nodes: range, type_: str, message: str, reason: str) -> None:
    node = nodes.start if nodes else None
    found.errors.append(ConversionError(type_, message, node, "quantize"))
    for each in nodes:
        found.reasons.setdefault(each, reason)


def _refusal_in_transform(
    node: Node, graph: LayerGraph, table: Tables, behaviour: Behaviour
) -> tuple[str, str, str] | None:
    """What tfmot raises when it rebuilds the model from the transformed layers."""
    if node.kind == "input" and str(node.attr("dtype")).startswith(("int", "uint")):
        message = 'Exception encountered when calling layer "quantize_layer" (type QuantizeLayer).'
        if behaviour.tensorflow < _NAMES_LAYER:
            message = "in user code: …/quantize_layer.py:70 quantizer_fn"
        return "TypeError", message, "tfmot quantizes inputs, and this one holds integers"
    if node.cls == "Lambda" and table.skips_lambda:
        return refusal_of_lambda(behaviour.tensorflow)
    if (
        node.cls.startswith("SeparableConv")
        and table.wants_bias
        and not node.attr("use_bias", True)
    ):
        return "IndexError", "list index out of range", "tfmot takes it to have a bias"
    if node.cls == "SeparableConv1D":
        return refusal_of_lambda(behaviour.tensorflow)
    return None


def _layers(graph: LayerGraph, names: Mapping[int, str], behaviour: Behaviour) -> list[Layer]:
    layers: dict[int, Layer] = {}
    for node in graph.nodes:
        identity = _identity(node)
        layer = layers.get(identity)
        if layer is None:
            layer = Layer(
                _class(node, behaviour), names[node.index], _activation(node), node=identity
            )
            layers[identity] = layer
        if node.inputs:
            layer.inbound.append([layers[_identity(graph.nodes[each])] for each in node.inputs])
    for index in graph.outputs or ():
        layers[_identity(graph.nodes[index])].is_output += 1
    return list(layers.values())


def _identity(node: Node) -> int:
    """What tells layers apart: inputs that are not written out share one number in the graph."""
    return node.layer if node.layer >= 0 else -2 - node.index


def _class(node: Node, behaviour: Behaviour) -> str:
    if node.kind == "input":
        return "InputLayer"
    if node.kind == "op" and behaviour.tensorflow < OP_LAMBDAS:
        return "TensorFlowOpLayer"
    if node.kind == "op":
        return reported_class(node.cls, 2) or "TFOpLambda"
    return node.cls


def _activation(node: Node) -> str | None:
    if "activation" not in node.attrs:
        return None
    return activations.function_name(node.attrs["activation"])
