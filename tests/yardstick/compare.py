"""A traced graph against the one that Keras built."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from qlsp.trace.graph import LayerGraph, Node
from qlsp.trace.keras.naming import snake_case
from qlsp.trace.keras.operations import made
from qlsp.trace.keras.order import functional_order

Keras = Literal[2, 3]
_OP_LAYERS = ("TFOpLambda", "SlicingOpLambda")


@dataclass(frozen=True)
class Layer:
    """A layer of a model, in the model's order."""

    cls: str
    """Class name; for an op that Keras 2 wraps, the op's name."""
    name: str | None
    """None if Keras gave it."""
    applications: tuple[tuple[int, ...], ...]
    """Per application, the positions of the layers that it takes its inputs from."""

    def __str__(self) -> str:
        sources = " ".join(map(str, self.applications))
        return f"{self.cls} {self.name or '(unnamed)'} from {sources}"


def measured_layers(described: Sequence[Any]) -> list[Layer]:
    """The layers that Keras lists, from what `measure.py` says of them."""
    return [
        Layer(
            re.sub(r"_\d+$", "", name) if cls in _OP_LAYERS else cls,
            None if cls in _OP_LAYERS or _is_automatic(cls, name) else name,
            tuple(map(tuple, applications)),
        )
        for cls, name, applications in described
    ]


def traced_layers(graph: LayerGraph, keras: Keras) -> list[Layer]:
    """The layers of a traced model in the order in which Keras would list them."""
    nodes = graph.nodes
    # An input is a layer of its own, whoever wrote it.
    layers = [-node.index - 1 if node.kind == "input" else node.layer for node in nodes]
    order = functional_order(
        [node.inputs for node in nodes],
        layers,
        graph.outputs or (),
        [node.index for node in nodes if node.kind == "input"],
    )
    position = {layer: index for index, layer in enumerate(order.layers)}
    applications: dict[int, list[Node]] = {}
    for node in nodes:
        if layers[node.index] in position:
            applications.setdefault(layers[node.index], []).append(node)
    return [
        _layer(
            applications[layer],
            tuple(
                tuple(position[layers[source]] for source in node.inputs)
                for node in applications[layer]
            ),
            keras,
        )
        for layer in order.layers
    ]


def _layer(nodes: Sequence[Node], applications: tuple[tuple[int, ...], ...], keras: Keras) -> Layer:
    node = nodes[0]
    if node.kind == "op":
        return Layer((made(node.cls, keras) or (node.cls,))[-1], None, applications)
    named = node.name is not None and not _is_automatic(node.cls, node.name)
    return Layer(node.cls, node.name if named else None, applications)


def _is_automatic(cls: str, name: str) -> bool:
    """Whether Keras could have made up the name."""
    special = {"InputLayer": "input(_layer)?", "Functional": "model|functional"}
    prefix = special.get(cls, re.escape(snake_case(cls)))
    return re.fullmatch(rf"({prefix})(_\d+)?", name) is not None


def first_difference(traced: Sequence[Layer], measured: Sequence[Layer]) -> str | None:
    """Where the two lists part, in one line; None if they are the same."""
    for index, (ours, theirs) in enumerate(zip(traced, measured, strict=False)):
        if ours != theirs:
            return f"layer {index}: Keras has {theirs}, traced {ours}"
    if len(traced) != len(measured):
        longer = traced if len(traced) > len(measured) else measured
        extra = longer[min(len(traced), len(measured))]
        return f"Keras has {len(measured)} layers, traced {len(traced)}: {extra}"
    return None


def digest(layers: Sequence[Layer]) -> str:
    """A short text that is the same only for the same layers, names and edges."""
    text = json.dumps([astuple(layer) for layer in layers])
    return f"{len(layers)} {hashlib.sha256(text.encode()).hexdigest()[:16]}"
