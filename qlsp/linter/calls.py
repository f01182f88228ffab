"""Findings about calls, gathered by place, and their fixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from qlsp.diagnostic import Diagnostic, Fix
from qlsp.linter.analysis import Analysis
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule
from qlsp.rules.rewrite.statements import CannotChange, edits
from qlsp.rules.rule import Rule
from qlsp.source.document import Document, SourceError
from qlsp.source.edit import Edit, EditConflictError, apply_edits
from qlsp.source.span import Span


@dataclass
class CallFault:
    """One rule's findings at one place, which the program may reach in several ways."""

    rule: type[Rule]
    span: Span
    findings: list[CallFinding] = field(default_factory=list)

    def diagnostic(self, document: Document, fix: Fix | None) -> Diagnostic:
        """The one diagnostic for the place, after its gravest finding."""
        worst = max(self.findings, key=lambda each: each.consequence.severity.rank)
        return Diagnostic(
            self.rule.code,
            self.rule.name,
            worst.message,
            worst.consequence.severity,
            document.path,
            self.span,
            worst.related,
            fix,
        )

    def mend(self, analysis: Analysis) -> Fix | None:
        """The first rewrite that all findings share, and after which less is found.

        The changed text must build the same graphs, and have one fault of this rule less and
        none more of any other.
        """
        before: Counter[str] | None = None
        for rewrite in self.findings[0].rewrites:
            if any(rewrite not in finding.rewrites for finding in self.findings):
                continue
            try:
                found = _edits(analysis, rewrite)
                changed = analysis.changed(apply_edits(analysis.document.text, found))
            except (CannotChange, EditConflictError, SourceError):
                continue
            before = before or _counted(analysis)
            after = _counted(changed)
            if (
                after[self.rule.code] < before[self.rule.code]
                and after <= before
                and len(changed.graphs) == len(analysis.graphs)
            ):
                return Fix(rewrite.title, rewrite.applicability, tuple(found))
        return None


def call_faults(analysis: Analysis, rules: tuple[type[Rule], ...]) -> list[CallFault]:
    """What `rules` find in the calls of the document itself, by place."""
    found: dict[tuple[str, Span], CallFault] = {}
    for rule, finding in _findings(analysis, rules):
        place = finding.place
        if place is not None and place.path == analysis.document.path:
            fault = found.setdefault((rule.code, place.span), CallFault(rule, place.span))
            fault.findings.append(finding)
    return list(found.values())


def _findings(
    analysis: Analysis, rules: tuple[type[Rule], ...]
) -> Iterator[tuple[type[Rule], CallFinding]]:
    if not analysis.usages:
        return
    for rule in rules:
        if issubclass(rule, CallRule) and not set(rule.workflows).isdisjoint(analysis.workflows):
            for usage in analysis.usages:
                for finding in rule().check_calls(usage):
                    yield rule, finding


def _counted(analysis: Analysis) -> Counter[str]:
    from qlsp.rules.catalogue import RULES

    return Counter(fault.rule.code for fault in call_faults(analysis, RULES))


def _edits(analysis: Analysis, rewrite: CallRewrite) -> list[Edit]:
    """Raises `CannotChange`."""
    return sorted({edit for change in rewrite.changes for edit in edits(analysis.document, change)})
