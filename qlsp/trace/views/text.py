"""A layer graph as lines of text."""

from __future__ import annotations

from qlsp.trace.graph import LayerGraph, Node, Shape
from qlsp.trace.views.data import Documents, place

_HIDDEN = frozenset({"name"})


def as_text(graph: LayerGraph, documents: Documents) -> str:
    """A line per node: index, class, name, line, inputs, shape and arguments; then the holes."""
    lines = [*_lines(graph, documents, "")]
    for hole in graph.holes:
        where = place(hole.site, documents)
        at = f"{where['line']}:{where['column']}: " if hole.site else ""
        lines.append(f"not followed: {at}{hole.reason}")
    return "\n".join(lines)


def _lines(graph: LayerGraph, documents: Documents, indent: str) -> list[str]:
    rows = [(node, _columns(node, documents)) for node in graph.nodes]
    widths = [max((len(row[i]) for _, row in rows), default=0) for i in range(5)]
    lines = []
    for node, row in rows:
        columns = [column.ljust(width) for column, width in zip(row, widths, strict=True)]
        attrs = ", ".join(
            f"{key}={value!r}" for key, value in node.attrs.items() if key not in _HIDDEN
        )
        lines.append(f"{indent}{'  '.join(columns)}  {attrs}".rstrip())
        if node.body is not None:
            lines += _lines(node.body, documents, indent + "      ")
    return lines


def _columns(node: Node, documents: Documents) -> tuple[str, str, str, str, str]:
    line = place(node.construct or node.call, documents)["line"]
    inputs = " ".join(map(str, node.inputs))
    return (
        f"{node.index:3}",
        node.cls if node.name is None else f"{node.cls} {node.name!r}",
        f"line {line}" if line else "",
        f"<- {inputs}" if inputs else "",
        shape_text(node.shape),
    )


def shape_text(shape: Shape | None) -> str:
    """`(None, 32, 32, 3)`, with `?` for what isn't known."""
    if shape is None:
        return "?"
    return f"({', '.join(map(repr, shape))}{',' if len(shape) == 1 else ''})"
