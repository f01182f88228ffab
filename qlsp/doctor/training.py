"""What a graph for training holds that one for inference doesn't."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from qlsp.doctor import wire
from qlsp.doctor.graphdef import Graph, Node, node_of, port_of
from qlsp.doctor.view import BATCH_NORMS, View, given_range, value

_RANDOM: Final = frozenset({"RandomUniform", "RandomStandardNormal", "TruncatedNormal"})
_VARIABLES: Final = frozenset({"Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable"})
_UPDATES: Final = frozenset({"Assign", "AssignAdd", "AssignSub"})
_FLOAT: Final = 1
_AGAIN: Final = "build the graph for inference, load the checkpoint, and freeze it again"
_DROPPED: Final = (
    "Array …/RandomUniform … is lacking min/max data, which is necessary for quantization."
)


@dataclass(frozen=True)
class Leftover:
    """A node of training on the way to the outputs."""

    node: Node
    what: str
    says: str
    """What TOCO says of it; empty where it converts nevertheless."""
    remedy: str
    mended: tuple[Node, ...] | None
    """The nodes that make inference of it; None where that isn't known."""


def leftovers(view: View) -> list[Leftover]:
    """What is left of training, in the order of the graph."""
    return [
        each
        for node in view.order
        for find in (_normalizations, _learning, _dropouts, _variables)
        for each in find(view, node)
    ]


def _variables(view: View, node: Node) -> Iterator[Leftover]:
    if node.op in _VARIABLES and node.name not in view.inputs:
        yield Leftover(
            node, "a variable: the graph is not frozen", "", "freeze it with its checkpoint", None
        )


def _normalizations(view: View, node: Node) -> Iterator[Leftover]:
    if node.op not in BATCH_NORMS or node.integer("is_training", 1) == 0:
        return
    statistics = [value(view.graph, each) for each in node.inputs[3:5]]
    what = "normalizes by the statistics of the batch"
    if len(statistics) == 2 and all(each is not None and each.values for each in statistics):
        inference = replace(node, attrs={**node.attrs, "is_training": wire.varint(5, 0)})
        yield Leftover(node, what, "", "use those in the graph", (inference,))
        return
    what += ", and those learned in training are not in the graph"
    yield Leftover(node, what, "", _AGAIN, None)


def _learning(view: View, node: Node) -> Iterator[Leftover]:
    """Fake-quantization whose range is still updated; the frozen variable holds what it learned."""
    if node.op != "FakeQuantWithMinMaxVars" or given_range(view.graph, node) is not None:
        return
    learned = [_variable(view.graph, each) for each in node.inputs[1:3]]
    says = "Input 0 of node …/Assign… was passed float … incompatible with expected float_ref."
    if any(each is None for each in learned):
        yield Leftover(node, "its range is computed, not a constant", says, _AGAIN, None)
        return
    low, high = (str(each) for each in learned)
    mended = replace(node, inputs=(node.inputs[0], low, high, *node.inputs[3:]))
    yield Leftover(
        node, "still learns its range", says, f"use what {low} and {high} learned", (mended,)
    )


def _variable(graph: Graph, tensor: str) -> str | None:
    """The frozen variable that an assignment, or a chain of them, updates."""
    node = graph.nodes[node_of(tensor)]
    for _ in graph.nodes:
        if node.op in _UPDATES or (node.op == "Identity" and node.sources):
            node = graph.nodes[node.sources[0]]
        else:
            break
    found = value(graph, node.name)
    return node.name if found is not None and len(found.values) == 1 else None


def _dropouts(view: View, node: Node) -> Iterator[Leftover]:
    """`x / keep * (random ≥ rate)`, as `tf.nn.dropout` builds it; inference takes `x`."""
    if node.op != "Mul" or len(node.sources) != 2 or node.name in view.constants:
        return
    graph = view.graph
    scaled, mask = (graph.nodes[source] for source in node.sources)
    if not _is_mask(graph, mask):
        return
    if scaled.op not in ("Mul", "RealDiv") or len(scaled.sources) != 2:
        return
    data = [each for each in scaled.inputs if node_of(each) not in view.constants]
    if len(data) != 1:
        return
    passing = Node(node.name, "Identity", (data[0],), {"T": wire.varint(6, _FLOAT)}, node.device)
    yield Leftover(node, "drops values at random", _DROPPED, "let all values pass", (passing,))


def _is_mask(graph: Graph, node: Node) -> bool:
    """Whether a node computes zeros and ones at random: `floor(random)` or `random ≥ rate`."""
    compared = None
    for _ in range(8):
        if node.op in ("GreaterEqual", "Floor"):
            compared = node
            break
        if node.op not in ("Cast", "Identity") or not node.sources:
            return False
        node = graph.nodes[node.sources[0]]
    if compared is None:
        return False
    pending, steps = list(compared.sources), 0
    while pending and steps < 32:
        steps += 1
        each = graph.nodes[pending.pop()]
        if each.op in _RANDOM:
            return True
        if each.op in ("Add", "AddV2", "Mul", "Sub", "Identity"):
            pending += each.sources
    return False


def switches(view: View) -> list[Node]:
    """The `Switch` nodes on the way to the outputs."""
    return [node for node in view.order if node.op == "Switch"]


def resolved(view: View) -> Graph | None:
    """The graph with every `Switch` decided; None if one depends on more than a default.

    A `PlaceholderWithDefault` that is not an input has its default value, as in inference.
    """
    graph = view.graph
    live: dict[str, int] = {}
    changed: dict[str, Node] = {}
    dead: set[str] = set()
    for node in view.order:
        if node.op == "Merge":
            open_ = [each for each in node.inputs if not _is_dead(each, live, dead)]
            if len(open_) != 1:
                return None
            attrs = {"T": node.attrs["T"]} if "T" in node.attrs else {}
            changed[node.name] = Node(node.name, "Identity", (open_[0],), attrs, node.device)
        elif any(_is_dead(each, live, dead) for each in node.inputs):
            dead.add(node.name)
        elif node.op == "Switch":
            truth = _truth(graph, node.inputs[1], view.inputs)
            if truth is None:
                return None
            live[node.name] = int(truth)
            attrs = {"T": node.attrs["T"]} if "T" in node.attrs else {}
            changed[node.name] = Node(node.name, "Identity", (node.inputs[0],), attrs, node.device)
    for node in graph:
        inputs = tuple(_first(each, live) for each in node.inputs)
        if inputs != node.inputs and node.name not in dead:
            base = changed.get(node.name, node)
            changed[node.name] = replace(
                base, inputs=tuple(_first(each, live) for each in base.inputs)
            )
    return graph.edited(changed.values(), dead)


def _is_dead(tensor: str, live: dict[str, int], dead: set[str]) -> bool:
    name = node_of(tensor)
    if name in dead:
        return True
    return name in live and not tensor.startswith("^") and port_of(tensor) != live[name]


def _first(tensor: str, live: dict[str, int]) -> str:
    return node_of(tensor) if node_of(tensor) in live and not tensor.startswith("^") else tensor


def _truth(graph: Graph, tensor: str, inputs: tuple[str, ...]) -> bool | None:
    negated = False
    node = graph.nodes[node_of(tensor)]
    for _ in graph.nodes:
        if node.name in inputs:
            return None
        if node.op == "LogicalNot":
            negated = not negated
        elif node.op not in ("Identity", "PlaceholderWithDefault", "Switch"):
            break
        node = graph.nodes[node.sources[0]]
    found = value(graph, node.name)
    if found is None or len(found.values) != 1:
        return None
    return bool(found.values[0]) != negated
