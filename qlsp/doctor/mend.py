"""Make a graph convertible: what the graph itself tells, and where ranges are missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from qlsp.doctor.eight_bit import eight_bit_nodes, is_eight_bit, to_float
from qlsp.doctor.graphdef import Graph, Node
from qlsp.doctor.insertion import insert, unfused
from qlsp.doctor.placement import Misplaced, OnConstant, misplaced, on_constants, without
from qlsp.doctor.training import Leftover, leftovers, resolved, switches
from qlsp.doctor.view import FAKE_QUANTS, HANDING_ON, Lacking, View, given_range, lacking
from qlsp.lower.tf1 import toco
from qlsp.lower.tf1.graph import Range

_UNMEASURED: Range = (0.0, 1.0)
"""Stands in while it is found out which other ranges are missing; never written."""
_ROUNDS = 1000


@dataclass(frozen=True)
class Plan:
    """A graph with all mended but its missing ranges."""

    view: View
    leftovers: tuple[Leftover, ...]
    constants: tuple[OnConstant, ...]
    moved: tuple[Misplaced, ...]
    missing: tuple[Lacking, ...]
    """The nodes behind which a fake-quantization is missing."""
    known: Mapping[str, Range]
    """Ranges of some of these, where they follow from a fake-quantization that is there."""

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The nodes whose ranges only data can tell."""
        return tuple(name for name in self._names if name not in self.known)

    @property
    def _names(self) -> list[str]:
        return [each.node.name for each in self.missing if not each.inside]

    def mended(self, measured: Mapping[str, Range]) -> Graph:
        """The graph with a fake-quantization wherever one is missing."""
        ranges = {**measured, **self.known}
        wanted = {name: ranges[name] for name in self._names}
        return insert(self.view.graph, wanted, self.view.outputs).sorted()


def plan(view: View) -> Plan:
    """What becomes of a graph. Raises `QlspError` where 8-bit ops have no float counterpart.

    Nodes that nothing needs any more are left out.
    """
    kept = {node.name for node in _ends(view.graph) if not is_eight_bit(node.op)}
    if eight_bit_nodes(view):
        view = _pruned(replace(view, graph=to_float(view)), kept)
    if switches(view):
        decided = resolved(view)
        view = view if decided is None else _pruned(replace(view, graph=decided), kept)
    left = leftovers(view)
    for each in left:
        view = replace(view, graph=view.graph.edited(each.mended or ()))
    constants = on_constants(view)
    moved = misplaced(view)
    for node in (each.node for found in (constants, moved) for each in found):
        view = replace(view, graph=without(view.graph, view.graph.nodes[node.name]))
    view, missing = _missing(_pruned(view, kept))
    known = {
        each.follower.name: each.range
        for each in moved
        if each.range is not None and each.range[0] < each.range[1]
    }
    names = {each.node.name for each in missing}
    known = {name: given for name, given in known.items() if name in names}
    known.update(_behind(view, names - known.keys()))
    return Plan(view, tuple(left), tuple(constants), tuple(moved), tuple(missing), known)


def _behind(view: View, names: Iterable[str]) -> Iterator[tuple[str, Range]]:
    """Ranges behind an op that hands its own on, for nodes that only it takes.

    TensorFlow Lite refuses a pooling with two different ones.
    """
    users = view.graph.consumers()
    for name in names:
        found = view.graph.nodes[name]
        while len(users.get(found.name, ())) == 1 and found.op not in FAKE_QUANTS:
            found = users[found.name][0]
            if found.op not in toco.PASSING:
                break
        given = given_range(view.graph, found) if found.op in FAKE_QUANTS else None
        if given is not None:
            yield name, given


def _missing(view: View) -> tuple[View, list[Lacking]]:
    """Where ranges are missing, and the graph in which each of them has a place."""
    found: list[Lacking] = []
    said: dict[str, str] = {}
    trial = view
    for _ in range(_ROUNDS):
        names = {each.node.name for each in found}
        new = [each for each in lacking(trial) if each.node.name not in names]
        if not new:
            break
        # Those that hand on a range need none of their own once the ones before them have theirs.
        new = [each for each in new if each.node.op not in HANDING_ON] or new
        split = next((each for each in new if each.inside), None)
        opened = None if split is None else unfused(view.graph, split.node)
        if split is not None and opened is not None:
            said[opened.nodes[split.node.name].sources[0]] = split.message
            view = trial = replace(view, graph=opened)
            found = []
            continue
        found += new
        wanted = {each.node.name: _UNMEASURED for each in found}
        trial = replace(view, graph=insert(view.graph, wanted, view.outputs))
    found = [replace(each, message=said.get(each.node.name, each.message)) for each in found]
    return view, [*found, *_means(trial, {each.node.name for each in found})]


def _means(view: View, told: set[str]) -> list[Lacking]:
    """Means without a range: TOCO takes that of what they are the mean of, TensorFlow 2.21 none."""
    users = view.graph.consumers()
    return [
        Lacking(node, "")
        for node in view.order
        if node.op == "Mean"
        and node.name not in (*view.constants, *told)
        and not any(each.op in FAKE_QUANTS for each in users.get(node.name, ()))
    ]


def _ends(graph: Graph) -> list[Node]:
    used = {source for node in graph for source in node.sources}
    return [node for node in graph if node.name not in used]


def _pruned(view: View, ends: set[str]) -> View:
    graph = view.graph
    needed = graph.ancestors((*ends, *view.outputs))
    gone = [name for name in graph.nodes if name not in needed]
    left = [
        replace(node, inputs=tuple(each for each in node.inputs if not _is_lost(each, needed)))
        for node in graph
        if node.name in needed and any(_is_lost(each, needed) for each in node.inputs)
    ]
    return replace(view, graph=graph.edited(left, gone))


def _is_lost(tensor: str, needed: set[str]) -> bool:
    return tensor.startswith("^") and tensor.lstrip("^") not in needed
