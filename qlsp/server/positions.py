"""Positions as editors count them, to and from character offsets."""

from __future__ import annotations

from dataclasses import dataclass

from lsprotocol import types

from qlsp.source.document import Document
from qlsp.source.span import Span

_CODECS = {
    types.PositionEncodingKind.Utf8: ("utf-8", 1),
    types.PositionEncodingKind.Utf16: ("utf-16-le", 2),
    types.PositionEncodingKind.Utf32: ("utf-32-le", 4),
}


@dataclass(frozen=True, slots=True)
class PositionCodec:
    """Converts between offsets in a document and the code units that a client counts in.

    Lines end at LF, CRLF or CR only, as the protocol wants (pygls's own codec also breaks
    lines at form feeds and the like). Positions out of bounds are clamped, never refused.
    """

    encoding: types.PositionEncodingKind = types.PositionEncodingKind.Utf16

    def position(self, document: Document, offset: int) -> types.Position:
        """The position of a character offset."""
        line, column = document.position(max(0, min(offset, len(document.text))))
        start = document.line_starts[line - 1]
        return types.Position(line - 1, self._units(document.text[start : start + column]))

    def range(self, document: Document, start: int, end: int) -> types.Range:
        """The range between two character offsets."""
        return types.Range(self.position(document, start), self.position(document, end))

    def span(self, document: Document, span: Span) -> types.Range:
        """The range of a span."""
        return self.range(document, *document.offsets(span))

    def offset(self, document: Document, position: types.Position) -> int:
        """The character offset of a position; the nearest one if there is no such position."""
        if position.line >= len(document.line_starts):
            return len(document.text)
        start = document.line_starts[position.line]
        line = document.line(position.line + 1)
        return start + self._characters(line, position.character)

    def offsets(self, document: Document, range_: types.Range) -> tuple[int, int]:
        """Start and end offsets of a range, in order."""
        start, end = self.offset(document, range_.start), self.offset(document, range_.end)
        return min(start, end), max(start, end)

    def _units(self, text: str) -> int:
        if text.isascii():
            return len(text)
        codec, size = _CODECS[self.encoding]
        return len(text.encode(codec, "surrogatepass")) // size

    def _characters(self, line: str, units: int) -> int:
        if line.isascii() or units <= 0:
            return max(0, min(units, len(line)))
        for index, character in enumerate(line):
            units -= self._units(character)
            if units < 0:
                return index
        return len(line)
