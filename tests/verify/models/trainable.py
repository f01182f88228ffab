"""Small classifiers in forms that do not fuse when quantized in training, and in forms that do."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

try:
    import tf_keras as keras
except ImportError:
    keras = tf.keras

layers = keras.layers
SHAPE, CLASSES = (12, 12, 3), 5


def classifier(block, dense=None):
    inputs = layers.Input(SHAPE)
    x = block(inputs, 8)
    x = layers.MaxPooling2D()(x)
    x = block(x, 16)
    x = layers.Flatten()(x)
    if dense is not None:
        x = dense(x)
    return keras.Model(inputs, layers.Dense(CLASSES)(x))


def relu():
    return classifier(lambda x, filters: layers.ReLU()(layers.Conv2D(filters, 3)(x)))


def relu_fused():
    return classifier(lambda x, filters: layers.Conv2D(filters, 3, activation="relu")(x))


def relu6():
    return classifier(lambda x, filters: layers.ReLU(6.0)(layers.Conv2D(filters, 3)(x)))


def relu6_fused():
    def block(x, filters):
        x = layers.BatchNormalization()(layers.Conv2D(filters, 3)(x))
        return layers.ReLU(6.0)(x)

    return classifier(block)


def stacked():
    def block(x, filters):
        return layers.ReLU(6.0)(layers.Conv2D(filters, 3, activation="relu")(x))

    return classifier(block)


def silu():
    return classifier(lambda x, filters: layers.Conv2D(filters, 3, activation="silu")(x))


def silu_fused():
    def block(x, filters):
        return layers.Activation("swish")(layers.Conv2D(filters, 3)(x))

    return classifier(block)


def batchnorm():
    def dense(x):
        return layers.ReLU()(layers.BatchNormalization()(layers.Dense(16)(x)))

    return classifier(lambda x, filters: layers.Conv2D(filters, 3, activation="relu")(x), dense)


def batchnorm_fused():
    def dense(x):
        return layers.Dense(16, activation="relu")(x)

    return classifier(lambda x, filters: layers.Conv2D(filters, 3, activation="relu")(x), dense)


def residual_of(activation):
    """Two blocks around which the input goes, the second one with a convolution of its own."""
    inputs = layers.Input(SHAPE)
    x = activation(layers.Conv2D(8, 3, padding="same")(inputs))
    y = activation(layers.Conv2D(8, 3, padding="same")(x))
    x = activation(layers.Add()([x, layers.Conv2D(8, 3, padding="same")(y)]))
    y = activation(layers.Conv2D(16, 3, strides=2, padding="same")(x))
    y = layers.Conv2D(16, 3, padding="same")(y)
    x = activation(layers.Add()([layers.Conv2D(16, 1, strides=2)(x), y]))
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.Flatten()(x)))


def residual():
    return residual_of(lambda x: layers.ReLU(6.0)(layers.ReLU()(x)))


def residual_fused():
    return residual_of(lambda x: layers.ReLU(6.0)(x))


def two_outputs_of(block):
    """A trunk with two heads, trained on the same labels."""
    inputs = layers.Input(SHAPE)
    x = layers.MaxPooling2D()(block(inputs, 8))
    heads = [layers.Flatten()(block(x, filters)) for filters in (8, 16)]
    return keras.Model(inputs, [layers.Dense(CLASSES)(head) for head in heads])


def two_outputs():
    return two_outputs_of(
        lambda x, filters: layers.ReLU(6.0)(layers.Conv2D(filters, 3, activation="relu")(x))
    )


def two_outputs_fused():
    return two_outputs_of(lambda x, filters: layers.ReLU(6.0)(layers.Conv2D(filters, 3)(x)))


def other_width():
    inputs = layers.Input(SHAPE)
    x = layers.Conv2D(7, 3, activation="relu")(inputs)
    x = layers.Conv2D(16, 3, activation="relu")(layers.MaxPooling2D()(x))
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.Flatten()(x)))


def other_function():
    inputs = layers.Input(SHAPE)
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    x = layers.Conv2D(16, 3)(layers.MaxPooling2D()(x))
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.Flatten()(x)))


def examples(count, seed):
    """Noisy copies of one pattern per class."""
    patterns = np.random.RandomState(0).randn(CLASSES, *SHAPE)
    random = np.random.RandomState(seed)
    labels = random.randint(0, CLASSES, count)
    noisy = patterns[labels] + 1.5 * random.randn(count, *SHAPE)
    return noisy.astype("float32"), labels


def train(build):
    """A model of `build`, trained in float and then as `quantize_model` makes it."""
    import tensorflow_model_optimization as tfmot

    keras.backend.clear_session()
    keras.backend.set_floatx("float32")
    tf.random.set_seed(0)
    inputs, labels = examples(512, 1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = build()
    model.compile(keras.optimizers.Adam(2e-3), loss)
    targets = [labels] * len(model.outputs)
    model.fit(inputs, targets, epochs=3, batch_size=32, verbose=0)
    model = tfmot.quantization.keras.quantize_model(model)
    model.compile(keras.optimizers.Adam(5e-4), loss)
    model.fit(inputs, targets, epochs=4, batch_size=8, verbose=0)
    inputs, labels = examples(256, 2)
    for output in tf.nest.flatten(model.predict(inputs, verbose=0)):
        print(build.__name__, "accuracy", np.mean(output.argmax(axis=-1) == labels))
    return model


def main(folder, *names):
    for name in names:
        model = train(globals()[name])
        model.save(str(Path(folder) / (name + ".h5")))
        if name == names[0]:
            model.save(str(Path(folder) / (name + "_saved")))
            model.save_weights(str(Path(folder) / (name + ".weights.h5")))
    np.save(str(Path(folder) / "data.npy"), examples(64, 2)[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
