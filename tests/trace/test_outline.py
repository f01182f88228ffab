"""One walk finds what a module defines, imports, reads and calls."""

from __future__ import annotations

import ast

from qlsp.trace.outline import Outline

SOURCE = """
import keras
from keras import layers as kl

def block(x, size=default()):
    import numpy
    def inner(y):
        return kl.ReLU()(y)
    raise ValueError(message())

@register("net")
class Net(keras.Model):
    def call(self, x):
        assert check(x)
        return block(inner(x))

block(Net())
"""


def _outline() -> tuple[Outline, ast.Module]:
    tree = ast.parse(SOURCE)
    return Outline.of(tree), tree


def test_definitions_imports_and_reads() -> None:
    outline, _ = _outline()
    assert list(outline.definitions) == ["block", "inner", "Net", "call"]
    assert [ast.unparse(each) for each in outline.imports] == [
        "import keras",
        "from keras import layers as kl",
        "import numpy",
    ]
    assert outline.reads["block"] == 2
    assert "size" not in outline.reads


def test_the_calls_of_a_definition_are_those_of_its_body() -> None:
    outline, _ = _outline()
    calls = {
        name: [ast.unparse(call) for call in outline.calls(node)]
        for name, node in outline.definitions.items()
    }
    assert calls == {
        "block": ["kl.ReLU()(y)", "kl.ReLU()"],
        "inner": ["kl.ReLU()(y)", "kl.ReLU()"],
        "Net": ["block(inner(x))", "inner(x)"],
        "call": ["block(inner(x))", "inner(x)"],
    }


def test_what_is_no_definition_has_no_calls() -> None:
    outline, tree = _outline()
    assert outline.calls(tree.body[-1]) == []
