"""Fake-quantization that stands between a layer and what the converter would make part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from qlsp.doctor.graphdef import Graph, Node, node_of
from qlsp.doctor.view import BATCH_NORMS, FAKE_QUANTS, View, given_range
from qlsp.lower.tf1 import toco
from qlsp.lower.tf1.graph import Range

_AFFINE: Final = frozenset({"Conv2D", "DepthwiseConv2dNative", "MatMul"})
_SPLITTING: Final = frozenset({"BiasAdd", "Relu", "Relu6", *BATCH_NORMS})
"""What becomes part of the layer before it."""


@dataclass(frozen=True)
class Misplaced:
    """A fake-quantization that keeps `follower` from becoming part of `layer`."""

    node: Node
    layer: Node
    follower: Node
    range: Range | None
    """What comes out of `follower`, where that follows from the range given; else None."""
    surplus: bool
    """Whether another fake-quantization stands where this one belongs."""


def misplaced(view: View) -> list[Misplaced]:
    """Every fake-quantization without which what follows it would fuse, by `lower.tf1`."""
    users = view.graph.consumers()
    candidates = [
        Misplaced(node, view.graph.nodes[node.sources[0]], takers[0], None, False)
        for node in view.order
        if node.op in FAKE_QUANTS and node.name not in (*view.outputs, *view.constants)
        for takers in (users.get(node.name, []),)
        if len(takers) == 1 and takers[0].op in _SPLITTING and node.sources[0] not in view.inputs
    ]
    if not candidates:
        return []
    free = view.graph
    for each in candidates:
        free = without(free, free.nodes[each.node.name])
    fused = _fused(View(free, view.inputs, view.outputs))
    found = []
    for each in candidates:
        if each.follower.name in fused:
            behind = users.get(each.follower.name, [])
            surplus = len(behind) == 1 and behind[0].op in FAKE_QUANTS
            after = _after(each.follower, given_range(view.graph, each.node))
            found.append(replace(each, range=after, surplus=surplus))
    return found


@dataclass(frozen=True)
class OnConstant:
    """A fake-quantization of a constant that TOCO passes over, and the converter of TensorFlow 2
    leaves the layer in float for.
    """

    node: Node
    layer: Node
    what: str


def on_constants(view: View) -> list[OnConstant]:
    """Fake-quantization of biases, and of weights that a normalization is folded into."""
    users = view.graph.consumers()
    found = []
    for node in view.order:
        takers = users.get(node.name, [])
        if node.op not in FAKE_QUANTS or node.name not in view.constants or len(takers) != 1:
            continue
        layer = takers[0]
        behind = users.get(layer.name, [])
        if layer.op == "BiasAdd":
            found.append(OnConstant(node, layer, "the bias"))
        elif layer.op in _AFFINE and len(behind) == 1 and behind[0].op in BATCH_NORMS:
            what = f"the weights, before {behind[0].name} is folded into them"
            found.append(OnConstant(node, layer, what))
    return found


def without(graph: Graph, node: Node) -> Graph:
    """The graph without a node of one input, whose takers get that input instead."""
    source = node.inputs[0]
    changed = [
        replace(
            each,
            inputs=tuple(source if node_of(taken) == node.name else taken for taken in each.inputs),
        )
        for each in graph.consumers().get(node.name, ())
    ]
    return graph.edited(changed, (node.name,))


def _fused(view: View) -> set[str]:
    """The biases, normalizations and activations that become part of another op."""
    built, made = view.ops()
    toco.convert(built)
    found = set()
    for name, op in made.items():
        if view.graph.nodes[name].op in BATCH_NORMS and op.fused is not None:
            op = op.fused  # its sum, behind its product
        if op.fused is not None and view.graph.nodes[name].op in _SPLITTING:
            found.add(name)
    return found


def _after(follower: Node, given: Range | None) -> Range | None:
    """The range behind a clamp."""
    if given is None or follower.op not in ("Relu", "Relu6"):
        return None
    low, high = max(given[0], 0.0), max(given[1], 0.0)
    return (low, min(high, 6.0) if follower.op == "Relu6" else high)
