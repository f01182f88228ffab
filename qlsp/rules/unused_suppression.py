"""QL001 unused-suppression."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Finding, Rule


class UnusedSuppression(Rule):
    """A comment silences a rule that finds nothing there.

    ## What it does
    Finds `# qlsp: ignore[...]` and `# qlsp: ignore-file[...]` comments, or single rules in them,
    that silence nothing, and rules in them that do not exist.

    ## Why it matters
    A suppression that outlived its fault hides the next one.

    ## When it does not apply
    To a rule that is not selected: it might have found something.
    """

    code = "QL001"
    name = "unused-suppression"
    applicability = Applicability.SAFE
    workflows = ("float", "ptq", "qat", "tf1")
    bad = ()
    good = ()

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Nothing: the linter knows the comments and what they silenced."""
        yield from ()
