"""Applying fixes until nothing is left to fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qlsp.diagnostic import Applicability, Diagnostic
from qlsp.linter.lint import lint
from qlsp.settings import Settings
from qlsp.source.document import Document
from qlsp.source.edit import Edit, apply_edits
from qlsp.trace import Project

_ROUNDS = 20
"""More than any file needs: every round but the last mends something for good."""


@dataclass(frozen=True, slots=True)
class FixResult:
    """A document's text after its fixes."""

    text: str
    applied: tuple[Diagnostic, ...]
    """What was mended, in the order it was done; spans are those before the round's edits."""
    remaining: tuple[Diagnostic, ...]
    """What is found in `text`."""


def fix(
    document: Document,
    settings: Settings,
    project: Project | None = None,
    *,
    unsafe: bool = False,
) -> FixResult:
    """Apply all safe fixes, with `unsafe` also those that need retraining, until none is left.

    Fixes that touch the same text are applied one after the other, each computed anew.
    """
    wanted = [Applicability.SAFE, *([Applicability.UNSAFE] if unsafe else [])]
    applied: list[Diagnostic] = []
    for _ in range(_ROUNDS):
        found = lint(document, settings, project)
        chosen, edits = _compatible(found, wanted)
        if not chosen:
            break
        applied += chosen
        document = Document(document.path, apply_edits(document.text, edits), document.encoding)
    else:
        found = lint(document, settings, project)
    return FixResult(document.text, tuple(applied), tuple(found))


def _compatible(
    found: Sequence[Diagnostic], wanted: Sequence[Applicability]
) -> tuple[list[Diagnostic], list[Edit]]:
    """As many fixes as can be applied at once, with their edits; the first kinds wanted first.

    An edit that several fixes share, such as an import, is applied once.
    """
    chosen: list[Diagnostic] = []
    edits: set[Edit] = set()
    for applicability in wanted:
        for diagnostic in found:
            if diagnostic.fix is None or diagnostic.fix.applicability is not applicability:
                continue
            if all(_independent(one, other) for one in diagnostic.fix.edits for other in edits):
                chosen.append(diagnostic)
                edits.update(diagnostic.fix.edits)
    return chosen, sorted(edits)


def _independent(one: Edit, other: Edit) -> bool:
    """Whether two edits are one and the same, or stand apart."""
    return (
        one == other
        or (one.end <= other.start and one.start < other.start)
        or (other.end <= one.start and other.start < one.start)
    )
