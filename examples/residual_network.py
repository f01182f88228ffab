"""A small residual network whose blocks are helper functions."""

import functools

import tf_keras
from tf_keras.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
    ReLU,
)

Conv3x3 = functools.partial(Conv2D, kernel_size=3, padding="same", use_bias=False)


def basic_block(x, filters, downsample=False):
    strides = 2 if downsample else 1
    shortcut = x
    x = Conv3x3(filters, strides=strides, activation="relu")(x)  # activation first: does not fold
    x = BatchNormalization()(x)
    x = Conv3x3(filters)(x)
    x = BatchNormalization()(x)
    if downsample:
        shortcut = Conv2D(filters, 1, strides=2, use_bias=False)(shortcut)
        shortcut = BatchNormalization()(shortcut)
    x = Add()([x, shortcut])
    return Activation("relu")(x)


def head(x, classes):
    x = GlobalAveragePooling2D()(x)
    x = Dense(64, activation="relu")(x)
    x = ReLU(max_value=6.0)(x)  # a second activation on top of the first
    return Dense(classes)(x)


def build_model(classes=10):
    inputs = Input(shape=(64, 64, 3))
    x = Conv2D(16, 7, strides=2, padding="same", use_bias=False)(inputs)
    x = BatchNormalization()(x)
    x = ReLU()(x)
    x = MaxPooling2D(3, strides=2, padding="same")(x)
    for index, filters in enumerate([16, 32, 64]):
        x = basic_block(x, filters, downsample=index > 0)
        x = basic_block(x, filters)
    return tf_keras.Model(inputs, head(x, classes))
