"""Nested models and user-defined layers: which nodes of the flat graph are theirs."""

from __future__ import annotations

from qlsp.trace.graph import LayerGraph, Node


def flat_ranges(graph: LayerGraph, given: int = 0) -> list[range]:
    """Per node of `graph` the nodes of `graph.flat` that it becomes.

    Of a body, the first `given` inputs stand for those that its node is given, and become none.
    """
    found: list[range] = []
    position = 0
    for node in graph.nodes:
        size = _size(node)
        if node.kind == "input" and given:
            given, size = given - 1, 0
        found.append(range(position, position + size))
        position += size
    return found


def _size(node: Node) -> int:
    if node.body is None or not node.body.outputs:
        return 1
    return sum(map(len, flat_ranges(node.body, len(node.inputs))))


def around(graph: LayerGraph, index: int, given: int = 0) -> tuple[Node, ...]:
    """The nodes with bodies that a node of `graph.flat` is inside of, the outermost first."""
    for node, positions in zip(graph.nodes, flat_ranges(graph, given), strict=True):
        if index in positions and node.body is not None and node.body.outputs:
            return (node, *around(node.body, index - positions.start, len(node.inputs)))
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
