"""Findings of all graphs, gathered by the place in the source that they are about."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from qlsp.diagnostic import Diagnostic, Fix, Related
from qlsp.linter.analysis import Analysis
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Finding, Rule
from qlsp.source.document import Document
from qlsp.source.span import Site, Span
from qlsp.source.syntax import Place
from qlsp.trace.graph import Node, Style

_CALLERS = 4

Found = tuple[type[Rule], LoweredGraph, Finding]
"""What a rule finds, and in which graph."""


@dataclass
class Fault:
    """One rule's findings at one place; the layers that the place makes may be many."""

    rule: type[Rule]
    span: Span
    findings: list[tuple[LoweredGraph, Finding]] = field(default_factory=list)

    @property
    def worst(self) -> Finding:
        """The gravest finding; of several, the one that is bad in most workflows and toolchains."""
        return max(
            (finding for _, finding in self.findings),
            key=lambda each: (each.consequence.severity.rank, len(each.consequence.bad)),
        )

    def diagnostic(self, document: Document, fix: Fix | None) -> Diagnostic:
        """The one diagnostic for the place, after its gravest finding."""
        worst = self.worst
        made = {(id(graph), _layer(finding.node)) for graph, finding in self.findings}
        count = max(Counter(graph for graph, _ in made).values())
        # In arms, and in a loop of unknown length, a graph has other numbers than the model.
        unsure = {id(graph) for graph, finding in self.findings if finding.node.conditions}
        known = Counter(graph for graph, _ in made if graph not in unsure)
        layers = max(known.values(), default=0)
        return Diagnostic(
            self.rule.code,
            self.rule.name,
            worst.message + (f" ({layers} layers)" if layers > 1 else ""),
            worst.consequence.severity,
            document.path,
            self.span,
            (*worst.related, *(self._callers() if count > 1 else ())),
            fix,
        )

    def _callers(self) -> Iterator[Related]:
        """The outermost calls through which the layers are made."""
        calls = dict.fromkeys(
            finding.node.path[0] for _, finding in self.findings if finding.node.path
        )
        for site in list(calls)[:_CALLERS]:
            yield Related(site, "made by this call")


def _layer(node: Node) -> tuple[int, int]:
    """What tells layers apart: one that is applied several times is one layer."""
    return (node.layer, -1) if node.kind == "layer" else (-1, node.index)


def findings(analysis: Analysis, rules: tuple[type[Rule], ...]) -> Iterator[Found]:
    """What `rules` find in the graphs of a document, wherever their layers are written."""
    for graph in analysis.graphs:
        workflows = {cell.workflow for cell in graph.cells}
        for rule in rules:
            if not workflows.isdisjoint(rule.workflows):
                for finding in rule().check(graph):
                    if not _is_undecided(analysis.document, finding.node):
                        yield rule, graph, finding


def _is_undecided(document: Document, node: Node) -> bool:
    """Whether a helper of another file makes the layer only if it is told so, which isn't known.

    `activation_of(name)(x)`: what one name of many would lead to is no fault of the call.
    """
    return any(test.path != document.path for test in node.conditions)


def faults(document: Document, found: Iterable[Found]) -> list[Fault]:
    """Those of the findings that are about lines of the document itself, by place."""
    gathered: dict[tuple[str, Span], Fault] = {}
    for rule, graph, finding in found:
        site = site_of(document, finding)
        if site is not None and site.path == document.path:
            fault = gathered.setdefault((rule.code, site.span), Fault(rule, site.span))
            fault.findings.append((graph, finding))
    return sorted(gathered.values(), key=lambda each: (each.span, each.rule.code))


def site_of(document: Document, finding: Finding) -> Site | None:
    """The place to mark: an argument, the constructor, or the name of the layer that is called."""
    node = finding.node
    if finding.argument is not None and node.construct is not None:
        return _argument(document, node.construct, finding.argument)
    if node.call is None or node.call.path != document.path:
        return node.call
    if node.kind == "model" and node.style is Style.IMPLICIT:
        return _header(document, node.call)
    made = node.construct
    if made is not None and made.path == document.path and node.call.span.contains(made.span):
        return made
    place = Place.find(document, node.call.span)
    if place is not None and isinstance(place.node, ast.Call) and node.kind == "layer":
        return Site(document.path, Span.of(place.node.func))
    return node.call


def _header(document: Document, site: Site) -> Site:
    """The first line of a definition, without what follows its name."""
    span = site.span
    words = document.line(span.line).encode()[span.column :].split(b"(")[0].split(b":")[0]
    return Site(site.path, Span(span.line, span.column, span.line, span.column + len(words)))


def _argument(document: Document, construct: Site, name: str) -> Site:
    if construct.path == document.path:
        place = Place.find(document, construct.span)
        if place is not None and isinstance(place.node, ast.Call):
            for keyword in place.node.keywords:
                if keyword.arg == name:
                    return Site(document.path, Span.of(keyword))
    return construct
