"""Nested models and user-defined layers: which nodes of the flat graph are theirs."""

from __future__ import annotations

from qlsp.trace.graph import LayerGraph, Node


def flat_ranges(graph: LayerGraph) -> list[range]:
    """Per node of `graph` the nodes of `graph.flat` that it becomes."""
    found: list[range] = []
    position = 0
    for node in graph.nodes:
        size = _size(node)
        found.append(range(position, position + size))
        position += size
    return found


def _size(node: Node) -> int:
    if node.body is None or not node.body.outputs:
        return 1
    # The inputs of a body stand for those that the node is given.
    inner = sum(_size(each) for each in node.body.nodes)
    inputs = sum(each.kind == "input" for each in node.body.nodes)
    return inner - min(inputs, len(node.inputs))


def around(graph: LayerGraph, index: int) -> tuple[Node, ...]:
    """The nodes with bodies that a node of `graph.flat` is inside of, the outermost first."""
    for node, positions in zip(graph.nodes, flat_ranges(graph), strict=True):
        if index in positions and node.body is not None and node.body.outputs:
            return (node, *_around(node, index - positions.start))
    return ()


def _around(outer: Node, index: int) -> tuple[Node, ...]:
    assert outer.body is not None
    given = len(outer.inputs)
    position = 0
    for node in outer.body.nodes:
        if node.kind == "input" and given:
            given -= 1
            continue
        size = _size(node)
        if position <= index < position + size:
            if node.body is None or not node.body.outputs:
                return ()
            return (node, *_around(node, index - position))
        position += size
    return ()


def within_calls(graph: LayerGraph) -> frozenset[int]:
    """The nodes of `graph.flat` that run in the `call` of a user-defined layer or model.

    There Keras hands over TensorFlow's own tensors.
    """
    if graph.kind == "subclassed" or (graph.kind == "fragment" and graph.name.endswith(".call")):
        return frozenset(range(len(graph.flat.nodes)))
    inside = (
        positions
        for node, positions in zip(graph.nodes, flat_ranges(graph), strict=True)
        if node.body is not None and _is_defined_by_call(node.body)
    )
    return frozenset(position for positions in inside for position in positions)


def _is_defined_by_call(body: LayerGraph) -> bool:
    return body.kind == "subclassed" or any(
        node.body is not None and _is_defined_by_call(node.body) for node in body.nodes
    )
