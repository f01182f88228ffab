"""Make a graph convertible: what the graph itself tells, and where ranges are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from qlsp.doctor.eight_bit import eight_bit_nodes, is_eight_bit, to_float
from qlsp.doctor.graphdef import Graph, Node
from qlsp.doctor.insertion import insert, unfused
from qlsp.doctor.placement import Misplaced, misplaced, without
from qlsp.doctor.training import Leftover, leftovers, resolved, switches
from qlsp.doctor.view import HANDING_ON, Lacking, View, lacking
from qlsp.lower.tf1.graph import Range

_UNMEASURED: Range = (0.0, 1.0)
"""Stands in while it is found out which other ranges are missing; never written."""
_ROUNDS = 1000


@dataclass(frozen=True)
class Plan:
    """A graph with all mended but its missing ranges."""

    view: View
    leftovers: tuple[Leftover, ...]
    moved: tuple[Misplaced, ...]
    missing: tuple[Lacking, ...]
    """The nodes behind which a fake-quantization is missing."""
    known: Mapping[str, Range]
    """Ranges of some of these, where they follow from a fake-quantization that was moved."""

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The nodes whose ranges only data can tell."""
        return tuple(each.node.name for each in self.missing if each.node.name not in self.known)

    def mended(self, measured: Mapping[str, Range]) -> Graph:
        """The graph with a fake-quantization wherever one is missing."""
        ranges = {**measured, **self.known}
        wanted = {each.node.name: ranges[each.node.name] for each in self.missing}
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
    moved = misplaced(view)
    for place in moved:
        view = replace(view, graph=without(view.graph, view.graph.nodes[place.node.name]))
    view, missing = _missing(_pruned(view, kept))
    known = {
        each.follower.name: each.range
        for each in moved
        if each.range is not None and each.range[0] < each.range[1]
    }
    names = {each.node.name for each in missing}
    known = {name: given for name, given in known.items() if name in names}
    return Plan(view, tuple(left), tuple(moved), tuple(missing), known)


def _missing(view: View) -> tuple[View, list[Lacking]]:
    """Where ranges are missing, and the graph in which each of them has a place."""
    found: list[Lacking] = []
    trial = view
    for _ in range(_ROUNDS):
        names = {each.node.name for each in found}
        new = [each for each in lacking(trial) if each.node.name not in names]
        if not new:
            break
        # Those that hand on a range need none of their own once the ones before them have theirs.
        new = [each for each in new if each.node.op not in HANDING_ON] or new
        split = next((each.node for each in new if each.inside), None)
        opened = None if split is None else unfused(view.graph, split)
        if opened is not None:
            view = trial = replace(view, graph=opened)
            found = []
            continue
        found += new
        wanted = {each.node.name: _UNMEASURED for each in found}
        trial = replace(view, graph=insert(view.graph, wanted, view.outputs))
    return view, found


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
