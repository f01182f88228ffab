"""Builders in every style, each with lines that the tests name in comments."""

import numpy as np
import tf_keras as keras
from tf_keras import layers


def good():
    inputs = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(inputs)  # conv
    x = layers.BatchNormalization()(x)  # bn
    x = layers.ReLU(6.0)(x)  # relu
    x = layers.Flatten()(x)  # flatten
    return keras.Model(inputs, layers.Dense(2, activation="softmax")(x))  # dense


def separable():
    inputs = layers.Input((8, 8, 3))
    x = layers.SeparableConv2D(4, 3, use_bias=False)(inputs)  # separable
    x = layers.BatchNormalization()(x)  # separable bn
    x = layers.ReLU()(x)  # separable relu
    x = layers.Conv2D(4, 3)(x)  # behind separable
    return keras.Model(inputs, x)


def loop():
    x = inputs = layers.Input((16, 16, 3))
    for filters in (4, 8):
        x = block(x, filters)  # call
    return keras.Model(inputs, x)


def block(x, filters):
    x = layers.Conv2D(filters, 3)(x)  # block conv
    x = layers.ReLU()(x)  # block relu
    return layers.BatchNormalization()(x)  # block bn


def tower():
    """The same lines make every layer but the last, and none has a name."""
    x = inputs = layers.Input((8, 8, 4))
    for _ in range(3):
        y, x = x, layers.Conv2D(4, 3, padding="same")(x)  # tower conv
        x = layers.BatchNormalization()(x)  # tower bn
        x = layers.ReLU()(x)  # tower relu
    x = layers.Add()([x, y])  # tower add
    x = layers.ReLU(6.0)(x)  # tower end
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(x))  # tower pool


def nested():
    backbone = keras.Sequential(
        [
            layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)),  # nested conv
            layers.MaxPooling2D(),  # nested pool
        ],
        name="backbone",
    )
    inputs = layers.Input((8, 8, 3))
    x = backbone(inputs)
    x = layers.GlobalAveragePooling2D()(x)  # head pool
    return keras.Model(inputs, layers.Dense(2)(x))  # head dense


def shared():
    inputs = layers.Input((8, 8, 4))
    conv = layers.Conv2D(4, 3, padding="same")  # shared conv
    x = layers.ReLU()(conv(inputs))  # first relu
    x = layers.ReLU(6.0)(conv(x))  # second relu
    return keras.Model(inputs, x)


class Gate(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.conv = layers.Conv2D(filters, 1)  # gate conv
        self.act = layers.Activation("sigmoid")  # gate act

    def call(self, x):
        return x * self.act(self.conv(x))  # gate times


def own_layer():
    inputs = layers.Input((8, 8, 4))
    x = layers.Conv2D(4, 3)(inputs)  # outer conv
    return keras.Model(inputs, layers.MaxPooling2D()(Gate(4)(x)))  # outer pool


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.conv = layers.Conv2D(4, 3)  # net conv
        self.bn = layers.BatchNormalization()  # net bn
        self.pool = layers.GlobalAveragePooling2D()  # net pool
        self.out = layers.Dense(2)  # net dense

    def call(self, x):
        return self.out(self.pool(self.bn(self.conv(x))))


def subclassed():
    model = Net()
    model(np.zeros((1, 8, 8, 3), "float32"))
    return model


def two_ends():
    inputs = layers.Input((8, 8, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))  # trunk
    left = layers.Dense(2, name="left")(x)  # left
    right = layers.ReLU(name="right")(layers.Dense(3)(x))  # right
    return keras.Model(inputs, [left, right])


def float_island():
    inputs = layers.Input((8, 8, 3))
    x = layers.ELU()(layers.Conv2D(4, 3)(inputs))  # elu
    return keras.Model(inputs, x)


def stacked():
    inputs = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu")(inputs)  # stacked conv
    return keras.Model(inputs, layers.ReLU(6.0)(x))  # stacked relu


def talkative():
    print("printed by the builder")
    return good()


model = stacked()
