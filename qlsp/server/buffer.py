"""An open document, and what was found in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from lsprotocol import types

from qlsp.diagnostic import SYNTAX_ERROR, Diagnostic, Related
from qlsp.server.positions import PositionCodec
from qlsp.source.document import Document
from qlsp.source.edit import Edit


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of a text that is being edited, in character offsets."""

    start: int
    end: int

    def after(self, edit: Edit) -> Mark:
        """Where the stretch is once `edit` is made."""
        grown = len(edit.text) - (edit.end - edit.start)
        if edit.end <= self.start:
            return Mark(self.start + grown, self.end + grown)
        if edit.start >= self.end:
            return self
        start = min(self.start, edit.start)
        return Mark(start, max(start, edit.start + len(edit.text), self.end + grown))


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic, and where it is in the text as it now stands."""

    diagnostic: Diagnostic
    mark: Mark
    related: tuple[tuple[Related, Mark | None], ...]
    """The mark is None for a place in another file."""

    @classmethod
    def of(cls, diagnostic: Diagnostic, document: Document) -> Finding:
        """A diagnostic of `document`."""
        return cls(
            diagnostic,
            Mark(*document.offsets(diagnostic.span)),
            tuple(
                (
                    each,
                    Mark(*document.offsets(each.site.span))
                    if each.site.path == document.path
                    else None,
                )
                for each in diagnostic.related
            ),
        )

    def after(self, edit: Edit) -> Finding:
        """The finding once `edit` is made."""
        related = tuple((each, mark and mark.after(edit)) for each, mark in self.related)
        return replace(self, mark=self.mark.after(edit), related=related)


@dataclass(frozen=True, slots=True)
class Hint:
    """What becomes of the layers made at one place, and where that is in the text as it is now."""

    mark: Mark
    layer: str
    label: str
    table: str
    """The same at length, in Markdown."""

    def after(self, edit: Edit) -> Hint:
        """The hint once `edit` is made."""
        return replace(self, mark=self.mark.after(edit))


@dataclass(frozen=True, slots=True)
class Builder:
    """A function or class without required arguments that makes a model."""

    mark: Mark
    name: str

    def after(self, edit: Edit) -> Builder:
        """The builder once `edit` is made."""
        return replace(self, mark=self.mark.after(edit))


@dataclass(frozen=True, slots=True)
class Measured:
    """What verification of a builder found, in the text that was verified."""

    findings: tuple[Finding, ...]
    hints: tuple[Hint, ...]
    """What became of the layers made at each line."""


@dataclass(frozen=True, slots=True)
class Outline:
    """What of the models in a text is shown even where nothing is wrong."""

    hints: tuple[Hint, ...] = ()
    builders: tuple[Builder, ...] = ()

    def after(self, edit: Edit) -> Outline:
        """The outline once `edit` is made."""
        return Outline(
            tuple(hint.after(edit) for hint in self.hints),
            tuple(builder.after(edit) for builder in self.builders),
        )


@dataclass(slots=True)
class Buffer:
    """A document as the editor holds it, saved or not."""

    uri: str
    document: Document
    version: int
    language_id: str = "python"
    analysed: Document | None = None
    """The text that `findings` and `syntax_error` are about; None before the first analysis."""
    findings: tuple[Finding, ...] = ()
    """Of the last text that parsed; they move with the edits made since."""
    syntax_error: Diagnostic | None = None
    outline: Outline = Outline()
    """Of the last text for which it was asked for; it moves like findings."""
    measured: dict[str, Measured] = field(default_factory=dict)
    """What verification found, by builder; forgotten when the text changes."""

    def change(
        self,
        changes: Iterable[types.TextDocumentContentChangeEvent],
        version: int,
        codec: PositionCodec,
    ) -> None:
        """Take over what was typed."""
        for change in changes:
            document = self.document
            if isinstance(change, types.TextDocumentContentChangePartial):
                edit = Edit(*codec.offsets(document, change.range), change.text)
            else:
                edit = _difference(document.text, change.text)
            text = document.text[: edit.start] + edit.text + document.text[edit.end :]
            self.document = Document(document.path, text, document.encoding)
            self.findings = tuple(finding.after(edit) for finding in self.findings)
            self.outline = self.outline.after(edit)
        self.measured.clear()
        self.version = version

    def settle(self, document: Document, diagnostics: list[Diagnostic]) -> None:
        """Take over the result of an analysis of `document`, this buffer's text."""
        self.analysed = document
        broken = [each for each in diagnostics if each.code == SYNTAX_ERROR]
        self.syntax_error = broken[0] if broken else None
        if not broken:
            self.findings = tuple(Finding.of(each, document) for each in diagnostics)


def _difference(old: str, new: str) -> Edit:
    """The one replacement that makes `new` of `old`, so that findings can follow it."""
    limit = min(len(old), len(new))
    start = 0
    while start < limit and old[start] == new[start]:
        start += 1
    kept = 0
    while kept < limit - start and old[-1 - kept] == new[-1 - kept]:
        kept += 1
    return Edit(start, len(old) - kept, new[start : len(new) - kept])
