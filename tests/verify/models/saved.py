"""Writes small models in every kind of file into the folder given."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

try:
    import tf_keras as keras
except ImportError:
    keras = tf.keras

layers = keras.layers


def network(last):
    inputs = layers.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(inputs)
    x = layers.ReLU(6.0, name="clamp")(x)
    return keras.Model(inputs, last(layers.Flatten()(x)))


class Module(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(np.random.RandomState(0).randn(3, 3, 3, 4).astype("float32"))

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32, name="image")])
    def __call__(self, image):
        return tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME"))


def frozen(quantized):
    """A graph with fake-quantization behind the activation and on the weights, or without."""
    v1 = tf.compat.v1
    fake = tf.quantization.fake_quant_with_min_max_args if quantized else lambda x, *_: x
    with tf.Graph().as_default() as graph:
        image = v1.placeholder(tf.float32, (1, 8, 8, 3), name="image")
        kernel = np.random.RandomState(0).randn(3, 3, 3, 4).astype("float32") / 5
        x = tf.nn.conv2d(fake(image, -1.0, 1.0), fake(tf.constant(kernel), -1.0, 1.0), 1, "SAME")
        x = tf.nn.relu6(tf.nn.bias_add(x, tf.constant([0.1, 0.2, 0.3, 0.4])))
        tf.identity(fake(x, 0.0, 6.0), name="result")
        return graph.as_graph_def()


class Custom(layers.Layer):
    def call(self, inputs):
        return inputs * 2.0


def keras_3():
    import keras

    inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, keras.layers.Conv2D(4, 3, activation="relu")(inputs))


def main(folder):
    folder = Path(folder)
    network(Custom()).save(str(folder / "custom.h5"))
    keras_3().save(str(folder / "keras_3.keras"))
    plain = network(layers.Dense(3))
    plain.save(str(folder / "plain.h5"))
    plain.save(str(folder / "plain.keras"))
    plain.save(str(folder / "keras_saved"))
    network(layers.Lambda(lambda x: x + 1, name="shift")).save(str(folder / "code.h5"))
    tf.saved_model.save(Module(), str(folder / "module_saved"))
    (folder / "frozen.pb").write_bytes(frozen(False).SerializeToString())
    (folder / "fake_quant.pb").write_bytes(frozen(True).SerializeToString())


if __name__ == "__main__":
    main(*sys.argv[1:])
