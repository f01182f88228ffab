"""A stretch of source with a span of it underlined, for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from qlsp.source.document import Document
from qlsp.source.span import Span

_AROUND = 2
"""Lines shown before and after the span."""
_LONGEST = 8
"""Lines of a span that are shown; of a longer one the middle is left out."""
_WIDTH = 120
"""Columns of a line that are shown; of a longer one the part around the span."""
_TAB = "    "


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an excerpt."""

    number: int | None
    """The source line; None for a line of marks."""
    text: str
    marks: bool = False


def excerpt(document: Document, span: Span, around: int = _AROUND, mark: str = "^") -> list[Row]:
    """The lines around `span`, each followed by its underline where it is part of the span.

    Tabs become four spaces and what a terminal would act upon is made visible, so that the
    underline stands below what it means.
    """
    last = max(span.end_line, span.line)
    first_shown = max(span.line - around, 1)
    last_shown = min(last + around, len(document.line_starts))
    while first_shown < span.line and not document.line(first_shown).strip():
        first_shown += 1
    while last_shown > last and not document.line(last_shown).strip():
        last_shown -= 1
    return list(_rows(document, span, range(first_shown, last_shown + 1), mark))


def _rows(document: Document, span: Span, shown: range, mark: str) -> Iterator[Row]:
    left_out = range(span.line + _LONGEST // 2, span.end_line - _LONGEST // 2 + 1)
    for number in shown:
        if number in left_out:
            if number == left_out.start:
                yield Row(None, "...")
            continue
        line = document.line(number)
        start, end = _marked(document, span, number, line)
        around = start if start is not None else 0
        text, cut = _clipped(line, around)
        yield Row(number, _visible(text))
        if start is not None and end is not None:
            before = _width(_visible(line[cut:start])) + (cut > 0)
            length = max(_width(_visible(line[start:end])), 1)
            length = min(length, max(_WIDTH - before, 1))
            yield Row(None, " " * before + mark * length, marks=True)


def _marked(
    document: Document, span: Span, number: int, line: str
) -> tuple[int | None, int | None]:
    """The characters of a line that the span covers, without indentation."""
    if not span.line <= number <= max(span.end_line, span.line):
        return None, None
    start = document.column(number, span.column) if number == span.line else 0
    end = document.column(number, span.end_column) if number == span.end_line else len(line)
    if number != span.line:
        start = len(line) - len(line.lstrip())
    if start >= end and number != span.line:
        return None, None
    return start, max(end, start)


def _clipped(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around a column, and how much was cut before it."""
    if len(line) <= _WIDTH:
        return line, 0
    cut = max(0, min(column - _WIDTH // 3, len(line) - _WIDTH))
    end = cut + _WIDTH
    return ("…" if cut else "") + line[cut:end] + ("…" if end < len(line) else ""), cut


def _visible(text: str) -> str:
    """`text` with tabs expanded and control characters replaced, which could fool a terminal."""
    text = text.replace("\t", _TAB)
    if text.isprintable():
        return text
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(each) in {"Cc", "Cf", "Cs"} else each
        for each in text
    )


def _width(text: str) -> int:
    """How many terminal columns `text` takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
