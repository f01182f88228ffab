"""Quantization-aware training of a curve classifier, from training to the int8 file.

Run it with TF_USE_LEGACY_KERAS=1, as tensorflow-model-optimization needs tf_keras.
"""

import pathlib

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tf_keras import layers

SAMPLES = 64


def build_model(channels=16):
    inputs = layers.Input((SAMPLES, 1, 1))
    x = layers.Conv2D(channels, kernel_size=(4, 1))(inputs)
    x = layers.ReLU()(x)
    x = layers.Conv2D(channels, (4, 1), activation=tf.nn.relu6)(x)  # quantize_model refuses it
    x = layers.Conv2D(channels, (4, 1))(x)
    x = tf.nn.relu6(x)  # not a layer: quantize_model refuses this one too
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(2)(x)
    return tf_keras.Model(inputs, outputs)


def train(curves, labels, epochs=5):
    model = tfmot.quantization.keras.quantize_model(build_model())
    model.compile("adam", tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(curves, labels, epochs=epochs, batch_size=16)
    return model


def convert(model, path):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    pathlib.Path(path).write_bytes(converter.convert())


def main():
    rng = np.random.default_rng(0)
    curves = rng.normal(size=(256, SAMPLES, 1, 1)).astype(np.float32)
    labels = (curves.mean((1, 2, 3)) > 0).astype(np.int32)
    convert(train(curves, labels), "curves_int8.tflite")


if __name__ == "__main__":
    main()
