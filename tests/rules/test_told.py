"""Code of public repositories, cut down, about which something is to be said that once was not."""

from __future__ import annotations

from tests.rules.support import KERAS_3, NEWEST, found, settings

BY_UNKNOWN_NAMES = """
    from tensorflow.keras import layers

    def separate(spectrogram, instruments):
        outputs = {}
        for instrument in instruments:
            x = layers.Conv2D(8, 5)(spectrogram)
            x = layers.ReLU()(x)
            outputs[f"{instrument}_spectrogram"] = layers.BatchNormalization()(x)
        return outputs
"""
"""spleeter."""

ANNOTATED_BY_LAYER = """
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot

    annotate = tfmot.quantization.keras.quantize_annotate_layer

    def build():
        inputs = tf.keras.Input((30, 13), batch_size=1)
        x = annotate(tf.keras.layers.GRU(16, unroll=True))(inputs)
        x = tf.keras.layers.Multiply()([x, x])
        x = annotate(tf.keras.layers.Dense(8, activation="relu"))(x)
        return tfmot.quantization.keras.quantize_apply(tf.keras.Model(inputs, x))
"""

NORMALIZED_BEHIND_AN_ANNOTATED_LAYER = """
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot

    model = tf.keras.Sequential([
        tf.keras.layers.InputLayer(input_shape=(28, 28, 1)),
        tfmot.quantization.keras.quantize_annotate_layer(
            tf.keras.layers.Conv2D(12, 3, activation="relu")
        ),
        tf.keras.layers.BatchNormalization(),
    ])
    model = tfmot.quantization.keras.quantize_apply(model)
"""

SQUEEZED_BY_THE_BACKEND = """
    from tensorflow import keras
    from tensorflow.keras import backend as K
    from tensorflow.keras import layers

    def build():
        inputs = keras.Input((1, 1, 8))
        x = K.squeeze(layers.Conv2D(4, 1)(inputs), 1)
        return keras.Model(inputs, layers.Activation("softmax")(x))
"""
"""A GhostNet."""

CLIPPED_NOISE = """
    import numpy as np
    import tensorflow as tf

    def representative_dataset():
        noise = np.random.RandomState(42)
        for _ in range(200):
            face = (noise.randn(1, 112, 112, 3) * 35 + 180).clip(0, 255) / 127.5 - 1.0
            yield [face.astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_saved_model("exported")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_dataset
    model = converter.convert()
"""
"""A recognizer of faces."""


def messages(source: str, rule: str) -> list[str]:
    return [each.message for each in found(source, settings(rule, NEWEST))]


def test_tensors_that_leave_by_names_that_are_not_known() -> None:
    (one,) = messages(BY_UNKNOWN_NAMES, "QL101")
    assert "ptq keeps MUL, ADD; quantize_model raises" in one


def test_of_layers_annotated_one_by_one_only_those_are_refused() -> None:
    (one,) = messages(ANNOTATED_BY_LAYER, "QL202")
    assert "GRU" in one


def test_an_annotated_layer_is_still_a_layer() -> None:
    (one,) = messages(NORMALIZED_BEHIND_AN_ANNOTATED_LAYER, "QL101")
    assert one.endswith("cannot fold into it: ptq keeps MUL, ADD")


SWITCHED_OFF_BY_DEFAULT = """
    import numpy as np
    import tensorflow as tf

    def convert(model, quantize=False, data=None):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if quantize:
            def random():
                for _ in range(100):
                    yield [np.random.rand(1, 32, 32, 3).astype(np.float32)]
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = random
            converter.inference_input = tf.int8
        return converter.convert()
"""

SWITCHED_ON_WITH_DATA = """
    import tensorflow as tf

    def convert(model, int8=False, data=None):
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        if int8:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if data is not None:
            converter.representative_dataset = data
        if int8:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        return converter.convert()
"""


def test_settings_behind_a_switch_that_is_off_by_default() -> None:
    (one,) = messages(SWITCHED_OFF_BY_DEFAULT, "QL306")
    assert "`inference_input`" in one
    assert messages(SWITCHED_OFF_BY_DEFAULT, "QL305")


def test_settings_behind_a_switch_of_a_method() -> None:
    of_class = SWITCHED_OFF_BY_DEFAULT.replace(
        "    def convert(model,", "    def convert(self, model,"
    )
    lines = of_class.splitlines()
    head = next(i for i, line in enumerate(lines) if "def convert" in line)
    body = [f"    {line}" for line in lines[head:]]
    source = "\n".join([*lines[:head], "    class Exporter:", *body])
    assert messages(source, "QL306")
    assert messages(source, "QL305")


def test_data_that_comes_with_a_switch() -> None:
    assert not messages(SWITCHED_ON_WITH_DATA, "QL302")


def test_keras_3_refuses_functions_of_the_backend() -> None:
    (one,) = found(SQUEEZED_BY_THE_BACKEND, settings("QL203", NEWEST, KERAS_3))
    assert one.message == (
        "keras.backend.squeeze is no layer: the model can't be converted (Keras 3); "
        "quantize_model raises"
    )


def test_noise_that_is_clipped() -> None:
    (one,) = messages(CLIPPED_NOISE, "QL305")
    assert "random noise" in one
