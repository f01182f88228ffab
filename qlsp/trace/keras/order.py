"""The order in which Keras lists the layers of a functional model.

Keras sorts by depth, the distance to the outputs, and within one depth by a depth-first walk from
the outputs (`_map_graph_network` in Keras 2, `map_graph` in Keras 3: the same but that
Keras 3 sorts operations). The code here works on plain indexes, so that it serves any graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Order:
    """A functional model's own order."""

    nodes: tuple[int, ...]
    """The applications that belong to the model, inputs before their consumers. Where no layer is
    applied twice, this is the order of `layers`."""
    layers: tuple[int, ...]
    """`model.layers` in Keras 2, `model.operations` in Keras 3 (its `model.layers` leaves out
    the operations that are not layers)."""


def functional_order(
    producers: Sequence[Sequence[int]],
    layers: Sequence[int],
    outputs: Sequence[int],
    inputs: Sequence[int] = (),
) -> Order:
    """The order of the model from nodes `inputs` to nodes `outputs`.

    `producers[node]` are the nodes that a node takes its inputs from, in order, and
    `layers[node]` is the identity of the layer it applies. Nothing beyond `inputs` belongs to
    the model; an input that no output needs does.
    """
    walked, found = _walk(producers, layers, outputs, frozenset(inputs))
    node_depth: dict[int, int] = {}
    layer_depth: dict[int, int] = {}
    belongs = set(walked)
    for node in reversed(walked):
        depth = max(node_depth.setdefault(node, 0), layer_depth.get(layers[node], 0))
        layer_depth[layers[node]] = node_depth[node] = depth
        if node in inputs:
            continue
        for producer in producers[node]:
            if producer in belongs:
                node_depth[producer] = max(depth + 1, node_depth.get(producer, 0))
    for node in inputs:
        if layers[node] not in layer_depth:
            layer_depth[layers[node]] = node_depth[node] = 0
            found[layers[node]] = -1
    return Order(
        tuple(sorted(node_depth, key=lambda node: (-node_depth[node], found[layers[node]], node))),
        tuple(sorted(layer_depth, key=lambda layer: (-layer_depth[layer], found[layer]))),
    )


def _walk(
    producers: Sequence[Sequence[int]],
    layers: Sequence[int],
    outputs: Sequence[int],
    inputs: frozenset[int],
) -> tuple[list[int], dict[int, int]]:
    """Nodes in post-order of a depth-first walk, and each layer's rank of first sight."""
    walked: list[int] = []
    found: dict[int, int] = {}
    entered: set[int] = set()
    # The walk's own stack, as models are deeper than Python's: (node, producers still to visit).
    stack: list[tuple[int, Iterator[int]]] = []

    def enter(node: int) -> None:
        if node not in entered:
            entered.add(node)
            found.setdefault(layers[node], len(found))
            stack.append((node, iter(() if node in inputs else producers[node])))

    for output in outputs:
        enter(output)
        while stack:
            node, rest = stack[-1]
            producer = next(rest, None)
            if producer is None:
                stack.pop()
                walked.append(node)
            else:
                enter(producer)
    return walked, found
