"""A converted model drawn as SVG: one box per operator, in layers from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from qlsp.verify.flatbuffer import Subgraph

_WIDTH: Final = 240
_HEIGHT: Final = 42
_GAP: Final = 22
_MARGIN: Final = 4
_TITLE: Final = 31
"""Characters that fit into a box beside each other: its title and its badge."""
_SUBTITLE: Final = 35

Place = tuple[int, int]
"""Column and row."""


@dataclass(frozen=True, slots=True)
class Box:
    """What an operator's box says."""

    key: str
    """Its id on the page."""
    title: str
    badge: str
    """What is to be noted of it, on its right."""
    subtitle: str
    style: str
    """Class of the style sheet: `extra`, `bad` or none."""
    hint: str
    """Shown when the pointer rests on it."""
    lines: tuple[str, ...]
    """Ids of the source lines on the page that made it."""
    other: str = ""
    """Id of the operator that stands for it in the graph beside this one."""


def draw(graph: Subgraph, box: Callable[[int], Box], rows: Sequence[int], label: str) -> str:
    """The operators of `graph` as an SVG element, each in its row of `rows`."""
    sources = _sources(graph)
    places = _places(sources, rows)
    taken = set(places)
    columns = max((column for column, _ in places), default=0) + 1
    width = columns * (_WIDTH + _GAP) + 2 * _MARGIN
    height = (max(rows, default=0) + 1) * (_HEIGHT + _GAP) + 2 * _MARGIN
    parts = [
        f'<svg width="{width}" height="{height}" '
        f'viewBox="-{_MARGIN} -{_MARGIN} {width} {height}" role="group" '
        f'aria-label="{escape(label)}">'
    ]
    parts += [
        _edge(places[source], places[target], taken)
        for target, each in enumerate(sources)
        for source in each
    ]
    parts += [_drawn(box(index), place) for index, place in enumerate(places)]
    return "".join([*parts, "</svg>"])


def common_rows(
    graphs: Sequence[Subgraph], steps: Iterable[tuple[int | None, int | None]]
) -> list[list[int]]:
    """Per graph the row of each operator: below all that it takes from.

    The operators of a step stand for each other, one of each graph or None, and share a row.
    Steps are in the order of execution of both graphs; of a single graph, the second is None.
    """
    sources = [_sources(graph) for graph in graphs]
    rows = [[0] * len(graph.operators) for graph in graphs]
    for step in steps:
        above = (
            row[source] + 1
            for row, taken, operator in zip(rows, sources, step, strict=False)
            if operator is not None
            for source in taken[operator]
        )
        common = max(above, default=0)
        for row, operator in zip(rows, step, strict=False):
            if operator is not None:
                row[operator] = common
    return rows


def _sources(graph: Subgraph) -> list[list[int]]:
    """Per operator those before it that it takes from; damaged graphs may take from later ones."""
    found = []
    for index, operator in enumerate(graph.operators):
        makers = {graph.producer.get(each, index) for each in operator.inputs}
        found.append(sorted(maker for maker in makers if maker < index))
    return found


def _places(sources: list[list[int]], rows: Sequence[int]) -> list[Place]:
    """Column and row of each operator: under the first that it takes from, if it can."""
    places: list[Place] = []
    taken: set[Place] = set()
    for each, row in zip(sources, rows, strict=True):
        column = places[each[0]][0] if each else 0
        while (column, row) in taken:
            column += 1
        taken.add((column, row))
        places.append((column, row))
    return places


def _corner(place: Place) -> tuple[int, int]:
    return place[0] * (_WIDTH + _GAP), place[1] * (_HEIGHT + _GAP)


def _edge(source: Place, target: Place, taken: set[Place]) -> str:
    (left, top), (right, bottom) = _corner(source), _corner(target)
    start, end = (left + _WIDTH // 2, top + _HEIGHT), (right + _WIDTH // 2, bottom)
    between = ((source[0], row) for row in range(source[1] + 1, target[1]))
    if source[0] == target[0] and any(place in taken for place in between):
        side = left + _WIDTH + _GAP // 2  # around what lies between
        return (
            f'<path d="M{start[0]},{start[1]} C{side},{start[1]} {side},{start[1]} '
            f"{side},{start[1] + _GAP} V{end[1] - _GAP} C{side},{end[1]} {side},{end[1]} "
            f'{end[0]},{end[1]}"/>'
        )
    middle = (start[1] + end[1]) // 2
    x, y = end
    return f'<path d="M{start[0]},{start[1]} C{start[0]},{middle} {x},{middle} {x},{y}"/>'


def _drawn(box: Box, place: Place) -> str:
    left, top = _corner(place)
    return (
        f'<g id="{escape(box.key)}" class="{escape(f"op {box.style}".strip())}" tabindex="0" '
        f'role="button" data-lines="{escape(" ".join(box.lines))}" '
        f'data-other="{escape(box.other)}" transform="translate({left},{top})">'
        f"<title>{escape(box.hint)}</title>"
        f'<rect width="{_WIDTH}" height="{_HEIGHT}"/>'
        f'<text x="10" y="17">{escape(_cut(box.title, _TITLE - len(box.badge)))}</text>'
        f'<text x="{_WIDTH - 10}" y="17" class="badge">{escape(box.badge)}</text>'
        f'<text x="10" y="33" class="sub">{escape(_cut(box.subtitle, _SUBTITLE))}</text></g>'
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
