"""Safe fixes in every way to write a model: sources that define `model`, before and after.

The tests hold the fixes against them, and real Kerases prove that both compute the same.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from qlsp.settings import Settings
from tests.rules.support import KERAS_3, NEWEST, TFMOT_05, settings

IMPORTS = """\
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

"""


@dataclass(frozen=True)
class Fixed:
    """A source and what the safe fixes of one rule make of it."""

    rule: str
    style: str
    before: str
    after: str
    settings: Settings

    def __str__(self) -> str:
        return f"{self.rule} {self.style}"


def _fixed(rule: str, style: str, before: str, after: str, chosen: Settings) -> Fixed:
    before, after = (
        text if "import " in text else IMPORTS + text
        for text in (textwrap.dedent(each).lstrip("\n") for each in (before, after))
    )
    return Fixed(rule, style, before, after, chosen)


_UNSUPPORTED = settings("QL201", NEWEST)
_STACKED = settings("QL104", NEWEST)
_STANDALONE = settings("QL102", NEWEST)
_STANDALONE_05 = settings("QL102", TFMOT_05)

SAFE = [
    _fixed(
        "QL201",
        "sequential",
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, activation=tf.nn.relu6, input_shape=(8, 8, 3)),  # stem
            layers.Flatten(),
            layers.Dense(
                5,
                activation="relu6",  # clipped
                name="head",
            ),
        ])
        """,
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, input_shape=(8, 8, 3)),  # stem
            layers.ReLU(6.0),
            layers.Flatten(),
            layers.Dense(
                5,
                # clipped
                name="head",
            ),
            layers.ReLU(6.0),
        ])
        """,
        _UNSUPPORTED,
    ),
    _fixed(
        "QL201",
        "add",
        """
        model = keras.Sequential()
        model.add(layers.InputLayer(input_shape=(8, 8, 3)))
        model.add(layers.DepthwiseConv2D(3, activation="relu6"))  # clipped
        model.add(layers.Flatten())
        """,
        """
        model = keras.Sequential()
        model.add(layers.InputLayer(input_shape=(8, 8, 3)))
        model.add(layers.DepthwiseConv2D(3))  # clipped
        model.add(layers.ReLU(6.0))
        model.add(layers.Flatten())
        """,
        _UNSUPPORTED,
    ),
    _fixed(
        "QL201",
        "functional",
        """
        def build():
            inputs = x = keras.Input((8, 8, 3))
            for filters in (4, 8):
                x = layers.Conv2D(filters, 3, activation=tf.nn.relu6)(x)
            return keras.Model(inputs, x)

        model = build()
        """,
        """
        def build():
            inputs = x = keras.Input((8, 8, 3))
            for filters in (4, 8):
                x = layers.Conv2D(filters, 3)(x)
                x = layers.ReLU(6.0)(x)
            return keras.Model(inputs, x)

        model = build()
        """,
        _UNSUPPORTED,
    ),
    _fixed(
        "QL201",
        "nested calls, names imported",
        """
        import tensorflow as tf
        from tensorflow.keras import Input, Model
        from tensorflow.keras.layers import Conv2D, Dense, Flatten

        inputs = Input((8, 8, 3))
        model = Model(inputs, Dense(3)(Flatten()(Conv2D(4, 3, activation="relu6")(inputs))))
        """,
        """
        import tensorflow as tf
        from tensorflow.keras import Input, Model
        from tensorflow.keras.layers import Conv2D, Dense, Flatten, ReLU

        inputs = Input((8, 8, 3))
        model = Model(inputs, Dense(3)(Flatten()(ReLU(6.0)(Conv2D(4, 3)(inputs)))))
        """,
        _UNSUPPORTED,
    ),
    _fixed(
        "QL201",
        "helper function, whole path",
        """
        import tensorflow as tf

        def conv(x, filters):
            return tf.keras.layers.Conv2D(filters, 3, activation=tf.nn.relu6)(x)

        inputs = tf.keras.Input((8, 8, 3))
        model = tf.keras.Model(inputs, conv(conv(inputs, 4), 8))
        """,
        """
        import tensorflow as tf

        def conv(x, filters):
            return tf.keras.layers.ReLU(6.0)(tf.keras.layers.Conv2D(filters, 3)(x))

        inputs = tf.keras.Input((8, 8, 3))
        model = tf.keras.Model(inputs, conv(conv(inputs, 4), 8))
        """,
        _UNSUPPORTED,
    ),
    _fixed(
        "QL201",
        "helper function, the activation is a parameter",
        """
        def conv(x, filters, activation="relu6"):
            x = layers.Conv2D(
                filters,
                3,
                activation=activation,
            )(x)
            return x

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, conv(conv(inputs, 4), 8, tf.nn.relu6))
        """,
        """
        def conv(x, filters, activation="relu6"):
            x = layers.Conv2D(
                filters,
                3,
            )(x)
            x = layers.Activation(activation)(x)
            return x

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, conv(conv(inputs, 4), 8, tf.nn.relu6))
        """,
        _UNSUPPORTED,
    ),
    _fixed(
        "QL104",
        "sequential",
        """
        model = keras.Sequential([
            layers.InputLayer(input_shape=(8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.ReLU(max_value=6.0),  # again
            layers.Conv2D(4, 3),
            layers.ReLU(6.0),
            layers.ReLU(),  # and again
        ])
        """,
        """
        model = keras.Sequential([
            layers.InputLayer(input_shape=(8, 8, 3)),
            layers.Conv2D(4, 3),
            layers.ReLU(max_value=6.0),  # again
            layers.Conv2D(4, 3),
            layers.ReLU(6.0),
            # and again
        ])
        """,
        _STACKED,
    ),
    _fixed(
        "QL104",
        "add",
        """
        model = keras.Sequential()
        model.add(layers.Conv2D(4, 3, activation="relu6", input_shape=(8, 8, 3)))
        model.add(layers.Activation("relu"))
        model.add(layers.Flatten())
        """,
        """
        model = keras.Sequential()
        model.add(layers.Conv2D(4, 3, activation="relu6", input_shape=(8, 8, 3)))
        model.add(layers.Flatten())
        """,
        settings("QL104", NEWEST, workflows=("ptq",)),
    ),
    _fixed(
        "QL104",
        "functional",
        """
        def build():
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(
                4,
                3,
                activation="relu",
            )(inputs)
            x = layers.ReLU(6.0)(x)
            x = layers.Conv2D(4, 3)(x)
            x = layers.ReLU()(x)
            x = layers.ReLU()(x)
            return keras.Model(inputs, x)

        model = build()
        """,
        """
        def build():
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(
                4,
                3,
            )(inputs)
            x = layers.ReLU(6.0)(x)
            x = layers.Conv2D(4, 3)(x)
            x = layers.ReLU()(x)
            return keras.Model(inputs, x)

        model = build()
        """,
        _STACKED,
    ),
    _fixed(
        "QL104",
        "nested calls",
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.ReLU(6.0)(layers.Activation("relu")(layers.Conv2D(4, 3)(inputs)))
        model = keras.Model(inputs, x)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.ReLU(6.0)(layers.Conv2D(4, 3)(inputs))
        model = keras.Model(inputs, x)
        """,
        _STACKED,
    ),
    _fixed(
        "QL104",
        "subclassed",
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3)
                self.relu = layers.ReLU()
                self.clip = layers.ReLU(6.0)

            def call(self, x):
                x = self.conv(x)
                x = self.relu(x)
                x = self.clip(x)
                return x

        model = Net()
        """,
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3)
                self.clip = layers.ReLU(6.0)

            def call(self, x):
                x = self.conv(x)
                x = self.clip(x)
                return x

        model = Net()
        """,
        settings("QL104", NEWEST, workflows=("ptq",)),
    ),
    _fixed(
        "QL104",
        "helper function",
        """
        def block(x, filters):
            x = layers.Conv2D(filters, 3, activation="relu")(x)
            return layers.ReLU(6.0)(x)

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, block(block(inputs, 4), 8))
        """,
        """
        def block(x, filters):
            x = layers.Conv2D(filters, 3)(x)
            return layers.ReLU(6.0)(x)

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, block(block(inputs, 4), 8))
        """,
        _STACKED,
    ),
    _fixed(
        "QL102",
        "sequential",
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, input_shape=(8, 8, 3)),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(5),
            layers.Activation("relu", name="top"),
        ])
        """,
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, input_shape=(8, 8, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(5, activation="relu"),
        ])
        """,
        _STANDALONE_05,
    ),
    _fixed(
        "QL102",
        "add",
        """
        model = keras.Sequential()
        model.add(layers.Conv2D(
            4,
            3,
            input_shape=(8, 8, 3),  # images
        ))
        model.add(layers.ReLU())
        model.add(layers.Flatten())
        """,
        """
        model = keras.Sequential()
        model.add(layers.Conv2D(
            4,
            3,
            input_shape=(8, 8, 3),  # images
            activation="relu",
        ))
        model.add(layers.Flatten())
        """,
        _STANDALONE_05,
    ),
    _fixed(
        "QL102",
        "functional, TensorFlow functions",
        """
        def build():
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3)(inputs)
            x = tf.nn.relu6(x)
            x = layers.Conv2D(4, 3)(x)
            x = layers.BatchNormalization()(x)
            x = tf.nn.relu(x, name="out")
            return keras.Model(inputs, x)

        model = build()
        """,
        """
        def build():
            inputs = keras.Input((8, 8, 3))
            x = layers.Conv2D(4, 3)(inputs)
            x = layers.ReLU(6.0)(x)
            x = layers.Conv2D(4, 3)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU(name="out")(x)
            return keras.Model(inputs, x)

        model = build()
        """,
        _STANDALONE,
    ),
    _fixed(
        "QL102",
        "nested calls",
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.Flatten()(tf.nn.relu6(layers.Conv2D(4, 3)(inputs)))
        model = keras.Model(inputs, x)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.Flatten()(layers.ReLU(6.0)(layers.Conv2D(4, 3)(inputs)))
        model = keras.Model(inputs, x)
        """,
        _STANDALONE,
    ),
    _fixed(
        "QL102",
        "helper function",
        """
        def relu6(x):
            return tf.nn.relu6(x)

        inputs = keras.Input((8, 8, 3))
        x = relu6(layers.Conv2D(4, 3)(inputs))
        x = relu6(layers.Conv2D(4, 3)(x))
        model = keras.Model(inputs, x)
        """,
        """
        def relu6(x):
            return layers.ReLU(6.0)(x)

        inputs = keras.Input((8, 8, 3))
        x = relu6(layers.Conv2D(4, 3)(inputs))
        x = relu6(layers.Conv2D(4, 3)(x))
        model = keras.Model(inputs, x)
        """,
        _STANDALONE,
    ),
    _fixed(
        "QL102",
        "layers in variables",
        """
        conv = layers.Conv2D(4, 3)
        relu = layers.ReLU()

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, relu(conv(inputs)))
        """,
        """
        conv = layers.Conv2D(4, 3, activation="relu")

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, conv(inputs))
        """,
        _STANDALONE_05,
    ),
    _fixed(
        "QL203",
        "functions of all kinds",
        """
        inputs = keras.Input((8, 8, 3))
        a = layers.Conv2D(4, 3)(inputs)
        b = layers.Conv2D(4, 3)(inputs)
        x = a + b
        x = tf.add(x, b, name="sum")
        x = tf.concat([x, (a)], axis=-1)
        x = tf.concat(values=[x, a], axis=3)
        x = tf.pad(x, [[0, 0], [1, 1], [0, 2], [0, 0]])
        x = tf.nn.max_pool2d(x, 2, 2, "SAME")
        x = tf.nn.avg_pool2d(x, ksize=2, strides=1, padding="VALID")
        x = tf.image.resize(x, (6, 6))
        x = tf.image.resize(x, (12, 6), method="nearest")
        x = tf.nn.relu(x)
        x = tf.nn.softmax(tf.reduce_mean(x, axis=[1, 2]))
        x = tf.reshape(x, [-1, 3, 2, 2])  # as Reshape it would cost ops of its own
        x = tf.reduce_max(x, [1, 2], keepdims=True)
        model = keras.Model(inputs, x)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        a = layers.Conv2D(4, 3)(inputs)
        b = layers.Conv2D(4, 3)(inputs)
        x = layers.Add()([a, b])
        x = layers.Add(name="sum")([x, b])
        x = layers.Concatenate(axis=-1)([x, (a)])
        x = layers.Concatenate(axis=3)([x, a])
        x = layers.ZeroPadding2D(((1, 1), (0, 2)))(x)
        x = layers.MaxPooling2D(2, strides=2, padding="same")(x)
        x = layers.AveragePooling2D(2, strides=1, padding="valid")(x)
        x = layers.UpSampling2D((2, 2), interpolation="bilinear")(x)
        x = layers.UpSampling2D((2, 1))(x)
        x = layers.ReLU()(x)
        x = layers.Softmax()(layers.GlobalAveragePooling2D()(x))
        x = tf.reshape(x, [-1, 3, 2, 2])  # as Reshape it would cost ops of its own
        x = layers.GlobalMaxPooling2D(keepdims=True)(x)
        model = keras.Model(inputs, x)
        """,
        settings("QL203", NEWEST),
    ),
    _fixed(
        "QL203",
        "operators, nested and in helper functions",
        """
        from tensorflow.keras import Input, Model
        from tensorflow.keras.layers import Conv2D

        def residual(x, filters):
            y = Conv2D(filters, 3, padding="same")(x)
            return Conv2D(filters, 1)(y + (
                Conv2D(filters, 1)(x)
            ))

        inputs = Input((8, 8, 3))
        model = Model(inputs, residual(residual(inputs, 4), 8))
        """,
        """
        from tensorflow.keras import Input, Model
        from tensorflow.keras.layers import Add, Conv2D

        def residual(x, filters):
            y = Conv2D(filters, 3, padding="same")(x)
            return Conv2D(filters, 1)(Add()([y, Conv2D(filters, 1)(x)]))

        inputs = Input((8, 8, 3))
        model = Model(inputs, residual(residual(inputs, 4), 8))
        """,
        settings("QL203", NEWEST),
    ),
    _fixed(
        "QL107",
        "functional and in a list",
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, input_shape=(8, 8, 3)),
            layers.ReLU(negative_slope=0.1, name="leak"),
        ])
        """,
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, input_shape=(8, 8, 3)),
            layers.LeakyReLU(0.1, name="leak"),
        ])
        """,
        settings("QL107", NEWEST),
    ),
    _fixed(
        "QL108",
        "functional",
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.Conv2D(4, 3)(inputs)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D()(x)
        x = layers.ReLU()(x)
        x = layers.Conv2D(4, 3)(x)
        x = layers.ZeroPadding2D(2)(x)
        x = layers.ReLU(6.0)(x)
        x = layers.Conv2D(4, 3)(x)
        model = keras.Model(inputs, x)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.Conv2D(4, 3)(inputs)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
        x = layers.Conv2D(4, 3)(x)
        x = layers.ReLU(6.0)(x)
        x = layers.ZeroPadding2D(2)(x)
        x = layers.Conv2D(4, 3)(x)
        model = keras.Model(inputs, x)
        """,
        settings("QL108", NEWEST),
    ),
    _fixed(
        "QL108",
        "sequential and subclassed",
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3)
                self.pad = layers.ZeroPadding2D()
                self.relu = layers.ReLU()
                self.head = keras.Sequential([
                    layers.Conv2D(4, 3),
                    layers.UpSampling2D(),  # twice the size
                    layers.ReLU(),  # clip
                ])

            def call(self, x):
                return self.head(self.relu(self.pad(self.conv(x))))

        model = Net()
        """,
        """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = layers.Conv2D(4, 3)
                self.pad = layers.ZeroPadding2D()
                self.relu = layers.ReLU()
                self.head = keras.Sequential([
                    layers.Conv2D(4, 3),
                    layers.ReLU(),  # clip
                    layers.UpSampling2D(),  # twice the size
                ])

            def call(self, x):
                return self.head(self.pad(self.relu(self.conv(x))))

        model = Net()
        """,
        settings("QL108", NEWEST, workflows=("ptq",)),
    ),
    _fixed(
        "QL109",
        "functional",
        """
        inputs = keras.Input((8, 8, 3))
        a = layers.Conv2D(4, 3)(inputs)
        x = layers.Concatenate()([a, layers.Conv2D(4, 3)(inputs)])
        x = layers.ReLU(6.0)(x)
        x = layers.Conv2D(4, 3)(x)
        model = keras.Model(inputs, x)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        a = layers.Conv2D(4, 3)(inputs)
        a = layers.ReLU(6.0)(a)
        x = layers.Concatenate()([a, layers.ReLU(6.0)(layers.Conv2D(4, 3)(inputs))])
        x = layers.Conv2D(4, 3)(x)
        model = keras.Model(inputs, x)
        """,
        settings("QL109", NEWEST),
    ),
    _fixed(
        "QL113",
        "add",
        """
        model = keras.Sequential()
        model.add(layers.Conv2D(4, 3, activation="swish", input_shape=(8, 8, 3)))
        model.add(layers.Flatten())
        """,
        """
        model = keras.Sequential()
        model.add(layers.Conv2D(4, 3, input_shape=(8, 8, 3)))
        model.add(layers.Activation("swish"))
        model.add(layers.Flatten())
        """,
        settings("QL113", NEWEST),
    ),
    _fixed(
        "QL103",
        "sequential",
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, input_shape=(8, 8, 3)),
            layers.BatchNormalization(fused=True),
            layers.ReLU(),
        ])
        """,
        """
        model = keras.Sequential([
            layers.Conv2D(4, 3, input_shape=(8, 8, 3)),
            layers.BatchNormalization(),
            layers.ReLU(),
        ])
        """,
        settings("QL103", KERAS_3, workflows=("ptq",)),
    ),
    _fixed(
        "QL103",
        "functional, the slow form",
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.Conv2D(4, 3)(inputs)
        x = layers.BatchNormalization(
            momentum=0.9,
            fused=False,  # slow
        )(x)
        model = keras.Model(inputs, x)
        """,
        """
        inputs = keras.Input((8, 8, 3))
        x = layers.Conv2D(4, 3)(inputs)
        x = layers.BatchNormalization(
            momentum=0.9,
            # slow
        )(x)
        model = keras.Model(inputs, x)
        """,
        settings("QL103", KERAS_3, workflows=("ptq",)),
    ),
]
