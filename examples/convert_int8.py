"""Integer quantization of a digit classifier after training, with settings that went wrong."""

import pathlib

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers


def build_model():
    inputs = layers.Input((28, 28, 1))
    x = layers.Conv2D(16, 3, activation="relu")(inputs)
    x = layers.Conv2D(32, 3, strides=2, activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return tf.keras.Model(inputs, layers.Dense(10)(x))


def convert(model, images, path):
    def representative_dataset():
        for image in images[:100]:
            yield image[None].astype(np.float32)  # an array, not a list of arrays

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimisations = [tf.lite.Optimize.DEFAULT]  # no such attribute
    converter.representative_dataset = representative_dataset
    converter.target_spec.supported_ops = tf.lite.OpsSet.TFLITE_BUILTINS_INT8  # not a list
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    pathlib.Path(path).write_bytes(converter.convert())


def main():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (256, 28, 28, 1)) / 255.0
    labels = rng.integers(0, 10, 256)
    model = build_model()
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, labels, verbose=0)
    convert(model, images, "digits_int8.tflite")


if __name__ == "__main__":
    main()
