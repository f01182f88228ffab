"""Replacements in a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Edit(NamedTuple):
    """Replace the characters from `start` to `end` (offsets in the text) by `text`."""

    start: int
    end: int
    text: str


class EditConflictError(ValueError):
    """Two edits touch the same characters."""


def apply_edits(source: str, edits: Iterable[Edit]) -> str:
    """`source` with all `edits` applied. Raises `EditConflictError` where two overlap.

    Insertions at one offset are applied in the order given.
    """
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < position:
            raise EditConflictError(f"overlapping edits at character {edit.start}")
        pieces += source[position : edit.start], edit.text
        position = edit.end
    pieces.append(source[position:])
    return "".join(pieces)


def overlaps(edits: Iterable[Edit], others: Iterable[Edit]) -> bool:
    """Whether the two sets of edits can't both be applied to one text."""
    combined = [*set(edits), *set(others)]
    try:
        apply_edits(" " * max((edit.end for edit in combined), default=0), combined)
    except EditConflictError:
        return True
    return False
