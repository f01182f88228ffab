"""What qlsp tells the user, and what it offers to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from qlsp.source.document import Document, SourceError
from qlsp.source.edit import Edit
from qlsp.source.span import Site, Span

SYNTAX_ERROR = "syntax-error"


class Severity(Enum):
    """From the lowering: raises, costs, or concerns only part of the toolchain range."""

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"

    @property
    def rank(self) -> int:
        """How grave it is, from 0."""
        return _MILDEST_FIRST.index(self)


_MILDEST_FIRST = (Severity.INFORMATION, Severity.WARNING, Severity.ERROR)


class Applicability(Enum):
    """How a fix may be applied."""

    SAFE = "safe"
    """Computes the same function; applied by `--fix`."""
    UNSAFE = "unsafe"
    """Changes what the model computes: it needs retraining, or converts otherwise. Applied by
    `--unsafe-fixes` or by hand."""
    DISPLAY = "display"
    """Only shown: a suggestion that the user has to complete."""


class Fix(NamedTuple):
    """A rewrite of one document."""

    title: str
    """What it does, in the imperative: `Move BatchNormalization before its activation`."""
    applicability: Applicability
    edits: tuple[Edit, ...]
    """Sorted, not overlapping, in character offsets of the document's text."""


class Related(NamedTuple):
    """Another place that has part in a finding."""

    site: Site
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding at one place in one document."""

    code: str
    """`QL101`; `syntax-error` for a file that does not parse."""
    name: str
    """`batchnorm-after-activation`."""
    message: str
    """States the fact, with what becomes of the layer in which workflow and versions."""
    severity: Severity
    path: str
    span: Span
    related: tuple[Related, ...] = ()
    fix: Fix | None = None


def syntax_error(document: Document, error: SourceError) -> Diagnostic:
    """The one diagnostic of a document that is not Python."""
    column = len(document.line(error.line)[: error.column].encode())
    span = Span(error.line, column, error.line, column)
    return Diagnostic(
        SYNTAX_ERROR, SYNTAX_ERROR, error.message, Severity.ERROR, document.path, span
    )
