"""Which rewrite of a fault is to be offered: one that is proven to be what it says, and better."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from qlsp.diagnostic import Applicability, Fix
from qlsp.linter.analysis import Analysis
from qlsp.linter.faults import Fault
from qlsp.rules.cells import Cell
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import Operation, SetArgument
from qlsp.rules.rewrite.draft import Draft, equal
from qlsp.rules.rewrite.operations import crosses_functions, source_of
from qlsp.rules.rewrite.places import CannotWrite
from qlsp.rules.rewrite.write import write
from qlsp.source.document import SourceError
from qlsp.source.edit import Edit, EditConflictError, apply_edits
from qlsp.source.span import Site


@dataclass(frozen=True)
class _Plan:
    """One way to mend a fault, at all of its layers."""

    title: str
    applicability: Applicability
    lowered: bool
    operations: tuple[tuple[LoweredGraph, Operation], ...]
    bad: tuple[tuple[LoweredGraph, frozenset[Cell]], ...]


def mend(analysis: Analysis, fault: Fault) -> Fix | None:
    """The first of the fault's rewrites that can be written, and lowers better.

    Traced again, the changed text must give the very graphs that the rewrite means, each better
    in all cells where it was bad and in no cell worse. What is only shown, and lowered by its rule,
    is not traced again.
    """
    for plan in _plans(fault):
        if _changes_more(analysis, plan):
            continue
        try:
            edits = _edits(analysis, plan)
            if plan.lowered and plan.applicability is Applicability.DISPLAY:
                return Fix(plan.title, plan.applicability, tuple(edits))
            changed = analysis.changed(apply_edits(analysis.document.text, edits))
        except (CannotWrite, EditConflictError, SourceError):
            continue
        if _as_meant(analysis, changed, plan) and _better(analysis, changed, plan):
            return Fix(plan.title, plan.applicability, tuple(edits))
    return None


def _plans(fault: Fault) -> Iterator[_Plan]:
    """The rewrites that all findings of the fault have in common."""
    for rewrite in fault.findings[0][1].rewrites:
        operations: list[tuple[LoweredGraph, Operation]] = []
        for graph, finding in fault.findings:
            same = next((each for each in finding.rewrites if each.title == rewrite.title), None)
            if same is None or crosses_functions(finding.node, same.operations):
                break
            operations += [(graph, each) for each in same.operations]
        else:
            bad = tuple((graph, finding.consequence.bad) for graph, finding in fault.findings)
            yield _Plan(
                rewrite.title, rewrite.applicability, rewrite.lowered, tuple(operations), bad
            )


def _changes_more(analysis: Analysis, plan: _Plan) -> bool:
    """Whether an argument to be changed is another graph's, too, which the plan leaves alone.

    Tracing the changed text would tell the same, at many times the cost.
    """
    meant: set[tuple[int, int]] = set()
    changes: dict[Site, list[SetArgument]] = {}
    for graph, operation in plan.operations:
        if isinstance(operation, SetArgument) and operation.node.construct is not None:
            meant.add((id(graph), operation.node.index))
            changes.setdefault(operation.node.construct, []).append(operation)
    return any(
        operation.key not in node.attrs or node.attrs[operation.key] != operation.value
        for graph in (analysis.graphs if changes else ())
        for node in graph.flat.nodes
        if node.construct in changes and (id(graph), node.index) not in meant
        for operation in changes[node.construct]
    )


def _edits(analysis: Analysis, plan: _Plan) -> Sequence[Edit]:
    """Raises `CannotWrite` or `EditConflictError`."""
    found: set[Edit] = set()
    written: set[Hashable] = set()
    for graph, operation in plan.operations:
        # What a loop makes of one line is changed by one edit; `_as_meant` sees if it isn't so.
        source = source_of(operation)
        if source not in written:
            written.add(source)
            found.update(write(analysis.document, graph.flat, operation))
    return sorted(found)


def _as_meant(analysis: Analysis, changed: Analysis, plan: _Plan) -> bool:
    drafts = {id(graph): Draft.of(graph.flat) for graph in analysis.graphs}
    for graph, operation in plan.operations:
        drafts[id(graph)].apply(operation)
    return equal(drafts.values(), (Draft.of(graph.flat) for graph in changed.graphs))


def _better(analysis: Analysis, changed: Analysis, plan: _Plan) -> bool:
    for before, after in zip(analysis.graphs, changed.graphs, strict=True):
        bad = _union(cells for graph, cells in plan.bad if graph is before)
        if bad and not after.better_than(before, bad):
            return False
    return True


def _union(sets: Iterable[frozenset[Cell]]) -> frozenset[Cell]:
    return frozenset().union(*sets)
