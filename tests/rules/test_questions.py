"""Questions that people have asked, and what their own code is told."""

from __future__ import annotations

import pytest

from qlsp.settings import Settings
from qlsp.toolchain import MEASURED, Toolchain
from tests.rules.support import TFMOT_05, TFMOT_06, dedent, fixed, found

MERGE_RELU = """
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    from tensorflow.keras import layers


    class Classifier:
        def __init__(self, hparams):
            self.hparams = hparams

        def get_default_model(self):
            inputs = layers.Input(shape=(64, 1, 1))
            x = layers.Conv2D(self.hparams["channels_count"], kernel_size=(4, 1))(inputs)
            x = layers.ReLU()(x)
            x = layers.Conv2D(self.hparams["channels_count"], kernel_size=(4, 1))(x)
            x = layers.ReLU()(x)
            x = layers.Flatten()(x)
            return tf.keras.Model(inputs, layers.Dense(2)(x))

        def learn_qaware(self):
            quantize_model = tfmot.quantization.keras.quantize_model
            self.model = quantize_model(self.model)
"""
"""How to merge ReLU after quantization aware training: with tfmot 0.5.0, and how it is mended."""


def qat(toolchain: Toolchain) -> Settings:
    return Settings(select=("QL1", "QL2"), workflows=("qat",), toolchains=(toolchain,))


def test_relu_is_not_merged() -> None:
    messages = [
        (each.code, each.span.line, each.message) for each in found(MERGE_RELU, qat(TFMOT_05))
    ]
    text = "ReLU after Conv2D does not become part of it: qat keeps RELU"
    assert messages == [("QL102", 13, text), ("QL102", 15, text)]
    assert found(MERGE_RELU, qat(TFMOT_06)) == []


def test_relu_is_merged_by_the_fix() -> None:
    result = fixed(MERGE_RELU, qat(TFMOT_05), unsafe=False)
    assert result.count('kernel_size=(4, 1), activation="relu")') == 2
    assert "layers.ReLU()" not in result


MIN_MAX = """
    import tensorflow as tf


    def conv_block(x, filters):
        x = tf.keras.layers.Conv2D(filters, 3, padding="same")(x)
        {first}
        return {second}


    def network(images):
        x = conv_block(images, 8)
        x = conv_block(x, 16)
        return tf.keras.layers.Conv2D(4, 1, activation="relu")(x)


    def export(checkpoint):
        with tf.Graph().as_default(), tf.Session() as session:
            tf.keras.backend.set_learning_phase(0)
            images = tf.placeholder(tf.float32, [1, 32, 32, 3], name="input")
            tf.identity(network(images), name="output")
            tf.contrib.quantize.create_eval_graph()
            tf.train.Saver().restore(session, checkpoint)
            return tf.graph_util.convert_variables_to_constants(
                session, session.graph_def, ["output"]
            )
"""
"""Batch normalization in TensorFlow 1.x does not have MinMax information."""
NORM, RELU = "tf.keras.layers.BatchNormalization()(x)", "tf.keras.layers.ReLU()(x)"
TF1 = Settings(toolchains=(MEASURED[0],))


@pytest.mark.parametrize(
    ("first", "second", "code", "line"),
    [(NORM, RELU, "QL103", 6), (RELU, NORM, "QL404", 7)],
    ids=["as asked", "as answered"],
)
def test_normalization_lacks_min_max(first: str, second: str, code: str, line: int) -> None:
    """What the question does raises, and so does what its answer recommends instead."""
    diagnostics = found(MIN_MAX.format(first=f"x = {first}", second=second), TF1)
    assert [(each.code, each.span.line) for each in diagnostics] == [(code, line)]
    assert "the model can't be converted" in diagnostics[0].message


def test_normalization_that_converts() -> None:
    """With the bias before it gone, the normalization folds."""
    source = MIN_MAX.format(first=f"x = {NORM}", second=RELU)
    result = fixed(source, TF1)
    assert 'padding="same", use_bias=False)' in result
    assert found(result, TF1) == []
    assert dedent(source) != result


EIGHT_BIT_OPS = """
    import tensorflow as tf

    x = tf.placeholder(tf.float32, [1, 299, 299, 3], name="input")
    x, low, high = tf.quantize(x, -1.0, 1.0, tf.quint8)
    x = tf.dequantize(x, low, high)
    x = tf.layers.conv2d(x, 32, 3, activation=tf.nn.relu, use_bias=False)
    tf.identity(x, name="InceptionV3/Predictions/Reshape_1")
"""
"""A graph as `quantize_nodes` of `transform_graph` leaves it, fed to TOCO."""


def test_ops_of_graph_transforms() -> None:
    (diagnostic,) = found(EIGHT_BIT_OPS, TF1)
    assert (diagnostic.code, diagnostic.span.line) == ("QL405", 4)


TRANSFORM = """
    import tensorflow as tf
    from tensorflow.tools.graph_transforms import TransformGraph


    def convert(graph):
        graph = TransformGraph(
            graph,
            ["input"],
            ["InceptionV3/Predictions/Reshape_1"],
            ["fold_constants(ignore_errors=true)", "fold_batch_norms", "quantize_weights"],
        )
        tf.train.write_graph(graph, ".", "quantized.pb", as_text=False)
        converter = tf.lite.TFLiteConverter.from_frozen_graph("quantized.pb", ["input"], ["output"])
        return converter.convert()
"""


def test_graph_transforms() -> None:
    """What the question does with two programs, in one."""
    chosen = Settings(select=("QL4",), toolchains=(MEASURED[0],))
    (diagnostic,) = found(TRANSFORM, chosen)
    assert (diagnostic.code, diagnostic.span.line) == ("QL406", 6)
    assert "float again" in diagnostic.message
    asked = "converter.inference_type = tf.uint8"
    (diagnostic,) = found(TRANSFORM.replace("return", f"{asked}\n        return"), chosen)
    assert "`convert` raises" in diagnostic.message
    (diagnostic,) = found(TRANSFORM.replace('"quantize_w', '"quantize_nodes", "quantize_w'), chosen)
    assert "`convert` raises" in diagnostic.message
    asked = "converter.post_training_quantize = True"
    assert not found(TRANSFORM.replace("return", f"{asked}\n        return"), chosen)
