"""Which parts of a document are analysed, and builders by name."""

from __future__ import annotations

import pytest

from qlsp.error import QlspError
from qlsp.trace import trace, trace_builder
from qlsp.trace.graph import Symbol
from tests.trace.describe import built, chain, document, traced


def _found(source: str) -> list[tuple[str, str]]:
    return [(graph.name, chain(graph)) for graph in traced(source).graphs]


def test_nothing_to_find() -> None:
    assert _found("def f(x):\n    return x + 1\nprint(f(2))\n") == []


def test_every_function_is_analysed_called_or_not() -> None:
    source = """
        def used(x):
            return L.Dense(1)(x)
        def unused(x):
            return L.Dense(2)(x)
        def main():
            i = keras.Input((3,))
            return keras.Model(i, used(i))
        """
    assert sorted(_found(source)) == [("main", "Dense(1)"), ("unused", "Dense(2)")]


def test_what_defaults_do_not_reach_is_analysed_with_unknown_arguments() -> None:
    found = _found(
        """
        def head(x, kind='a'):
            if kind == 'a':
                return L.Dense(1)(x)
            return L.Dense(2)(x)
        """
    )
    assert found == [("head", "Dense(1)"), ("head", "Dense(1) Dense(2) ?")]


def test_methods_are_analysed() -> None:
    found = _found(
        """
        class Maker:
            def __init__(self, n=3):
                self.n = n
            def make(self, x):
                return L.Dense(self.n)(x)
        """
    )
    assert found == [("Maker.make", "Dense(3)")]


def test_classes_are_analysed_with_unknown_arguments() -> None:
    found = _found(
        """
        class Block(L.Layer):
            def __init__(self, n, m=2):
                super().__init__()
                self.a, self.b = L.Dense(n), L.Dense(m)
            def call(self, x, training):
                return self.b(self.a(x), training=training)
        """
    )
    assert found == [("Block.call", "Dense(?) Dense(2)")]


def test_objects_that_are_made_but_not_applied() -> None:
    found = _found(
        """
        class Net(keras.Model):
            def __init__(self, n):
                super().__init__()
                self.d = L.Dense(n)
            def call(self, x):
                return self.d(x)
        if __name__ == '__main__':
            net = Net(7)
            net.compile('adam')
        """
    )
    assert found == [("Net", "Dense(7)")]


def test_several_models_of_one_function() -> None:
    found = _found(
        """
        def gan():
            g = keras.Sequential([L.Dense(1)])
            d = keras.Sequential([L.Dense(2)])
            i = keras.Input((3,))
            return keras.Model(i, d(g(i)))
        """
    )
    assert found == [("gan", "Sequential Sequential")]


def test_a_statement_that_raises_does_not_stop_the_module() -> None:
    assert _found("raise SystemExit\nm = keras.Sequential([L.Dense(1)])\n") == [
        ("<module>", "Dense(1)")
    ]


@pytest.mark.parametrize(
    ("builder", "settings", "expected"),
    [
        ("build", {}, "Dense(3) ReLU"),
        ("build", {"n": 5}, "Dense(5) ReLU"),
        ("build", {"n": 5, "act": None}, "Dense(5)"),
        ("build", {"unheard_of": 1}, "Dense(3) ReLU"),
        ("flexible", {"layers": Symbol("keras.layers")}, "Dense(1)"),
        ("Net", {"n": 4}, "Dense(4)"),
        ("Makers.make", {}, "Dense(6)"),
        ("model", {}, "Dense(9)"),
        ("pair", {}, "Dense(3) ReLU"),
        ("part", {}, "Dense(8) ReLU"),
        ("fragment", {}, "Dense(2)"),
    ],
)
def test_builder(builder: str, settings: dict[str, object], expected: str) -> None:
    source = """
        import functools
        def build(n=3, act='relu'):
            layers = [L.Dense(n)] + ([L.ReLU()] if act else [])
            return keras.Sequential(layers)
        def flexible(**kwargs):
            layers = kwargs.pop('layers')
            return keras.Sequential([layers.Dense(1)])
        class Net(keras.Model):
            def __init__(self, n):
                super().__init__()
                self.d = L.Dense(n)
            def call(self, x):
                return self.d(x)
        class Makers:
            @staticmethod
            def make():
                return keras.Sequential([L.Dense(6)])
        model = keras.Sequential([L.Dense(9)])
        def pair():
            return build(), 'labels'
        part = functools.partial(build, n=8)
        def fragment(x):
            return L.Dense(2)(x)
        """
    graph = built(source, builder, **settings)
    assert chain(graph) == expected


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        ("missing", "has no function, class or model `missing`"),
        ("number", "does not make a model"),
        ("nothing", "does not make a model"),
        ("broken", "raises an error"),
        ("endless", "too large to follow"),
    ],
)
def test_builder_that_makes_no_model(builder: str, message: str) -> None:
    source = """
        number = 3
        def nothing():
            return None
        def broken():
            raise ValueError('no weights')
        def endless(x):
            for i in range(4000):
                for j in range(4000):
                    x = L.Dense(i)(x)
            return x
        """
    with pytest.raises(QlspError, match=message):
        trace_builder(document(source), builder)


def test_a_trace_does_not_change_the_next_one() -> None:
    text = document(
        """
        STATE = {'n': 1, 'all': []}
        def a(x):
            STATE['n'] += 1
            STATE['all'].append(1)
            return L.Dense(STATE['n'])(x)
        def b(x):
            return L.Dense(STATE['n'] + len(STATE['all']))(x)
        """
    )
    first = [chain(graph) for graph in trace(text).graphs]
    assert first == ["Dense(2)", "Dense(1)"]
    assert [chain(graph) for graph in trace(text).graphs] == first
