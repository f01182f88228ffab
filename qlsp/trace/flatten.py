"""Inlining the bodies of nested models and user-defined layers."""

from __future__ import annotations

from qlsp.trace.graph import Hole, LayerGraph, Node

_LIMIT = 50_000
Output = tuple[int, int]
"""A node of the flat graph, and which of its outputs."""


def flatten(graph: LayerGraph) -> LayerGraph:
    """`graph` with every node that has a body replaced by that body.

    Inputs of a body stand for the node's inputs in order. Names are those that Keras gives inside
    a converted model: nested ones are left as they are, as they need not be unique.
    """
    if all(node.body is None for node in graph.nodes):
        return graph
    nodes: list[Node] = []
    holes = list(graph.holes)
    sources = _inline(graph, None, nodes, holes, ())
    ends = [
        _find(sources, index, slot)
        for index, slot in zip(graph.outputs or (), _slots(graph), strict=True)
    ]
    return LayerGraph(
        name=graph.name,
        kind=graph.kind,
        flavour=graph.flavour,
        nodes=nodes,
        site=graph.site,
        outputs=None if graph.outputs is None else tuple(index for index, _ in ends),
        output_slots=tuple(slot for _, slot in ends) if any(s for _, s in ends) else (),
        holes=holes,
        effects=graph.effects,
    )


def _slots(graph: LayerGraph) -> tuple[int, ...]:
    return graph.output_slots or (0,) * len(graph.outputs or ())


def _find(sources: list[list[Output]], index: int, slot: int) -> Output:
    outputs = sources[index]
    if len(outputs) == 1:
        known = outputs[0]
        return known if slot == 0 else (known[0], slot)
    return outputs[min(slot, len(outputs) - 1)]


def _inline(
    graph: LayerGraph,
    given: list[Output] | None,
    nodes: list[Node],
    holes: list[Hole],
    conditions: tuple[object, ...],
) -> list[list[Output]]:
    """Append the nodes of `graph`; gives what each of them became."""
    sources: list[list[Output]] = []
    taken = 0
    for node in graph.nodes:
        if node.kind == "input" and given is not None and taken < len(given):
            sources.append([given[taken]])
            taken += 1
            continue
        slots = node.slots or (0,) * len(node.inputs)
        inputs = [
            _find(sources, index, slot) for index, slot in zip(node.inputs, slots, strict=True)
        ]
        body = node.body
        if body is not None and body.outputs and len(nodes) < _LIMIT:
            inner = _inline(body, inputs, nodes, holes, conditions)
            holes += [hole for hole in body.holes if hole not in holes]
            sources.append(
                [
                    _find(inner, index, slot)
                    for index, slot in zip(body.outputs, _slots(body), strict=True)
                ]
            )
            continue
        position = len(nodes)
        inner_slots = tuple(slot for _, slot in inputs)
        nodes.append(
            node.moved(
                position,
                tuple(index for index, _ in inputs),
                inner_slots if any(inner_slots) else (),
            )
        )
        sources.append([(position, 0)])
    return sources
