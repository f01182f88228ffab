"""A layer graph as a drawing. The layout is igraph's (Sugiyama's layered one)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from html import escape

from qlsp.error import QlspError
from qlsp.trace.graph import LayerGraph, Node
from qlsp.trace.views.data import Documents, place
from qlsp.trace.views.text import shape_text

_CHARACTER = 7.3  # pixels, of the 12 px monospace font
_HEIGHT = 38
_ROW = 76
_GAP = 28
_MARGIN = 20
_LONGEST = 34

Point = tuple[float, float]

_STYLE = """
svg { font: 12px ui-monospace, Menlo, Consolas, monospace; background: #fff; color: #1b1f24 }
rect { fill: #eef2f7; stroke: #8c9bab; rx: 6px }
.input rect { fill: #e3f4e8; stroke: #5aa36f }
.op rect { fill: #fdf3dc; stroke: #c79a3a }
.model rect { fill: #ebe6fb; stroke: #8b78d0 }
.opaque rect, .choice rect { fill: #f3f3f3; stroke-dasharray: 4 3 }
text { fill: currentColor; text-anchor: middle }
.detail { fill: #5c6773; font-size: 10px }
path { fill: none; stroke: #8c9bab }
@media (prefers-color-scheme: dark) {
svg { background: #14181d; color: #e6ebf0 }
rect { fill: #252d36; stroke: #6b7a8a }
.input rect { fill: #1d3325 }
.op rect { fill: #3a3018 }
.model rect { fill: #2c2745 }
.opaque rect, .choice rect { fill: #1c2126 }
.detail { fill: #9aa7b4 }
}
"""


def as_svg(graph: LayerGraph, documents: Documents) -> str:
    """The drawing: a box per node, with class, name and shape; hovering shows the arguments.

    Raises `QlspError` if igraph is not installed.
    """
    width = max((_width(node) for node in graph.nodes), default=0)
    boxes, routes = _layout(graph, width)
    right = max((x for x, _ in boxes), default=0) + width / 2 + _MARGIN
    bottom = max((y for _, y in boxes), default=0) + _HEIGHT / 2 + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:.0f} {bottom:.0f}" '
        f'width="{right:.0f}" height="{bottom:.0f}">',
        f"<title>{escape(graph.name)}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" '
        'style="fill:#8c9bab;stroke:none"/></marker></defs>',
        *(_edge(route) for route in routes),
        *(
            line
            for node, point in zip(graph.nodes, boxes, strict=True)
            for line in _box(node, point, documents)
        ),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _layout(graph: LayerGraph, width: float) -> tuple[list[Point], list[list[Point]]]:
    """The middle of each box, and for each edge the points that it passes."""
    try:
        import igraph  # type: ignore[import-untyped]
    except ImportError:
        raise QlspError("--format svg needs igraph: pip install 'qlsp[draw]'") from None
    ranks = _ranks(graph)
    chains: list[list[int]] = []
    for source, target in dict.fromkeys(
        (s, node.index) for node in graph.nodes for s in node.inputs
    ):
        # A long edge gets a vertex in each row that it passes, so that it is led around boxes.
        passed = range(ranks[source] + 1, ranks[target])
        chains.append([source, *range(len(ranks), len(ranks) + len(passed)), target])
        ranks += passed
    edges = [pair for chain in chains for pair in itertools.pairwise(chain)]
    drawn = igraph.Graph(n=len(ranks), edges=edges, directed=True)
    placed = drawn.layout_sugiyama(layers=ranks, hgap=width + _GAP, vgap=_ROW).coords
    left = min((x for x, _ in placed), default=0)
    points = [(x - left + _MARGIN + width / 2, y + _MARGIN + _HEIGHT / 2) for x, y in placed]
    return points[: len(graph.nodes)], [[points[at] for at in chain] for chain in chains]


def _ranks(graph: LayerGraph) -> list[int]:
    """The row of each node: below all of its inputs."""
    ranks: list[int] = []
    for node in graph.nodes:
        ranks.append(max((ranks[source] + 1 for source in node.inputs), default=0))
    return ranks


def _edge(route: Sequence[Point]) -> str:
    points = list(route)
    points[0] = (points[0][0], points[0][1] + _HEIGHT / 2)
    points[-1] = (points[-1][0], points[-1][1] - _HEIGHT / 2 - 2)
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (x, y), (to_x, to_y) in itertools.pairwise(points):
        middle = (y + to_y) / 2
        path += f" C{x:.1f},{middle:.1f} {to_x:.1f},{middle:.1f} {to_x:.1f},{to_y:.1f}"
    return f'<path d="{path}" marker-end="url(#arrow)"/>'


def _box(node: Node, point: Point, documents: Documents) -> Iterator[str]:
    x, y = point
    width = _width(node)
    where = place(node.construct or node.call, documents)
    attrs = ", ".join(f"{key}={value!r}" for key, value in node.attrs.items())
    at = f"line {where['line']}: " if where["line"] else ""
    yield f'<g class="{node.kind}"><title>{escape(f"{at}{node.cls}({attrs})")}</title>'
    yield (
        f'<rect x="{x - width / 2:.1f}" y="{y - _HEIGHT / 2:.1f}" '
        f'width="{width:.1f}" height="{_HEIGHT}"/>'
    )
    yield f'<text x="{x:.1f}" y="{y - 2:.1f}">{escape(_label(node))}</text>'
    detail = escape(shape_text(node.shape))
    yield f'<text class="detail" x="{x:.1f}" y="{y + 13:.1f}">{detail}</text></g>'


def _width(node: Node) -> float:
    longest = max(len(_label(node)), len(shape_text(node.shape)) * 10 / 12)
    return longest * _CHARACTER + 20


def _label(node: Node) -> str:
    cls = node.kind if node.cls == "?" else node.cls
    text = cls if node.name is None else f"{cls} {node.name}"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
