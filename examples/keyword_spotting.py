"""Keyword spotting on a microcontroller: a depthwise-separable Sequential model."""

import tensorflow as tf
from tf_keras import Sequential
from tf_keras.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    InputLayer,
)


def build_model(frames=49, coefficients=10, keywords=12):
    """49 frames of 10 MFCC coefficients to the scores of 12 keywords."""
    return Sequential(
        [
            InputLayer(input_shape=(frames, coefficients, 1)),
            Conv2D(64, (10, 4), strides=(2, 2), padding="same", activation="relu"),
            BatchNormalization(),  # after the activation that hides in Conv2D
            DepthwiseConv2D(3, padding="same", activation=tf.nn.relu6),  # quantize_model refuses
            Conv2D(64, 1, activation="relu6", name="pointwise_1"),
            DepthwiseConv2D(3, padding="same"),
            BatchNormalization(),
            Conv2D(64, 1, activation="relu", name="pointwise_2"),
            Dropout(0.2),
            AveragePooling2D((25, 5)),
            Flatten(),
            Dense(keywords),
        ]
    )


def build_with_add(frames=49, coefficients=10, keywords=12):
    """The same road in the older style."""
    model = Sequential()
    model.add(InputLayer(input_shape=(frames, coefficients, 1)))
    model.add(Conv2D(32, (10, 4), padding="same", activation="relu"))
    model.add(BatchNormalization())
    model.add(Flatten())
    model.add(Dense(keywords))
    return model
