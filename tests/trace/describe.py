"""Traces of pieces of source, in a form that is easy to compare."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from qlsp.source.document import Document
from qlsp.trace import LayerGraph, Node, Project, Trace, trace, trace_builder

HEADER = """\
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers as L
"""


def document(source: str, path: str = "/nowhere/model.py", header: str = HEADER) -> Document:
    """A document with the usual imports; its own lines count from 1 after them."""
    return Document(path, header + dedent(source))


def traced(source: str, header: str = HEADER) -> Trace:
    """The trace of a piece of source."""
    return trace(document(source, header=header))


def built(source: str, builder: str = "build", **settings: object) -> LayerGraph:
    """The graph that a builder in a piece of source makes."""
    return trace_builder(document(source), builder, settings=settings)


def chain(graph: LayerGraph) -> str:
    """The classes of all nodes but inputs, in order, with what is known of their width."""
    return " ".join(_word(node) for node in graph.nodes if node.kind != "input")


def edges(graph: LayerGraph) -> list[str]:
    """Each node with the nodes it takes its inputs from: `Add <- ReLU.2, Input.0`."""
    return [
        f"{_label(node)} <- {', '.join(map(_label, graph.producers(node)))}".removesuffix(" <- ")
        for node in graph.nodes
    ]


def _word(node: Node) -> str:
    for key in ("units", "filters", "max_value"):
        if key in node.attrs:
            return f"{node.cls}({node.attrs[key]!r})"
    return node.cls


def _label(node: Node) -> str:
    cls = {"InputLayer": "Input", "?": node.kind}.get(node.cls, node.cls)
    return f"{cls}.{node.index}"


def write(folder: Path, files: dict[str, str]) -> Project:
    """A project of several files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    return Project(folder)
