"""From a document to its diagnostics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qlsp.diagnostic import Applicability, Diagnostic, Fix, Severity, syntax_error
from qlsp.linter.analysis import Analysis
from qlsp.linter.calls import CallFault, call_faults
from qlsp.linter.faults import Fault, faults, findings
from qlsp.linter.helpers import helper_faults
from qlsp.rules.catalogue import RULES
from qlsp.rules.unused_suppression import UnusedSuppression
from qlsp.settings import Settings
from qlsp.source.document import Document, SourceError
from qlsp.source.span import Span
from qlsp.source.suppression import Suppression, Suppressions, without
from qlsp.trace import Project
from qlsp.trace.budget import Limits

_ONE_OF_A_KIND = Limits(variants=1)
"""What is wrong in the lines of a file, one builder of a kind tells."""

_Key = tuple[str, Span]


def lint(
    document: Document,
    settings: Settings,
    project: Project | None = None,
    *,
    fixes: bool = True,
) -> list[Diagnostic]:
    """What is wrong in `document`, in the order of the source; a syntax error is one diagnostic.

    `project` resolves imports of the user's own modules. Without `fixes` no fix is computed,
    which is what costs most.
    """
    try:
        analysis = Analysis.of(document, settings, project, _ONE_OF_A_KIND)
    except SourceError as error:
        return [syntax_error(document, error)]
    selected = tuple(
        rule for rule in RULES if settings.selects(rule.code, rule.name, document.path)
    )
    suppressions = Suppressions.of(document)
    traced = list(findings(analysis, selected))
    every: list[Fault | CallFault] = [
        *faults(document, traced),
        *helper_faults(analysis, selected, traced),
        *call_faults(analysis, selected),
    ]
    every = [
        fault
        for fault in every
        if not suppressions.silences(fault.rule.code, fault.rule.name, fault.span)
    ]
    mended = _fixes(analysis, every) if fixes else {}
    found = [fault.diagnostic(document, mended.get(_key(fault))) for fault in every]
    if UnusedSuppression in selected:
        found += _unused(document, suppressions, {rule.code for rule in selected})
    return sorted(found, key=lambda each: (each.span, each.code))


def _fixes(analysis: Analysis, every: Sequence[Fault | CallFault]) -> dict[_Key, Fix]:
    """The fixes of faults, by code and place."""
    found = {_key(fault): fix for fault in every if (fix := _mended(analysis, fault))}
    of_layers = [fault for fault in every if isinstance(fault, Fault) and _key(fault) in found]
    if analysis.complete or not of_layers:
        return found
    # What is said of few builders holds of the others; what is changed must suit them all.
    whole = Analysis.of(analysis.document, analysis.settings, analysis.project)
    rules = tuple({fault.rule for fault in of_layers})
    for fault in faults(whole.document, findings(whole, rules)):
        if _key(fault) in found:
            fix = _mended(whole, fault)
            if fix is None:
                del found[_key(fault)]
            else:
                found[_key(fault)] = fix
    return found


def _key(fault: Fault | CallFault) -> _Key:
    return fault.rule.code, fault.span


def _mended(analysis: Analysis, fault: Fault | CallFault) -> Fix | None:
    if isinstance(fault, CallFault):
        return fault.mend(analysis)
    from qlsp.linter.mend import mend  # imports libcst: 0.2 s

    return mend(analysis, fault)


def _unused(
    document: Document, suppressions: Suppressions, selected: set[str]
) -> Iterator[Diagnostic]:
    known = {key: rule.code for rule in RULES for key in (rule.code, rule.name)}
    for comment, rules in suppressions.unused():
        if not comment.rules:
            # Of all rules: one that is switched off might have found something.
            if selected == set(known.values()):
                yield _unused_diagnostic(document, comment, (), "nothing is found here")
            continue
        unknown = tuple(rule for rule in rules if rule not in known)
        idle = tuple(rule for rule in rules if known.get(rule) in selected)
        if unknown:
            message = f"there is no rule {', '.join(unknown)}"
            yield _unused_diagnostic(document, comment, unknown + idle, message)
        elif idle:
            message = f"{', '.join(idle)} finds nothing here"
            yield _unused_diagnostic(document, comment, idle, message)


def _unused_diagnostic(
    document: Document, comment: Suppression, rules: tuple[str, ...], why: str
) -> Diagnostic:
    start, end = (_utf8(document, offset) for offset in (comment.start, comment.end))
    edit = without(document, comment, rules)
    return Diagnostic(
        UnusedSuppression.code,
        UnusedSuppression.name,
        f"Unused suppression: {why}",
        Severity.WARNING,
        document.path,
        Span(*start, *end),
        fix=Fix("Remove the unused suppression", Applicability.SAFE, (edit,)),
    )


def _utf8(document: Document, offset: int) -> tuple[int, int]:
    line, column = document.position(offset)
    return line, len(document.line(line)[:column].encode())
