"""Dot plots as HTML: a row for each thing measured, its dots in SVG, at any width of the page.

Places are given in percent of the row's width, so that text keeps its size on a narrow page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_STEPS: Final = (1, 2, 2.5, 5, 10)
_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with the interval in which it is, on the axis."""

    value: float
    low: float
    high: float
    style: str
    """Class of the style sheet: `now` or `then`."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of one thing."""

    name: str
    detail: str
    """More of its name, of less weight."""
    dots: tuple[Dot, ...]
    text: str
    """The values in words."""
    target: str = ""
    """Id of the operator on the page that it is about."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Evenly divided from `low` to `high`."""

    low: float
    high: float
    ticks: tuple[float, ...]
    unit: str

    @classmethod
    def over(cls, values: Sequence[float], unit: str) -> Axis:
        """From zero, or the least value if that is less, to the greatest, both rounded out."""
        low, high = min(0.0, *values), max(0.0, *values)
        rough = (high - low) / _TICKS or 1.0
        scale = 10.0 ** math.floor(math.log10(rough))
        step = next(each * scale for each in _STEPS if each * scale >= rough)
        first, last = math.floor(low / step), math.ceil(high / step)
        ticks = tuple(number * step for number in range(first, last + 1))
        return cls(ticks[0], ticks[-1], ticks, unit)

    def percent(self, value: float) -> float:
        """Where `value` is; what is beyond an end is at it."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(100 * share, 2)


def plot(title: str, rows: Sequence[Row], axis: Axis, *, most: int) -> str:
    """A figure with the rows; those after the first `most` are folded away."""
    drawn = [_row(row, axis) for row in rows]
    more = len(rows) - most
    if more > 0:
        folded = "".join(drawn[most:])
        drawn = [*drawn[:most], f"<details><summary>{more} more</summary>{folded}</details>"]
    return (
        f'<figure class="plot"><figcaption>{title}</figcaption>'
        f'{"".join(drawn)}<div class="row axis"><span></span>{_scale(axis)}<span></span></div>'
        "</figure>"
    )


def _row(row: Row, axis: Axis) -> str:
    label = f"{row.name} {row.detail}".strip()
    dots = "".join(_dot(dot, axis) for dot in row.dots)
    tag, link = ("a", f' href="#{escape(row.target)}"') if row.target else ("div", "")
    return (
        f'<{tag} class="row"{link}><span class="name">{escape(row.name)} '
        f'<span class="soft">{escape(row.detail)}</span></span>'
        f'<svg role="img" aria-label="{escape(f"{label}: {row.text}")}">{_grid(axis)}{dots}</svg>'
        f'<span class="value">{escape(row.text)}</span></{tag}>'
    )


def _dot(dot: Dot, axis: Axis) -> str:
    low, at, high = (axis.percent(each) for each in (dot.low, dot.value, dot.high))
    return (
        f'<line class="{dot.style}" x1="{low}%" x2="{high}%" y1="50%" y2="50%"/>'
        f'<circle class="{dot.style}" cx="{at}%" cy="50%" r="4.5"/>'
    )


def _grid(axis: Axis) -> str:
    places = (axis.percent(tick) for tick in axis.ticks)
    return "".join(f'<line class="grid" x1="{x}%" x2="{x}%" y1="0" y2="100%"/>' for x in places)


def _scale(axis: Axis) -> str:
    last = len(axis.ticks) - 1
    texts = "".join(
        f'<text x="{axis.percent(tick)}%" y="14" '
        f'class="{"first" if number == 0 else "last" if number == last else ""}">'
        f"{tick:g}{f' {axis.unit}' if number == last else ''}</text>"
        for number, tick in enumerate(axis.ticks)
    )
    return f'<svg aria-hidden="true">{texts}</svg>'
