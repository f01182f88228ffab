"""Findings in helpers of other files, told at the call that is to blame.

What a helper makes of its arguments is no fault of its own file: linted alone, where the arguments
are not known, nothing is found there. It is told at the last call before the program leaves the
document, unless a file behind that call says the same of itself.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
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

_PLACES = 4


class HelperFault(Fault):
    """One rule's findings in what one call makes in other files."""

    def diagnostic(self, document: Document, fix: Fix | None) -> Diagnostic:
        """As of other faults, with the line of the helper; the other lines are related places."""
        made = Counter(_written(finding) for _, finding in self.findings)
        told = super().diagnostic(document, fix)
        worst = max(
            (finding for _, finding in self.findings),
            key=lambda each: each.consequence.severity.rank,
        )
        here = _written(worst)
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
    gathered: dict[tuple[str, Span], HelperFault] = {}
    told = _Told.of(analysis, rules)
    found = list(found)
    told.remember(analysis, found)
    for rule, graph, finding in found:
        mark = _mark(analysis.document, finding)
        if mark is None or _is_own(analysis.document, finding):
            continue
        if told.elsewhere(rule, finding):
            continue
        fault = gathered.setdefault((rule.code, mark.span), HelperFault(rule, mark.span))
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


@dataclass(frozen=True)
class _Said:
    """What is found in one file."""

    documents: tuple[Document, ...]
    """The file and the others that this rests on."""
    marks: frozenset[tuple[str, Span]]
    """The rule and the place of each finding."""


_Key = tuple[str, Settings, Limits | None, tuple[type[Rule], ...]]
_KNOWN: WeakKeyDictionary[Project, dict[_Key, _Said]] = WeakKeyDictionary()


@dataclass
class _Told:
    """What the other files of a project say of themselves, found once per file."""

    project: Project
    path: str
    settings: Settings
    limits: Limits | None
    rules: tuple[type[Rule], ...]
    known: dict[_Key, _Said]

    @classmethod
    def of(cls, analysis: Analysis, rules: tuple[type[Rule], ...]) -> _Told:
        """For the helpers of one document."""
        project = analysis.project or Project()
        known = _KNOWN.setdefault(project, {})
        return cls(
            project, analysis.document.path, analysis.settings, analysis.limits, rules, known
        )

    def elsewhere(self, rule: type[Rule], finding: Finding) -> bool:
        """Whether one of the files that make the layer reports the same, linted alone."""
        return any(
            (mark := _mark(document, finding)) is not None
            and (rule.code, mark.span) in self._said(document).marks
            for document in self._behind(finding)
        )

    def _behind(self, finding: Finding) -> Iterator[Document]:
        sites = (finding.node.construct, finding.node.call, *finding.node.path)
        for path in dict.fromkeys(site.path for site in sites if site is not None):
            document = None if path == self.path else self.project.document(path)
            if document is not None:
                yield document

    def _said(self, document: Document) -> _Said:
        key = document.path, self.settings, self.limits, self.rules
        said = self.known.get(key)
        if said is None or any(map(self._has_changed, said.documents)):
            analysis = Analysis.of(document, self.settings, self.project, self.limits)
            said = self.remember(analysis, findings(analysis, self.rules))
        return said

    def remember(self, analysis: Analysis, found: Iterable[Found]) -> _Said:
        """Keep what was found in a file."""
        document = analysis.document
        marks = frozenset(
            (rule.code, mark.span)
            for rule, _, finding in found
            if (mark := _mark(document, finding)) is not None
        )
        key = document.path, self.settings, self.limits, self.rules
        said = self.known[key] = _Said((document, *analysis.read), marks)
        return said

    def _has_changed(self, known: Document) -> bool:
        document = self.project.document(known.path)
        return document is None or document.text != known.text
