"""A frozen graph as `lower.tf1` sees one: what TOCO will make of it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from qlsp.doctor.graphdef import Graph, Node, node_of
from qlsp.doctor.tensor import FLOAT, Tensor, constant
from qlsp.error import QlspError
from qlsp.lower.tf1 import toco
from qlsp.lower.tf1.graph import UNDECIDED, Range, TfGraph, TfOp

BATCH_NORMS: Final = frozenset({"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
FAKE_QUANTS: Final = frozenset({"FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars"})
IDENTITIES: Final = frozenset(
    {"Identity", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot"}
)
HANDING_ON: Final = toco.PASSING | {"ConcatV2"}
"""The range of their output follows from those of their inputs."""
_SHAPES: Final = frozenset({"Shape", "ShapeN", "Rank", "Size"})
"""Known to the converter, which fixes the shapes of the inputs."""
_SOURCES: Final = frozenset({"Placeholder", "PlaceholderWithDefault", "PlaceholderV2"})
_RANDOM: Final = frozenset(
    {
        *("RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt"),
        *("Multinomial", "StatelessRandomUniform", "StatelessRandomNormal"),
    }
)
_LOOPING: Final = frozenset({"NextIteration", "Merge", "Enter", "LoopCond"})


def value(graph: Graph, tensor: str, depth: int = 8) -> Tensor | None:
    """What a tensor always is: a `Const`, through identities and products of constants.

    None for all others.
    """
    node = graph.nodes.get(node_of(tensor))
    for _ in graph.nodes:
        if node is None or node.op not in IDENTITIES or not node.sources:
            break
        node = graph.nodes.get(node.sources[0])
    if node is None or node.op != "Mul" or not depth or len(node.inputs) != 2:
        return None if node is None else constant(node)
    one, other = (value(graph, each, depth - 1) for each in node.inputs)
    if one is None or other is None or FLOAT not in (one.dtype, other.dtype):
        return None
    if len(one.values) == 1:
        one, other = other, one
    factors = list(other.values) * (len(one.values) if len(other.values) == 1 else 1)
    if len(factors) != len(one.values):
        return None
    products = (x * y for x, y in zip(one.values, factors, strict=True))
    return Tensor(FLOAT, one.shape, array("f", products))


def given_range(graph: Graph, node: Node) -> Range | None:
    """The range that a fake-quantization is told; None if it is computed."""
    if node.op == "FakeQuantWithMinMaxArgs":
        return node.real("min", -6.0), node.real("max", 6.0)
    ends = [value(graph, each) for each in node.inputs[1:3]]
    found = [each.scalar for each in ends if each is not None and len(each.values) == 1]
    return (found[0], found[1]) if len(found) == 2 else None


@dataclass(frozen=True)
class View:
    """The part of a graph between its inputs and outputs."""

    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @cached_property
    def order(self) -> tuple[Node, ...]:
        """The nodes on the way to the outputs, none before what it takes.

        Raises `QlspError` if they run in a circle that is no loop.
        """
        graph = self.graph
        wanted = graph.ancestors(self.outputs, self.inputs)
        borders = set(self.inputs)
        waiting = {
            name: set() if name in borders else set(graph.nodes[name].sources) & wanted
            for name in graph.nodes
            if name in wanted
        }
        takers: dict[str, list[str]] = {}
        for name, sources in waiting.items():
            for source in sources:
                takers.setdefault(source, []).append(name)
        ready = [name for name, sources in waiting.items() if not sources]
        found: list[Node] = []
        while ready:
            name = ready.pop()
            found.append(graph.nodes[name])
            for taker in takers.get(name, ()):
                waiting[taker].discard(name)
                if not waiting[taker]:
                    ready.append(taker)
        left = [name for name, sources in waiting.items() if sources]
        if left and not any(graph.nodes[name].op in _LOOPING for name in left):
            raise QlspError(f"the graph runs in a circle: {_circle(waiting, left[0])}")
        place = {name: index for index, name in enumerate(graph.nodes)}
        return tuple(found) if left else tuple(_stable(found, place))

    @cached_property
    def constants(self) -> frozenset[str]:
        """The nodes whose values don't depend on the inputs."""
        known: set[str] = set()
        for node in self.order:
            fixed = node.sources and all(source in known for source in node.sources)
            if node.op == "Const" or node.op in _SHAPES or (fixed and node.op not in _RANDOM):
                known.add(node.name)
        return frozenset(known - set(self.inputs))

    def ops(self) -> tuple[TfGraph, dict[str, TfOp]]:
        """The ops for `toco.convert`, which changes them, and which node each is."""
        built = TfGraph()
        made: dict[str, TfOp] = {}
        for index, node in enumerate(self.order):
            if node.name in self.constants:
                continue
            sources = [] if node.name in self.inputs else list(node.sources)
            if node.op in FAKE_QUANTS:
                sources = sources[:1]
            taken = [made[each] for each in sources if each in made]
            op = built.add(
                self._type(node), node.name, *taken, node=index, constants=len(sources) - len(taken)
            )
            if node.op in FAKE_QUANTS:
                op.given = given_range(self.graph, node)
            made[node.name] = op
        built.outputs = [made[name] for name in self.outputs if name in made]
        for node in self.order:
            switch = made.get(node_of(node.inputs[0])) if node.inputs else None
            if switch is not None and switch.type == "Switch" and switch.group is None:
                switch.group = node.op
        return built, made

    def _type(self, node: Node) -> str:
        if node.name in self.inputs or node.op in _SOURCES:
            return "Placeholder"
        if node.op in BATCH_NORMS:
            return "FusedBatchNormV3"
        if node.op in IDENTITIES:
            return "Identity"
        if node.op == "Concat":
            return "ConcatV2"
        known = node.op in toco.TITLES or node.op in FAKE_QUANTS or node.op == "Switch"
        return node.op if known else UNDECIDED


@dataclass(frozen=True)
class Lacking:
    """A tensor that TOCO needs a range of and finds none."""

    node: Node
    """The last node of what becomes one op: the range belongs behind it."""
    message: str
    """What TOCO says, without the place in its source."""
    inside: bool = False
    """Whether it is the product that TOCO makes within a normalization that it can't fold."""


def lacking(view: View) -> list[Lacking]:
    """The tensors without a range, in the order of the graph."""
    built, made = view.ops()
    converted = toco.convert(built)
    last: dict[int, Node] = {}
    for node in view.order:
        op = made.get(node.name)
        if op is not None and op.type not in (*FAKE_QUANTS, "Identity"):
            last[id(_root(op))] = node
    found: dict[str, Lacking] = {}
    for op, message in converted.complaints:
        inside = id(op) not in last
        node = view.order[op.node] if inside else last[id(op)]
        found.setdefault(node.name, Lacking(node, message, inside))
    return list(found.values())


def _root(op: TfOp) -> TfOp:
    while op.fused is not None:
        op = op.fused
    return op


def _stable(nodes: Iterable[Node], place: dict[str, int]) -> Sequence[Node]:
    """The nodes in the order of the file where that is an order of computation."""
    listed = sorted(nodes, key=lambda node: place[node.name])
    seen: set[str] = set()
    names = {node.name for node in listed}
    for node in listed:
        if any(source in names and source not in seen for source in node.sources):
            return list(nodes)
        seen.add(node.name)
    return listed


def _circle(waiting: dict[str, set[str]], name: str) -> str:
    path: list[str] = []
    while name not in path:
        path.append(name)
        name = next(iter(sorted(waiting[name])))
    return " → ".join([*reversed([*path[path.index(name) :], name])][:6])
