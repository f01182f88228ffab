"""Moving a batch normalization before its activation, in every way to write a model."""

from __future__ import annotations

import pytest

from tests.rules.support import dedent, fixed, found, settings

IMPORTS = (
    "import tensorflow as tf\nfrom tensorflow import keras\nfrom tensorflow.keras import layers\n"
)

STYLES = {
    "sequential": (
        """
        model = keras.Sequential([
            layers.InputLayer(input_shape=(8, 8, 3)),
            layers.Conv2D(4, 3),  # conv
            layers.ReLU(name="r"),  # relu
            layers.BatchNormalization(momentum=0.9),
        ])
        """,
        """
        model = keras.Sequential([
            layers.InputLayer(input_shape=(8, 8, 3)),
            layers.Conv2D(4, 3),  # conv
            layers.BatchNormalization(momentum=0.9),
            layers.ReLU(name="r"),  # relu
        ])
        """,
    ),
    "sequential, activation within": (
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)),
            layers.BatchNormalization(),
            layers.Flatten(),
        ])
        """,
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, input_shape=(8, 8, 3)),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
        ])
        """,
    ),
    "add": (
        """
        model = keras.Sequential()
        model.add(layers.Conv2D(4, 3, input_shape=(8, 8, 3)))
        model.add(layers.Activation("relu"))  # clip
        model.add(layers.BatchNormalization())  # normalize
        model.add(layers.Flatten())
        """,
        """
        model = keras.Sequential()
        model.add(layers.Conv2D(4, 3, input_shape=(8, 8, 3)))
        model.add(layers.BatchNormalization())  # normalize
        model.add(layers.Activation("relu"))  # clip
        model.add(layers.Flatten())
        """,
    ),
    "add, activation within": (
        """
        def build():
            model = keras.Sequential()
            model.add(layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)))
            model.add(layers.BatchNormalization())
            return model
        """,
        """
        def build():
            model = keras.Sequential()
            model.add(layers.Conv2D(4, 3, input_shape=(8, 8, 3)))
            model.add(layers.BatchNormalization())
            model.add(layers.ReLU())
            return model
        """,
    ),
    "functional, one variable": (
        """
        def build():
            inputs = x = keras.Input((8, 8, 3))
            for filters in (4, 8):
                x = layers.Conv2D(
                    filters,
                    3,
                    use_bias=False,
                )(x)
                x = layers.ReLU(
                    6.0,
                )(x)
                x = layers.BatchNormalization()(x)
            return keras.Model(inputs, x)
        """,
        """
        def build():
            inputs = x = keras.Input((8, 8, 3))
            for filters in (4, 8):
                x = layers.Conv2D(
                    filters,
                    3,
                    use_bias=False,
                )(x)
                x = layers.BatchNormalization()(x)
                x = layers.ReLU(
                    6.0,
                )(x)
            return keras.Model(inputs, x)
        """,
    ),
    "functional, several variables": (
        """
        inputs = keras.Input((8, 8, 3))
        conv = layers.Conv2D(4, 3)(inputs)
        relu = layers.ReLU()(conv)
        norm = layers.BatchNormalization()(relu)
        model = keras.Model(inputs, norm)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        conv = layers.Conv2D(4, 3)(inputs)
        relu = layers.BatchNormalization()(conv)
        norm = layers.ReLU()(relu)
        model = keras.Model(inputs, norm)
        """,
    ),
    "nested calls": (
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.BatchNormalization(axis=-1)(layers.ReLU()(layers.Conv2D(4, 3)(inputs)))
        model = keras.Model(inputs, x)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.ReLU()(layers.BatchNormalization(axis=-1)(layers.Conv2D(4, 3)(inputs)))
        model = keras.Model(inputs, x)
        """,
    ),
    "nested calls, activation within": (
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="tanh")(inputs))
        model = keras.Model(inputs, x)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.BatchNormalization()(layers.Conv2D(4, 3)(inputs))
        x = layers.Activation("tanh")(x)
        model = keras.Model(inputs, x)
        """,
    ),
    "subclassed": (
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3)
                self.relu = layers.ReLU()
                self.norm = layers.BatchNormalization()

            def call(self, x, training=None):
                x = self.conv(x)
                x = self.relu(x)
                x = self.norm(x, training=training)
                return x
        """,
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3)
                self.relu = layers.ReLU()
                self.norm = layers.BatchNormalization()

            def call(self, x, training=None):
                x = self.conv(x)
                x = self.norm(x, training=training)
                x = self.relu(x)
                return x
        """,
    ),
    "subclassed, activation within": (
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3, activation="relu")  # conv
                self.norm = layers.BatchNormalization()

            def call(self, x, training=None):
                return self.norm(self.conv(x), training=training)
        """,
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3)  # conv
                self.norm = layers.BatchNormalization()
                self.norm_relu = layers.ReLU()

            def call(self, x, training=None):
                return self.norm_relu(self.norm(self.conv(x), training=training))
        """,
    ),
    "user layer": (
        """
        class Block(layers.Layer):
            def __init__(self, filters, **kwargs):
                super().__init__(**kwargs)
                self.convs = [layers.Conv2D(filters, 3) for _ in range(2)]
                self.norms = [layers.BatchNormalization() for _ in range(2)]
                self.act = layers.ReLU()

            def call(self, x, training=None):
                for conv, norm in zip(self.convs, self.norms):
                    x = norm(self.act(conv(x)), training=training)
                return x

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, Block(4)(inputs))
        """,
        """
        class Block(layers.Layer):
            def __init__(self, filters, **kwargs):
                super().__init__(**kwargs)
                self.convs = [layers.Conv2D(filters, 3) for _ in range(2)]
                self.norms = [layers.BatchNormalization() for _ in range(2)]
                self.act = layers.ReLU()

            def call(self, x, training=None):
                for conv, norm in zip(self.convs, self.norms):
                    x = self.act(norm(conv(x), training=training))
                return x

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, Block(4)(inputs))
        """,
    ),
    "helper function": (
        """
        def block(x, filters, name):
            x = layers.Conv2D(filters, 3, name=name)(x)
            x = layers.ReLU(6.0, name=f"{name}_relu")(x)
            return layers.BatchNormalization(name=f"{name}_bn")(x)

        def build():
            inputs = keras.Input((8, 8, 3))
            x = block(inputs, 4, "a")
            x = block(x, 8, "b")
            return keras.Model(inputs, x)
        """,
        """
        def block(x, filters, name):
            x = layers.Conv2D(filters, 3, name=name)(x)
            x = layers.BatchNormalization(name=f"{name}_bn")(x)
            return layers.ReLU(6.0, name=f"{name}_relu")(x)

        def build():
            inputs = keras.Input((8, 8, 3))
            x = block(inputs, 4, "a")
            x = block(x, 8, "b")
            return keras.Model(inputs, x)
        """,
    ),
    "one helper per layer": (
        """
        def relu(x):
            return layers.ReLU()(x)

        def build():
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3)(inputs)
            x = relu(x)
            x = layers.BatchNormalization()(x)
            x = layers.Conv2D(4, 3)(x)
            x = layers.BatchNormalization()(x)
            x = relu(x)
            return keras.Model(inputs, x)
        """,
        """
        def relu(x):
            return layers.ReLU()(x)

        def build():
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3)(inputs)
            x = layers.BatchNormalization()(x)
            x = relu(x)
            x = layers.Conv2D(4, 3)(x)
            x = layers.BatchNormalization()(x)
            x = relu(x)
            return keras.Model(inputs, x)
        """,
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_fixed_in_every_style(style: str) -> None:
    before, after = (IMPORTS + dedent(text) for text in STYLES[style])
    assert fixed(before, settings("QL101")) == after


NOT_REWRITTEN = {
    "the activation is used twice": """
        inputs = keras.Input((8, 8, 3))
        y = layers.ReLU()(layers.Conv2D(4, 3)(inputs))
        x = layers.BatchNormalization()(y)
        model = keras.Model(inputs, layers.Add()([x, y]))
        """,
    "the activation is an output": """
        inputs = keras.Input((8, 8, 3))
        y = layers.ReLU()(layers.Conv2D(4, 3)(inputs))
        x = layers.BatchNormalization()(y)
        model = keras.Model(inputs, [x, y])
        """,
    "the activation is kept in a list": """
        def build(taps):
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3)(inputs)
            x = layers.ReLU()(x)
            taps.append(x)
            x = layers.BatchNormalization()(x)
            return keras.Model(inputs, x)
        """,
    "the normalization is optional": """
        def build(norm=True):
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3)(inputs)
            x = layers.ReLU()(x)
            if norm:
                x = layers.BatchNormalization()(x)
            return keras.Model(inputs, x)
        """,
    "a name is made between the two": """
        def build():
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3)(inputs)
            x = layers.ReLU()(x)
            name = "norm"
            x = layers.BatchNormalization(name=name)(x)
            return keras.Model(inputs, x)
        """,
}


@pytest.mark.parametrize("reason", NOT_REWRITTEN)
def test_found_but_not_rewritten(reason: str) -> None:
    source = IMPORTS + dedent(NOT_REWRITTEN[reason])
    assert [each.code for each in found(source, settings("QL101"))] == ["QL101"]
    assert fixed(source, settings("QL101")) == source
