import ast

import pytest

from qlsp.evidence.patterns import Pattern, patterns
from qlsp.trace.graph import Flavour

FLAVOURS: tuple[Flavour, ...] = ("keras3", "tf_keras", "tf.keras", "tf1")


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_pattern_is_a_module_with_one_builder(flavour: Flavour) -> None:
    for pattern in patterns(flavour):
        module = ast.parse(pattern.source(flavour))
        functions = [node.name for node in module.body if isinstance(node, ast.FunctionDef)]
        assert functions == ["build"], pattern.name


def test_sources_differ() -> None:
    for flavour in FLAVOURS:
        sources = [pattern.source(flavour) for pattern in patterns(flavour)]
        assert len(set(sources)) == len(sources)


def test_only_keras_3_has_operations() -> None:
    assert Pattern("image > conv > ops.relu") in patterns("keras3")
    assert Pattern("image > conv > ops.relu") not in patterns("tf_keras")


def test_source() -> None:
    assert Pattern("image@1 > conv > fork > bn > act(tf.nn.relu6) > join").source("tf.keras") == (
        "import tensorflow as tf\n"
        "from tensorflow import keras\n"
        "from tensorflow.keras import layers\n"
        "\n"
        "\n"
        "def build():\n"
        "    x = inputs = layers.Input((8, 8, 4), batch_size=1)\n"
        "    x = layers.Conv2D(4, 3)(x)\n"
        "    y = x\n"
        "    x = layers.BatchNormalization()(x)\n"
        "    x = layers.Activation(tf.nn.relu6)(x)\n"
        "    x = layers.Add()([x, y])\n"
        "    return keras.Model(inputs, x)\n"
    )


def test_source_of_a_rewritten_graph() -> None:
    source = Pattern("eval > slim_conv(bn, relu6) > slim_conv").source("tf1")
    assert "    training = False\n" in source
    assert "    tf.contrib.quantize.create_eval_graph()\n    return image, output\n" in source


def test_unknown_word() -> None:
    with pytest.raises(KeyError):
        Pattern("image > convolution").source("keras3")
