"""A converted model drawn as SVG: one box per operator, in layers from top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final

from qlsp.verify.flatbuffer import Subgraph

_WIDTH: Final = 240
_HEIGHT: Final = 42
_GAP: Final = 22


@dataclass(frozen=True, slots=True)
class Box:
    """What an operator's box says."""

    key: str
    """Its id on the page."""
    title: str
    subtitle: str
    style: str
    """Class of the style sheet: `extra`, `bad` or none."""
    hint: str
    """Shown when the pointer rests on it."""
    lines: tuple[str, ...]
    """Ids of the source lines on the page that made it."""


def draw(graph: Subgraph, box: Callable[[int], Box]) -> str:
    """The operators of `graph` as an SVG element."""
    sources = [
        sorted({graph.producer[each] for each in operator.inputs if each in graph.producer})
        for operator in graph.operators
    ]
    places = _places(sources)
    columns = max((column for column, _ in places), default=0) + 1
    rows = max((row for _, row in places), default=0) + 1
    width, height = columns * (_WIDTH + _GAP), rows * (_HEIGHT + _GAP)
    parts = [f'<svg width="{width}" height="{height}" viewBox="-4 -4 {width} {height}" role="img">']
    parts += [
        _edge(places[source], places[target])
        for target, each in enumerate(sources)
        for source in each
    ]
    parts += [_drawn(box(index), place) for index, place in enumerate(places)]
    return "".join([*parts, "</svg>"])


def _places(sources: list[list[int]]) -> list[tuple[int, int]]:
    """Column and row of each operator: below all it takes from, under the first if it can."""
    places: list[tuple[int, int]] = []
    taken: set[tuple[int, int]] = set()
    for each in sources:
        row = max((places[source][1] + 1 for source in each), default=0)
        column = places[each[0]][0] if each else 0
        while (column, row) in taken:
            column += 1
        taken.add((column, row))
        places.append((column, row))
    return places


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    return place[0] * (_WIDTH + _GAP), place[1] * (_HEIGHT + _GAP)


def _edge(source: tuple[int, int], target: tuple[int, int]) -> str:
    (left, top), (right, bottom) = _corner(source), _corner(target)
    start, end = (left + _WIDTH // 2, top + _HEIGHT), (right + _WIDTH // 2, bottom)
    if source[0] == target[0] and target[1] > source[1] + 1:  # around what lies between
        side = left + _WIDTH + _GAP // 2
        return (
            f'<path d="M{start[0]},{start[1]} C{side},{start[1]} {side},{start[1]} '
            f"{side},{start[1] + _GAP} V{end[1] - _GAP} C{side},{end[1]} {side},{end[1]} "
            f'{end[0]},{end[1]}"/>'
        )
    middle = (start[1] + end[1]) // 2
    x, y = end
    return f'<path d="M{start[0]},{start[1]} C{start[0]},{middle} {x},{middle} {x},{y}"/>'


def _drawn(box: Box, place: tuple[int, int]) -> str:
    left, top = _corner(place)
    return (
        f'<g id="{escape(box.key)}" class="op {box.style}" tabindex="0" '
        f'data-lines="{escape(" ".join(box.lines))}" '
        f'transform="translate({left},{top})"><title>{escape(box.hint)}</title>'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}"/>'
        f'<text x="10" y="17">{escape(_cut(box.title, 30))}</text>'
        f'<text x="10" y="33" class="sub">{escape(_cut(box.subtitle, 34))}</text></g>'
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
