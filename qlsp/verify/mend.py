"""Apply qlsp's fixes to the sources of a model, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qlsp.diagnostic import Applicability, Diagnostic
from qlsp.linter import fix
from qlsp.settings import Settings
from qlsp.source.document import Document, SourceError
from qlsp.trace import Project
from qlsp.verify.model import BuiltModel
from qlsp.verify.target import Target


@dataclass(frozen=True, slots=True)
class Mended:
    """Sources with their fixes applied."""

    documents: tuple[tuple[Document, str], ...]
    """Each changed document with its new text."""
    applied: tuple[Diagnostic, ...]
    unsafe_left: int = 0
    """How many fixes change the function and are not applied."""

    @property
    def unsafe(self) -> bool:
        """Whether a fix among them changes the function, so that the model needs retraining."""
        return any(
            each.fix is not None and each.fix.applicability is not Applicability.SAFE
            for each in self.applied
        )

    @property
    def texts(self) -> dict[Path, bytes]:
        """The new contents by file."""
        return {Path(document.path): document.encode(text) for document, text in self.documents}


def mend(target: Target, model: BuiltModel, settings: Settings, *, unsafe: bool) -> Mended:
    """Fix every project file in which layers of the model were constructed."""
    project = Project(target.roots[0] if target.roots else None, target.roots[1:])
    documents = []
    applied: list[Diagnostic] = []
    left = 0
    for file in _files(target, model):
        try:
            document = Document.read(file)
            result = fix(document, settings, project, unsafe=unsafe)
        except (OSError, SourceError):
            continue
        left += sum(
            each.fix is not None and each.fix.applicability is Applicability.UNSAFE
            for each in result.remaining
        )
        if result.text != document.text:
            documents.append((document, result.text))
            applied += result.applied
    return Mended(tuple(documents), tuple(applied), left)


def _files(target: Target, model: BuiltModel) -> Iterator[Path]:
    """The builder's file, then others of the project that construct layers."""
    yield target.file
    sites = (place.file for layer in model.layers for place in layer.site[:1])
    for name in dict.fromkeys(sites):
        file = Path(name)
        own = any(file.is_relative_to(root) for root in (target.file.parent, *target.roots))
        if own and file != target.file and "site-packages" not in file.parts:
            yield file
