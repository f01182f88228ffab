"""Findings in helpers of other files, told at the call that is to blame.

What a helper makes of its arguments is no fault of its own file: linted alone, where the arguments
are not known, nothing is found there. It is told at the last call before the program leaves the
document, unless a file behind that call says the same of itself.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakKeyDictionary

from qlsp.diagnostic import Diagnostic, Fix, Related
from qlsp.linter.analysis import Analysis
from qlsp.linter.faults import Fault, Found, findings, site_of
from qlsp.rules.rule import Finding, Rule
from qlsp.settings import Settings
from qlsp.source.document import Document
from qlsp.source.span import Site, Span
from qlsp.source.syntax import Place
from qlsp.trace import Project
from qlsp.trace.budget import Limits
from qlsp.trace.graph import LayerGraph

_PLACES = 4
_LIMITS = Limits(total=100_000, variants=1)
"""How much of another file is followed: less than of the document, as there may be many."""


class HelperFault(Fault):
    """One rule's findings in what one call makes in other files."""

    def diagnostic(self, document: Document, fix: Fix | None) -> Diagnostic:
        """As of other faults, with the line of the helper; the other lines are related places."""
        made = Counter(_written(finding) for _, finding in self.findings)
        told = super().diagnostic(document, fix)
        here = _written(self.worst)
        if here.path == document.path:  # only applied elsewhere
            return told
        others = (Related(site, "made here") for site in list(made)[:_PLACES] if site != here)
        return replace(
            told,
            message=f"In {Path(here.path).name}:{here.span.line}: {told.message}",
            related=(Related(here, "made here"), *others, *told.related),
        )


def helper_faults(
    analysis: Analysis, rules: tuple[type[Rule], ...], found: Iterable[Found]
) -> list[HelperFault]:
    """Those of the findings that are about other files and depend on a call in this one."""
    document = analysis.document
    told = _Told.of(analysis, rules)
    candidates: list[tuple[Found, Span, list[list[_Question]]]] = []
    own: set[_Mark] = set()
    for each in found:
        rule, _, finding = each
        mark = _mark(document, finding)
        if mark is None:
            continue
        own.update(_marks(rule, finding, mark.span))
        if not _is_own(document, finding):
            candidates.append((each, mark.span, list(told.questions(rule, finding))))
    told.remember(analysis, own)
    said = told.answers({one for *_, asked in candidates for each in asked for one in each})
    gathered: dict[tuple[str, Span], HelperFault] = {}
    for (rule, graph, finding), span, asked in candidates:
        if not any(said.issuperset(each) for each in asked):
            fault = gathered.setdefault((rule.code, span), HelperFault(rule, span))
            # What would mend the helper would change it for its other callers.
            fault.findings.append((graph, replace(finding, rewrites=())))
    return sorted(gathered.values(), key=lambda each: (each.span, each.rule.code))


def _is_own(document: Document, finding: Finding) -> bool:
    site = site_of(document, finding)
    return site is not None and site.path == document.path


def _written(finding: Finding) -> Site:
    """Where a helper makes the layer."""
    site = finding.node.construct or finding.node.call
    assert site is not None
    return site


def _mark(document: Document, finding: Finding) -> Site | None:
    """What of `document` is to blame: a layer it makes, or the call that leads to the helper."""
    site = site_of(document, finding)
    if site is None or site.path == document.path:
        return site
    made = finding.node.construct
    if made is not None and made.path == document.path:
        return made
    calls = [*finding.node.path, *([finding.node.call] if finding.node.call else [])]
    last = next((each for each in reversed(calls) if each.path == document.path), None)
    if last is None:
        return None
    place = Place.find(document, last.span)
    if place is not None and isinstance(place.node, ast.Call):
        return Site(document.path, Span.of(place.node.func))
    return last


_Mark = tuple[str, Span]
"""The code of a rule, and the place of its finding; or code and file of a layer that it blames."""
_Question = tuple[str, _Mark]
"""The path of a file, and what it may say of itself."""


def _marks(rule: type[Rule], finding: Finding, span: Span) -> Iterator[_Mark]:
    """What a file that says the same of itself says."""
    yield rule.code, span
    if rule.blames_others:
        for each in finding.related:
            yield f"{rule.code} {each.site.path}", each.site.span


@dataclass
class _Said:
    """What one file, linted alone, says of itself."""

    documents: tuple[Document, ...]
    """The file and the others that this rests on."""
    answers: dict[_Mark, bool] = field(default_factory=dict)
    """Whether a rule finds something at a place, as far as that was asked."""
    whole: bool = False
    """Whether it was linted: what is not among the answers is not found."""


_Key = tuple[str, Settings, tuple[str, ...]]
"""A file, and what it was linted under: settings and rules."""
_KNOWN: WeakKeyDictionary[Project, dict[_Key, _Said]] = WeakKeyDictionary()


@dataclass
class _Told:
    """What the other files of a project say of themselves, found once per file and place."""

    project: Project
    path: str
    settings: Settings
    rules: Mapping[str, type[Rule]]
    known: dict[_Key, _Said]

    @classmethod
    def of(cls, analysis: Analysis, rules: tuple[type[Rule], ...]) -> _Told:
        """For the helpers of one document."""
        project = analysis.project or Project()
        return cls(
            project,
            analysis.document.path,
            analysis.settings,
            {rule.code: rule for rule in rules},
            _KNOWN.setdefault(project, {}),
        )

    def questions(self, rule: type[Rule], finding: Finding) -> Iterator[list[_Question]]:
        """What each of the other files that make the layer would say, were it at fault itself."""
        sites = (finding.node.construct, finding.node.call, *finding.node.path)
        for path in dict.fromkeys(site.path for site in sites if site is not None):
            document = None if path == self.path else self.project.document(path)
            mark = None if document is None else _mark(document, finding)
            if mark is not None:
                yield [(path, each) for each in _marks(rule, finding, mark.span)]

    def answers(self, asked: Iterable[_Question]) -> set[_Question]:
        """Those that are so."""
        by_path: dict[str, set[_Mark]] = {}
        for path, mark in asked:
            by_path.setdefault(path, set()).add(mark)
        return {(path, mark) for path, marks in by_path.items() for mark in self._said(path, marks)}

    def _said(self, path: str, marks: set[_Mark]) -> Iterator[_Mark]:
        document = self.project.document(path)
        if document is None:
            return
        key = self._key(path)
        said = self.known.get(key)
        if said is None or any(map(self._has_changed, said.documents)):
            said = self.known[key] = _Said((document,))
        new = set() if said.whole else marks - said.answers.keys()
        if new:
            analysis = Analysis.of(document, self.settings, self.project, _LIMITS)
            said.documents = (document, *analysis.read)
            said.answers.update(dict.fromkeys(new, False))
            said.answers.update(dict.fromkeys(self._found(analysis, new), True))
        yield from (mark for mark in marks if said.answers.get(mark))

    def remember(self, analysis: Analysis, marks: Iterable[_Mark]) -> None:
        """Keep what was found in the document itself, for those whose helper it is."""
        documents = analysis.document, *analysis.read
        self.known[self._key(self.path)] = _Said(documents, dict.fromkeys(marks, True), True)

    def _key(self, path: str) -> _Key:
        return path, self.settings, tuple(self.rules)

    def _found(self, analysis: Analysis, marks: set[_Mark]) -> Iterator[_Mark]:
        """What is found at the places in question, or elsewhere in the graphs that have them."""
        document = analysis.document
        spans = {span for code, span in marks if code in self.rules}
        graphs = tuple(each for each in analysis.graphs if _holds(each.flat, document, spans))
        rules = tuple(
            self.rules[code] for code in {code for code, _ in marks if code in self.rules}
        )
        for rule, _, finding in findings(replace(analysis, graphs=graphs), rules):
            mark = _mark(document, finding)
            if mark is not None:
                yield from _marks(rule, finding, mark.span)

    def _has_changed(self, known: Document) -> bool:
        document = self.project.document(known.path)
        return document is None or document.text != known.text


def _holds(graph: LayerGraph, document: Document, spans: set[Span]) -> bool:
    """Whether a graph has a layer that is made, applied or led to around one of the places."""
    sites = {
        site.span
        for node in graph.nodes
        for site in (node.construct, node.call, *node.path)
        if site is not None and site.path == document.path
    }
    return any(site.contains(span) for site in sites for span in spans)
