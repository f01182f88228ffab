"""What a built model consists of, for Keras 2 and 3, as plain data."""

from __future__ import annotations

from typing import Any, Dict

from . import provenance
from .conversion import keras_generation, keras_package
from .data import input_specs
from .layers import all_layers, children, own_weights

Message = Dict[str, Any]


def describe(model: Any) -> Message:
    """The model's layers in a tree flattened parent first, and the edges where Keras has them.

    `layers`: per layer its `parent` (index, None for the model itself, which is layer 0),
    `name`, `cls`, `module`, `site` (see `provenance`) and number of `params` it owns itself.
    `graphs`: per functional model (index of its layer) the applications of its layers, each
    with the positions of those it takes its inputs from, and which are inputs and outputs.
    """
    layers: list[Message] = []
    index: dict[int, int] = {}
    objects: list[Any] = []

    def visit(layer: Any, parent: int | None) -> None:
        if id(layer) in index:
            return
        index[id(layer)] = len(layers)
        objects.append(layer)
        layers.append(
            {
                "parent": parent,
                "name": layer.name,
                "cls": type(layer).__name__,
                "module": type(layer).__module__,
                "site": provenance.site_of(layer),
                "params": sum(_size(weight) for weight in own_weights(layer)),
            }
        )
        for child in children(layer):
            visit(child, index[id(layer)])

    visit(model, None)
    graphs = {}
    for layer in objects:
        graph = _graph(layer, index)
        if graph is not None:
            graphs[index[id(layer)]] = graph
    return {
        "name": model.name,
        "keras": keras_generation(model),
        "keras_package": keras_package(model),
        "inputs": [
            {"name": spec.name, "shape": spec.shape, "dtype": spec.dtype}
            for spec in input_specs(model)
        ],
        "layers": layers,
        "graphs": graphs,
        "quantized": is_quantized(model),
    }


def describe_graph(model: Any) -> Message:
    """The same of a `GraphModel`: it has no layers."""
    root = {"parent": None, "name": model.name, "cls": "Graph", "module": "", "site": []}
    return {
        "name": model.name,
        "keras": 2,
        "inputs": [
            {"name": spec.name, "shape": spec.shape, "dtype": spec.dtype} for spec in model.specs
        ],
        "layers": [{**root, "params": 0}],
        "graphs": {},
        "quantized": model.quantized,
    }


def is_quantized(model: Any) -> bool:
    """Whether `quantize_model` has made the model what it is."""
    return any(hasattr(layer, "quantize_config") for layer in all_layers(model))


def aliases(quantized: Any) -> dict[str, str]:
    """Names of tfmot's wrappers in a quantized model, with those of the layers they wrap."""
    return {
        layer.name: layer.layer.name
        for layer in all_layers(quantized)
        if hasattr(layer, "layer") and hasattr(layer.layer, "name")
    }


def _size(weight: Any) -> int:
    size = 1
    for length in weight.shape:
        size *= int(length)
    return size


def _graph(model: Any, index: dict[int, int]) -> Message | None:
    network = getattr(model, "_functional", None) or model  # Keras 3's Sequential holds one
    by_depth = getattr(network, "_nodes_by_depth", None)
    if not by_depth:
        return None
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    position = {id(node): number for number, node in enumerate(nodes)}

    def positions(found: Any) -> list[int]:
        return [position[id(node)] for node in found if id(node) in position]

    return {
        "nodes": [
            {"layer": index.get(id(_layer_of(node))), "inputs": positions(_parents(node))}
            for node in nodes
        ],
        "inputs": positions(_origin(tensor) for tensor in network.inputs),
        "outputs": positions(_origin(tensor) for tensor in network.outputs),
    }


def _origin(tensor: Any) -> Any:
    """The application that made a symbolic tensor."""
    layer, number = tensor._keras_history[:2]
    return layer._inbound_nodes[number]


def _layer_of(node: Any) -> Any:
    for attribute in ("operation", "layer", "outbound_layer"):
        layer = getattr(node, attribute, None)
        if layer is not None:
            return layer
    return None


def _parents(node: Any) -> list[Any]:
    parents = getattr(node, "parent_nodes", None)
    if parents is not None:
        return list(parents)
    # TF 2.1 and 2.2 know the layers and which of their applications it takes.
    layers = node.inbound_layers
    indexes = node.node_indices
    if not isinstance(layers, (list, tuple)):
        layers, indexes = [layers], [indexes]
    return [layer._inbound_nodes[number] for layer, number in zip(layers, indexes)]
