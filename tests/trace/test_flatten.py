"""Nested models and user-defined layers, inlined."""

from __future__ import annotations

from tests.trace.describe import built, chain, edges


def test_a_graph_without_nesting_is_its_own_flat_form() -> None:
    graph = built("def build():\n    return keras.Sequential([L.Dense(1), L.ReLU()])\n")
    assert graph.flat is graph


def test_nesting_in_nesting() -> None:
    graph = built(
        """
        class Inner(L.Layer):
            def __init__(self):
                super().__init__()
                self.d = L.Dense(2)
            def call(self, x, skip):
                return L.Add()([self.d(x), skip])
        class Outer(keras.Model):
            def __init__(self):
                super().__init__()
                self.first = keras.Sequential([L.Dense(1)])
                self.inner = Inner()
            def call(self, x):
                return self.inner(self.first(x), x)
        def build():
            i = keras.Input((3,))
            return keras.Model(i, Outer()(L.ReLU()(i)))
        """
    )
    assert [node.cls for node in graph.nodes] == ["InputLayer", "ReLU", "Outer"]
    assert edges(graph.flat) == [
        "Input.0",
        "ReLU.1 <- Input.0",
        "Dense.2 <- ReLU.1",
        "Dense.3 <- Dense.2",
        "Add.4 <- Dense.3, ReLU.1",
    ]
    assert [node.index for node in graph.flat.nodes] == [0, 1, 2, 3, 4]
    assert graph.flat.outputs == (4,)


def test_a_model_used_twice_appears_twice_with_the_same_layers() -> None:
    graph = built(
        """
        def build():
            block = keras.Sequential([L.Dense(3)])
            i = keras.Input((3,))
            return keras.Model(i, block(block(i)))
        """
    )
    first, second = graph.flat.nodes[1:]
    assert first.layer == second.layer


def test_several_outputs_keep_their_order() -> None:
    graph = built(
        """
        def build():
            i = keras.Input((3,))
            a, b = L.Dense(1)(i), L.Dense(2)(i)
            split = keras.Model(i, {'a': a, 'b': b})
            j = keras.Input((3,))
            found = split(j)
            return keras.Model(j, [L.ReLU()(found['b']), found['a']])
        """
    )
    assert edges(graph.flat)[-1] == "ReLU.3 <- Dense.2"
    assert graph.flat.outputs == (3, 1)


def test_tensors_from_outside_a_layer() -> None:
    graph = built(
        """
        def build():
            i = keras.Input((3,))
            outside = L.Dense(1)(i)
            class Gate(L.Layer):
                def call(self, x):
                    return L.Multiply()([x, outside])
            return keras.Model(i, Gate()(L.ReLU()(i)))
        """
    )
    assert edges(graph.flat)[-1] == "Multiply.3 <- ReLU.1, Dense.2"


def test_holes_of_bodies_are_kept() -> None:
    graph = built(
        """
        class Odd(L.Layer):
            def call(self, x):
                return mystery(x)
        def build():
            i = keras.Input((3,))
            return keras.Model(i, Odd()(i))
        """
    )
    assert chain(graph.flat) == "?"
    assert not graph.flat.complete
