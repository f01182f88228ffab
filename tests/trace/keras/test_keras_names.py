"""Every way in which people reach a Keras symbol gives one canonical name."""

from __future__ import annotations

import pytest

from qlsp.trace.keras.names import resolve

LAYERS = {
    "keras.layers.Conv2D": [
        "tensorflow.keras.layers.Conv2D",
        "tf.keras.layers.Convolution2D",
        "tensorflow.python.keras.layers.Conv2D",
        "tensorflow.python.keras.layers.convolutional.Conv2D",
        "tensorflow.compat.v1.keras.layers.Conv2D",
        "tensorflow._api.v2.compat.v1.keras.layers.Conv2D",
        "tensorflow.contrib.keras.layers.Conv2D",
        "keras.layers.Conv2D",
        "keras.src.layers.convolutional.conv2d.Conv2D",
        "keras.api.layers.Conv2D",
        "keras.api._v2.keras.layers.Conv2D",
        "keras._tf_keras.keras.layers.Conv2D",
        "keras.layers.convolutional.Conv2D",
        "tf_keras.layers.Conv2D",
        "tf_keras.src.layers.convolutional.conv2d.Conv2D",
        "tf_keras.api._v2.keras.layers.Conv2D",
        "tf.compat.v1.layers.Conv2D",
    ],
    "keras.layers.AveragePooling2D": ["keras.layers.AvgPool2D", "tf.keras.layers.AvgPool2D"],
    "keras.layers.GlobalAveragePooling2D": ["tf.keras.layers.GlobalAvgPool2D"],
    "keras.layers.MaxPooling2D": ["tf_keras.layers.MaxPool2D"],
    "keras.layers.Conv2DTranspose": [
        "keras.layers.Deconvolution2D",
        "keras.layers.Convolution2DTranspose",
    ],
    "keras.layers.BatchNormalization": ["keras.layers.BatchNormalizationV2"],
    "keras.layers.Rescaling": ["tf.keras.layers.experimental.preprocessing.Rescaling"],
    "keras.layers.Layer": ["tf_keras.src.engine.base_layer.Layer", "keras.engine.topology.Layer"],
    "tfa.layers.GroupNormalization": ["tensorflow_addons.layers.GroupNormalization"],
    "larq.layers.QuantConv2D": ["larq.layers.QuantConv2D"],
}
OTHERS = {
    ("keras.Model", "model"): [
        "tf.keras.Model",
        "keras.models.Model",
        "tf_keras.src.engine.training.Model",
    ],
    ("keras.Functional", "model"): ["keras.src.models.Functional"],
    ("keras.Sequential", "sequential"): ["tf.keras.models.Sequential", "keras.Sequential"],
    ("keras.Input", "input"): ["tf.keras.layers.Input", "tf.keras.Input", "keras.engine.Input"],
    ("keras.InputSpec", "class"): [
        "tf.keras.layers.InputSpec",
        "keras.InputSpec",
        "keras.engine.InputSpec",
    ],
    ("keras.applications.MobileNetV2", "application"): [
        "tf.keras.applications.MobileNetV2",
        "keras.applications.mobilenet_v2.MobileNetV2",
    ],
    ("keras.applications.resnet50.preprocess_input", "function"): [
        "tf.keras.applications.resnet50.preprocess_input"
    ],
    ("keras.layers.add", "layer_function"): ["keras.layers.add", "keras.layers.merging.add"],
    ("keras.layers", "module"): ["tf.keras.layers", "keras.layers", "keras.src.layers"],
    ("keras", "module"): ["tensorflow.keras", "tf.keras", "tf_keras"],
    ("tf.nn.relu6", "op"): ["tf.nn.relu6", "tensorflow.python.ops.nn_ops.relu6"],
    ("tf.math.reduce_mean", "op"): ["tf.reduce_mean", "tf.compat.v1.reduce_mean"],
    ("tf.reshape", "op"): ["tensorflow.python.ops.array_ops.reshape"],
    ("tf.image.resize_bilinear", "op"): ["tf.compat.v1.image.resize_bilinear"],
    ("tf.float32", "value"): ["tf.float32", "tensorflow.python.framework.dtypes.float32"],
    ("keras.ops.mean", "op"): ["keras.ops.mean", "keras.ops.numpy.mean"],
    ("keras.ops.image.resize", "op"): ["keras.src.ops.image.resize"],
    ("keras.backend.int_shape", "function"): ["tf.keras.backend.int_shape"],
    ("keras.backend.mean", "op"): ["keras.backend.tensorflow_backend.mean"],
    ("tf.layers.conv2d", "layer_function"): ["tf.layers.conv2d", "tf.compat.v1.layers.conv2d"],
    ("slim.conv2d", "op"): [
        "tf_slim.conv2d",
        "tf_slim.layers.conv2d",
        "tensorflow.contrib.slim.conv2d",
        "tensorflow.contrib.layers.conv2d",
        "tensorflow.contrib.layers.python.layers.layers.conv2d",
    ],
    ("slim.arg_scope", "op"): ["tensorflow.contrib.framework.arg_scope", "tf_slim.arg_scope"],
    ("tfmot.quantization.keras.quantize_model", "function"): [
        "tensorflow_model_optimization.quantization.keras.quantize_model",
        "tensorflow_model_optimization.python.core.quantization.keras.quantize.quantize_model",
    ],
}
FLAVOURS = {
    "keras.layers.Dense": "keras3",
    "tf_keras.layers.Dense": "tf_keras",
    "tf.keras.layers.Dense": "tf.keras",
    "tf.layers.dense": "tf1",
    "tf.compat.v1.layers.dense": "tf1",
    "tf_slim.conv2d": "tf1",
    "tf.nn.relu": "tf.keras",
    "tf.compat.v1.nn.relu": "tf1",
}


@pytest.mark.parametrize(
    ("path", "symbol"), [(path, symbol) for symbol, paths in LAYERS.items() for path in paths]
)
def test_layer_classes(path: str, symbol: str) -> None:
    name = resolve(path)
    assert name is not None
    assert (name.symbol, name.kind) == (symbol, "layer")
    assert name.last == symbol.rpartition(".")[2]


@pytest.mark.parametrize(
    ("path", "expected"), [(path, expected) for expected, paths in OTHERS.items() for path in paths]
)
def test_other_symbols(path: str, expected: tuple[str, str]) -> None:
    name = resolve(path)
    assert name is not None
    assert (name.symbol, name.kind) == expected


@pytest.mark.parametrize(("path", "flavour"), FLAVOURS.items())
def test_flavour(path: str, flavour: str) -> None:
    name = resolve(path)
    assert name is not None
    assert name.flavour == flavour


@pytest.mark.parametrize("path", ["numpy.array", "mypackage.keras.layers.Conv2D", "torch.nn", ""])
def test_other_packages_are_not_known(path: str) -> None:
    assert resolve(path) is None
