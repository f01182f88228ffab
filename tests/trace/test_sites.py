"""Where each node was constructed and applied, in every style."""

from __future__ import annotations

import pytest

from qlsp.source.document import Document
from qlsp.source.span import Site
from qlsp.trace import LayerGraph, Node, trace
from tests.trace.describe import document

# Source, then per layer in order: style, text of the construction, text of the application.
CASES: list[tuple[str, str, list[tuple[str, str, str]]]] = [
    (
        "functional",
        "i = keras.Input((4,))\nx = L.Dense(1)(i)\nd = L.Dense(2)\nm = keras.Model(i, d(x))\n",
        [("call", "L.Dense(1)", "L.Dense(1)(i)"), ("call", "L.Dense(2)", "d(x)")],
    ),
    (
        "list",
        "d = L.Dense(1)\nm = keras.Sequential([d, L.Dense(2)])\n",
        [("element", "L.Dense(1)", "d"), ("element", "L.Dense(2)", "L.Dense(2)")],
    ),
    (
        "add",
        "m = keras.Sequential()\nm.add(L.Dense(1))\nd = L.Dense(2)\nm.add(d)\n",
        [("add", "L.Dense(1)", "m.add(L.Dense(1))"), ("add", "L.Dense(2)", "m.add(d)")],
    ),
    (
        "subclass",
        "class Net(keras.Model):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = L.Conv2D(1, 3)\n"
        "        self.all = [L.Dense(n) for n in (2,)]\n"
        "    def call(self, x):\n"
        "        x = self.conv(x)\n"
        "        return self.all[0](x)\n",
        [("call", "L.Conv2D(1, 3)", "self.conv(x)"), ("call", "L.Dense(n)", "self.all[0](x)")],
    ),
    (
        "op",
        "i = keras.Input((4,))\nx = tf.nn.relu(i) + 1.0\nm = keras.Model(i, x)\n",
        [
            ("op", "tf.nn.relu(i)", "tf.nn.relu(i)"),
            ("op", "tf.nn.relu(i) + 1.0", "tf.nn.relu(i) + 1.0"),
        ],
    ),
    (
        "layer function",
        "i = keras.Input((4,))\nm = keras.Model(i, L.add([i, i]))\n",
        [("call", "L.add([i, i])", "L.add([i, i])")],
    ),
    (
        "several lines",
        "i = keras.Input((4,))\nm = keras.Model(i, (L.Dense(\n    1,  # é\n))(\n    i))\n",
        [("call", "L.Dense(\n    1,  # é\n)", "(L.Dense(\n    1,  # é\n))(\n    i)")],
    ),
]


@pytest.mark.parametrize(("source", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_sites(source: str, expected: list[tuple[str, str, str]]) -> None:
    text = document(source)
    (graph,) = trace(text).graphs
    found = [_sites(text, node) for node in graph.nodes if node.kind != "input"]
    assert found == expected


def _sites(text: Document, node: Node) -> tuple[str, str, str]:
    assert node.construct is not None and node.call is not None
    return node.style.value, text.at(node.construct.span), text.at(node.call.span)


def test_call_path() -> None:
    text = document(
        """
        def conv(x, n):
            return L.Conv2D(n, 3)(x)
        def block(x):
            return conv(conv(x, 1), 2)
        i = keras.Input((8, 8, 3))
        m = keras.Model(i, block(i))
        """
    )
    (graph,) = trace(text).graphs
    first, second = graph.nodes[1:]
    assert first.construct == second.construct
    assert [text.at(site.span) for site in first.path] == ["block(i)", "conv(x, 1)"]
    assert [text.at(site.span) for site in second.path] == ["block(i)", "conv(conv(x, 1), 2)"]


def test_what_several_callers_share_is_reported_per_caller() -> None:
    text = document(
        """
        def conv(x, n):
            return L.Conv2D(n, 3)(x)
        def a():
            i = keras.Input((8, 8, 3))
            return keras.Model(i, conv(i, 1))
        def b():
            i = keras.Input((8, 8, 3))
            return keras.Model(i, conv(i, 2))
        """
    )
    graphs = trace(text).graphs
    assert [graph.name for graph in graphs] == ["a", "b"]
    assert len({_construct(graph) for graph in graphs}) == 1


def _construct(graph: LayerGraph) -> Site | None:
    return graph.nodes[1].construct
