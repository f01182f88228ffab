"""What linting one file came to."""

from __future__ import annotations

from dataclasses import dataclass

from qlsp.diagnostic import Applicability, Diagnostic
from qlsp.source.document import Document


@dataclass(frozen=True, slots=True)
class Report:
    """One file's findings."""

    path: str
    """As the user would write it."""
    document: Document
    """The text that the findings' positions refer to; its path is absolute."""
    diagnostics: tuple[Diagnostic, ...] = ()
    fixed: tuple[Diagnostic, ...] = ()
    """What `--fix` mended, or would mend."""
    before: str | None = None
    """The text before it was fixed; None where nothing was."""

    def fixable(self, applicability: Applicability) -> int:
        """How many findings have a fix of this kind."""
        return sum(
            each.fix is not None and each.fix.applicability is applicability
            for each in self.diagnostics
        )
