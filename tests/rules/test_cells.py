"""Which toolchains a piece of code is held against."""

from __future__ import annotations

from qlsp.settings import Settings
from qlsp.toolchain import MEASURED, Toolchain
from tests.rules.support import KERAS_3, NEWEST, found

_KERAS_3_ONLY = """
    import keras

    inputs = keras.Input((16000, 1))
    x = keras.layers.STFTSpectrogram(mode="log")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    """


def _codes(source: str, *toolchains: Toolchain) -> set[str]:
    chosen = Settings(workflows=("ptq", "qat"), toolchains=toolchains)
    return {each.code for each in found(source, chosen)}


def test_a_layer_is_not_held_against_a_keras_that_lacks_it() -> None:
    assert "QL202" not in _codes(_KERAS_3_ONLY, *MEASURED)
    assert "QL202" not in _codes(_KERAS_3_ONLY, NEWEST, KERAS_3)


def test_a_pinned_keras_is_believed() -> None:
    assert _codes(_KERAS_3_ONLY, NEWEST)


def test_a_batch_stays_dynamic_behind_what_is_not_followed() -> None:
    source = """
        import tensorflow as tf
        from tensorflow.keras import layers

        inputs = layers.Input({})
        x = tf.math.multiply(inputs, scale())
        x = layers.Conv2D(8, 3)(x)
        x = layers.GlobalAveragePooling2D()(x)
        x = layers.Reshape((1, 1, 8))(x)
        model = tf.keras.Model(inputs, x)
        """
    assert "QL111" in _codes(source.format("(32, 32, 3)"), NEWEST)
    assert "QL111" in _codes(source.format("shape"), NEWEST)
    assert "QL111" not in _codes(source.format("(32, 32, 3), batch_size=1"), NEWEST)
    assert "QL111" not in _codes(source.format("**settings"), NEWEST)
