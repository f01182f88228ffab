"""What became of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qlsp.lower.lowering import Outcome
from qlsp.verify.report.text import count
from qlsp.zoo.case import Case
from qlsp.zoo.state import States

MEMORY = "memory"
"""The limit, a field of `Limits`, for which a case is tried again alone."""


@dataclass(frozen=True, slots=True)
class Result:
    """The report about a case, or why there is none."""

    case: Case
    report: Mapping[str, Any] | None
    """As `qlsp verify --format json` prints it, for this workflow alone."""
    error: str = ""
    """Why it could not be verified, in one line."""
    limit: str = ""
    """The limit that it went over, if that is why."""
    seconds: float = 0.0
    """For building and converting, with importing for the first case of a job."""
    files: States | None = None
    """What the result depends on; None where that is not known."""
    kept: bool = False
    """Whether it is from an earlier run."""

    @property
    def measured(self) -> Mapping[str, Any]:
        """The workflow in the report, empty without one."""
        return self.report["workflows"][0] if self.report else {}

    @property
    def workflow(self) -> str:
        """That of the case, or what a model file's kind asked for."""
        return self.case.workflow or self.measured.get("workflow", "")

    @property
    def findings(self) -> list[Mapping[str, Any]]:
        """What is worse than it has to be."""
        return list(self.measured.get("findings", ()))

    @property
    def worse(self) -> bool:
        """Whether anything is worse than it has to be."""
        return bool(self.findings)

    @property
    def raises(self) -> bool:
        """Whether `quantize_model` or the converter raised."""
        return bool(self.measured.get("error"))

    @property
    def islands(self) -> int:
        """Groups of operators that compute in float."""
        return len([each for each in self.findings if _is(each, Outcome.FLOAT_ISLAND)])

    @property
    def extra(self) -> int:
        """Operators that should have fused."""
        return sum(len(each["ops"]) for each in self.findings if _is(each, Outcome.EXTRA_OPS))

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.report is None:
            return "not verified"
        if self.raises:
            return "raises"
        extra = [count(self.extra, "extra op")] if self.extra else []
        islands = [count(self.islands, "float island")] if self.islands else []
        return ", ".join((*extra, *islands)) or "as it should be"

    @property
    def failure(self) -> str:
        """Why it is not verified or raises, in one line; else empty."""
        if self.report is None:
            return self.error
        return str(self.findings[0]["message"]) if self.raises else ""


def _is(finding: Mapping[str, Any], outcome: Outcome) -> bool:
    return bool(finding["outcome"] == outcome.value)


@dataclass(frozen=True)
class Summary:
    """All results of a run, in the order of the table."""

    results: tuple[Result, ...] = field(default_factory=tuple)

    @property
    def failed(self) -> int:
        """How many could not be verified."""
        return sum(each.report is None for each in self.results)

    @property
    def worse(self) -> int:
        """How many are worse than they have to be."""
        return sum(each.worse for each in self.results)

    @property
    def verdict(self) -> str:
        """In one line."""
        good = len(self.results) - self.failed - self.worse
        parts = [f"{count(len(self.results), 'case')}: {good} as they should be"]
        parts += [f"{self.worse} worse than they have to be"] if self.worse else []
        parts += [f"{self.failed} not verified"] if self.failed else []
        return ", ".join(parts)

    @property
    def exit_code(self) -> int:
        """2 if any could not be verified, else 1 if any is worse, else 0."""
        return 2 if self.failed else 1 if self.worse else 0
