"""A layer graph as JSON data; documented in `docs/graph.md`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import qlsp
from qlsp.source.document import Document
from qlsp.source.span import Site
from qlsp.trace.graph import UNKNOWN, LayerGraph, LayerRef, Node, Symbol

VERSION = 1
"""Raised when a reader of the old form could misread the new one; new keys don't count."""

Documents = Callable[[str], Document | None]
"""The document of a path, to count columns in characters."""


def as_data(graph: LayerGraph, documents: Documents) -> dict[str, object]:
    """What `qlsp graph --format json` prints."""
    return {
        "version": VERSION,
        "qlsp": qlsp.__version__,
        **_graph(graph, documents),
    }


def _graph(graph: LayerGraph, documents: Documents) -> dict[str, object]:
    return {
        "name": graph.name,
        "kind": graph.kind,
        "flavour": graph.flavour,
        "complete": graph.complete,
        "nodes": [_node(node, documents) for node in graph.nodes],
        "edges": [[source, node.index] for node in graph.nodes for source in node.inputs],
        "outputs": None if graph.outputs is None else list(graph.outputs),
        "holes": [{"reason": hole.reason, **place(hole.site, documents)} for hole in graph.holes],
    }


def _node(node: Node, documents: Documents) -> dict[str, object]:
    made: dict[str, object] = {
        "index": node.index,
        "kind": node.kind,
        "class": node.cls,
        "name": node.name,
        "layer": node.layer,
        **place(node.construct or node.call, documents),
        "attrs": {key: plain(value) for key, value in node.attrs.items()},
        "shape": None if node.shape is None else [plain(axis) for axis in node.shape],
    }
    if not node.attrs_complete:
        made["attrs_complete"] = False
    if node.conditions:
        made["conditions"] = [place(site, documents) for site in node.conditions]
    if node.body is not None:
        made["body"] = _graph(node.body, documents)
    return made


def place(site: Site | None, documents: Documents) -> dict[str, object]:
    """Path, line and column, both counted from 1, of a site."""
    if site is None:
        return {"path": None, "line": None, "column": None}
    document = documents(site.path)
    column = site.span.column
    if document is not None:
        column = document.column(site.span.line, column)
    return {"path": site.path, "line": site.span.line, "column": column + 1}


def plain(value: object) -> object:
    """A value of `Node.attrs` as JSON: what isn't known is `{"unknown": true}`."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else {"symbol": repr(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if value is UNKNOWN:
        return {"unknown": True}
    if isinstance(value, Symbol):
        return {"symbol": value.name}
    if isinstance(value, LayerRef):
        attrs = {key: plain(item) for key, item in value.attrs.items()}
        return {"class": value.cls, "name": value.name, "attrs": attrs}
    return {"symbol": repr(value)}
