"""TensorFlow 1: placeholders, variables, argument scopes, and rewrites of the graph."""

from __future__ import annotations

import pytest

from qlsp.trace import LayerGraph
from qlsp.trace.graph import UNKNOWN, Symbol
from tests.trace.describe import traced

HEADER = "import tensorflow as tf\nfrom tensorflow.contrib import slim\n"


def _graph(source: str) -> LayerGraph:
    (graph,) = traced(source, HEADER).graphs
    return graph


def test_a_placeholder_is_an_input() -> None:
    graph = _graph("""
        def net():
            x = tf.placeholder(tf.float32, [None, 8, 8, 3], name='image')
            return tf.nn.relu6(tf.nn.bias_add(x, tf.get_variable('b', [3])))
        """)
    image, bias, _ = graph.nodes
    assert (image.kind, image.name, image.shape) == ("input", "image", (None, 8, 8, 3))
    assert bias.attrs["bias"] == Symbol("tf.Variable")
    assert not graph.holes


def test_a_placeholder_for_the_phase_is_no_input() -> None:
    graph = _graph("""
        def net(x):
            phase = tf.placeholder_with_default(False, [])
            return tf.layers.batch_normalization(x, training=phase)
        """)
    assert graph.nodes[-1].attrs["training"] == Symbol("tf.placeholder_with_default")


def test_functions_of_tf_layers_do_not_train_by_default() -> None:
    graph = _graph("""
        def net(x):
            return tf.layers.batch_normalization(x)
        """)
    assert graph.nodes[-1].attrs["training"] is False


@pytest.mark.parametrize(
    ("scope", "stride", "training"),
    [
        ("", None, None),
        ("with slim.arg_scope([slim.conv2d, slim.batch_norm], stride=2):", 2, None),
        ("with slim.arg_scope([slim.batch_norm], is_training=False):", None, False),
        ("with slim.arg_scope([slim.batch_norm], is_training=phase):", None, UNKNOWN),
    ],
)
def test_an_argument_scope_gives_arguments(
    scope: str, stride: int | None, training: object
) -> None:
    graph = _graph(f"""
def net(x, phase):
  {scope or "if True:"}
    return slim.conv2d(x, 4, 3, normalizer_fn=slim.batch_norm)
""")
    conv = graph.nodes[-1]
    params = conv.attrs.get("normalizer_params", {})
    assert conv.attrs.get("stride") == stride
    assert isinstance(params, dict)
    assert params.get("is_training") == training


def test_a_scope_ends_and_can_be_handed_on() -> None:
    graph = _graph("""
        def scope():
            with slim.arg_scope([slim.conv2d], stride=2) as made:
                return made

        def net(x):
            with slim.arg_scope(scope()):
                x = slim.conv2d(x, 4, 3)
            return slim.conv2d(x, 8, 3)
        """)
    assert [node.attrs.get("stride") for node in graph.nodes[1:]] == [2, None]


def test_repeat_applies_a_function_again() -> None:
    graph = _graph("""
        def net(x):
            return slim.repeat(x, 3, slim.conv2d, 64, [3, 3], scope='conv1')
        """)
    assert [node.cls for node in graph.nodes[1:]] == ["slim.conv2d"] * 3
    assert [node.inputs for node in graph.nodes[1:]] == [(0,), (1,), (2,)]


def test_a_rewrite_is_an_effect_on_the_graph() -> None:
    graph = _graph("""
        def net(flag):
            x = tf.placeholder(tf.float32, [1, 8])
            y = tf.layers.dense(x, 8)
            if flag:
                tf.contrib.quantize.create_training_graph(quant_delay=10)
            tf.contrib.quantize.create_eval_graph()
            return y
        """)
    training, export = graph.effects
    assert training.symbol == "tf.contrib.quantize.create_training_graph"
    assert training.attrs == {"quant_delay": 10}
    assert training.conditions
    assert not export.conditions


def test_what_the_module_sets_holds_for_its_functions() -> None:
    graph = _graph("""
        tf.keras.backend.set_learning_phase(0)

        def net(x):
            return tf.keras.layers.BatchNormalization()(x)
        """)
    assert [effect.attrs for effect in graph.effects] == [{"value": 0}]
