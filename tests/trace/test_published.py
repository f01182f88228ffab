"""Constructs met in published packages, each as small as it gets."""

from __future__ import annotations

import pytest

from tests.trace.describe import built, chain, edges, traced


def test_lists_of_tensors_are_joined() -> None:
    graph = built("""
        def build():
            a, b = L.Input((4,)), L.Input((4,))
            return keras.Model([a, b], L.concatenate([a] + [b]))
    """)
    assert edges(graph) == ["Input.0", "Input.1", "Concatenate.2 <- Input.0, Input.1"]


def test_a_list_of_tensors_is_repeated() -> None:
    graph = built("""
        def build():
            a = L.Input((4,))
            return keras.Model(a, L.Concatenate()([a] * 2))
    """)
    assert edges(graph) == ["Input.0", "Concatenate.1 <- Input.0, Input.0"]


def test_xrange_of_six() -> None:
    graph = built("""
        from six.moves import xrange

        def build():
            x = a = L.Input((4,))
            for i in xrange(2):
                x = L.Dense(i + 1)(x)
            return keras.Model(a, x)
    """)
    assert chain(graph) == "Dense(1) Dense(2)"


def test_a_layer_that_is_made_in_a_loop_of_unknown_length() -> None:
    graph = built("""
        class Block(L.Dense):
            def __init__(self, count):
                for _ in range(count):
                    super().__init__(4)
                self.width = self._width * 2

        def build(count):
            a = L.Input((4,))
            block = Block(count)
            return keras.Model(a, L.ReLU()(a))
    """)
    assert chain(graph) == "ReLU"


def test_the_layer_that_a_block_function_gives_is_followed() -> None:
    default, symbolic = traced("""
        def block(filters, ratio=0.0):
            def apply(x):
                x = L.Conv2D(filters, 3)(x)
                if ratio:
                    x = L.Dropout(ratio)(x)
                return L.ReLU()(x)
            return apply
    """).graphs
    assert chain(default) == "Conv2D(?) ReLU"
    assert {"Conv2D", "Dropout", "ReLU"} <= {node.cls for node in symbolic.nodes}


@pytest.mark.parametrize(
    ("package", "flavour"),
    [("keras", "keras3"), ("tf_keras", "tf_keras"), ("tensorflow.keras", "tf.keras")],
)
def test_a_piece_of_a_model_is_of_the_package_of_its_layers(package: str, flavour: str) -> None:
    header = f"import tensorflow as tf\nfrom {package} import layers as L\n"
    (graph,) = traced("def block(x): return tf.nn.relu(L.Dense(4)(x))", header).graphs
    assert (graph.kind, graph.flavour) == ("fragment", flavour)
