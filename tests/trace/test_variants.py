"""Builders that differ in nothing but numbers and names."""

from __future__ import annotations

import ast

import pytest

from qlsp.linter import lint
from qlsp.source.document import Document
from qlsp.trace import trace
from qlsp.trace.budget import Limits
from qlsp.trace.variants import pattern
from tests.rules.support import settings

NETS = """
from tensorflow.keras import Input, Model, layers

def net(depth, name, act="relu"):
    inputs = x = Input((8, 8, 3))
    for _ in range(depth):
        x = layers.Conv2D(4, 3, padding="same", activation=act)(x)
        x = layers.BatchNormalization()(x)
    return Model(inputs, x, name=name)

def net5(): return net(depth=5, name="net5")
def net7(): return net(depth=7, name="net7")
def net9(): return net(depth=9, name="net9")
def other(): return net(depth=9, name="other", act="elu")
"""


def _same(one: str, other: str) -> bool:
    found = []
    for text in (one, other):
        (node,) = ast.parse(text).body
        assert isinstance(node, ast.FunctionDef)
        found.append(pattern(node))
    return found[0] == found[1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("def a(): return f(1)", "def b(): return f(2.5)", True),
        ("def a(): return f([1, 2], name='a')", "def b(): return f([3, 4], name='b')", True),
        ("def a(model_name='a'): return f(1)", "def b(model_name='b'): return f(2)", True),
        ("def a():\n 'A.'\n return f(1)", "def b():\n 'B.'\n return f(1)", True),
        ("def a(): return f(SIZES['net50'])", "def b(): return f(SIZES['net101'])", True),
        ("def a(x: int): return f(x)", "def b(x): return f(x)", True),
        ("def a(): return f(SIZES['netx'])", "def b(): return f(SIZES['nety'])", False),
        ("def a(): return f('relu')", "def b(): return f('relu6')", False),
        ("def a(act='relu'): return f(act)", "def b(act='elu'): return f(act)", False),
        ("def a(): return f(True)", "def b(): return f(False)", False),
        ("def a(): return f(1)", "def b(): return f(None)", False),
        ("def a(): return f([1, 2])", "def b(): return f([1, 2, 3])", False),
        ("def a(): return f(1)", "def b(): return g(1)", False),
        ("def a(x): return f(1)", "def b(y): return f(1)", False),
        ("def a(*x): return f(1)", "def b(**x): return f(1)", False),
    ],
)
def test_what_tells_builders_apart(one: str, other: str, same: bool) -> None:
    assert _same(one, other) is same


@pytest.mark.parametrize(
    ("variants", "names"),
    [
        (1, ["net5", "other"]),
        (2, ["net5", "net7", "other"]),
        (3, ["net5", "net7", "net9", "other"]),
    ],
)
def test_some_of_a_kind_are_traced(variants: int, names: list[str]) -> None:
    found = trace(Document("/nowhere/nets.py", NETS), limits=Limits(variants=variants))
    assert [graph.name for graph in found.graphs] == names
    assert found.complete is (variants == 3)


def test_builders_that_make_layers_of_their_own_are_all_traced() -> None:
    functions = (f"def f{n}(x): return layers.Conv2D({n}, 3)(x)\n" for n in range(1, 5))
    text = "from tensorflow.keras import layers\n" + "".join(functions)
    found = trace(Document("/nowhere/nets.py", text), limits=Limits(variants=1))
    assert [graph.name for graph in found.graphs] == ["f1", "f2", "f3", "f4"]
    assert found.complete


STACKED = """
from tensorflow.keras import Input, Model, layers

def net(depth, slope):
    inputs = x = Input((8, 8, 3))
    for _ in range(depth):
        x = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
        x = layers.ReLU(6.0, negative_slope=slope)(x)
    return Model(inputs, x)

def net5(): return net(5, 0.0)
def net6(): return net(6, 0.0)
def net7(): return net(7, 0.0)
"""


def _fixed(text: str) -> list[str]:
    return [each.code for each in lint(Document("nets.py", text), settings()) if each.fix]


def test_fixes_are_held_against_every_builder() -> None:
    assert _fixed(STACKED) == ["QL104"]
    assert _fixed(STACKED + "def net9(): return net(9, 0.1)\n") == []
