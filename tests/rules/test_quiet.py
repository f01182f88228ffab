"""Code of public packages about which nothing is to be said, cut down."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from qlsp.linter import lint
from qlsp.lower import LayerLowering, Outcome
from qlsp.rules.cells import Cell
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.qat.tensor_op import TensorOpInModel
from qlsp.source.document import Document
from qlsp.trace import Project
from qlsp.trace.graph import LayerGraph, Node, Style
from tests.rules.support import KERAS_3, NEWEST, dedent, found, settings

NodeKind = Literal["input", "layer", "op", "opaque"]

TRAINING_STEP = """
    import tensorflow as tf
    from tensorflow.keras import layers

    def make_generator():
        model = tf.keras.Sequential()
        model.add(layers.Dense(64, input_shape=(100,)))
        model.add(layers.ReLU())
        return model

    generator = make_generator()
    critic = tf.keras.Sequential([layers.Dense(1)])
    image = generator(tf.random.normal([1, 100]), training=False)
    decision = critic(image)

    @tf.function
    def train_step(images):
        fakes = generator(tf.random.normal([32, 100]), training=True)
        return tf.reduce_mean(critic(fakes)) - tf.reduce_mean(critic(images))
"""
"""The DCGAN tutorial of TensorFlow."""

SUM_OF_LISTS = """
    from tensorflow.keras import layers

    def up(x, skips):
        x = layers.UpSampling2D()(x)
        return layers.Concatenate()([x] + skips)
"""
"""keras-unet-collection."""

LAYER_OR_ITS_MAKER = """
    from other import is_maker
    from tensorflow import keras
    from tensorflow.keras import layers

    def activation_of(given):
        if is_maker(given):
            return given()
        return given

    class Block(layers.Layer):
        def __init__(self, given):
            super().__init__()
            self.conv = layers.Conv2D(8, 3)
            self.activation = activation_of(given)

        def call(self, x):
            return self.activation(self.conv(x))

    def build(name):
        inputs = keras.Input((8, 8, 3))
        x = Block(layers.ReLU())(inputs)
        if name:
            x = layers.Dense(3)(x)
            return keras.Model(inputs, x)
"""
"""tf2cv."""

TRAINED_BY_DEFAULT = """
    from tensorflow import keras

    class Voxels:
        def __init__(self):
            self.norm = keras.layers.BatchNormalization()

        def call(self, x, training=True):
            return self.norm(x, training=training)
"""
"""keras-cv."""


KERAS_OF_EITHER_KIND = """
    import tensorflow as tf

    version = int(tf.__version__.split(".")[0])
    if version == 1:
        from keras.layers import Conv2D, Input
        from keras.models import Model
    else:
        from tensorflow.keras.layers import Conv2D, Input
        from tensorflow.keras.models import Model

    def build():
        inputs = Input((8, 8, 3))
        return Model(inputs, tf.abs(Conv2D(4, 3)(inputs)))
"""
"""retina-face."""

SHARED_WITH_A_NESTED_MODEL = """
    from tensorflow import keras
    from tensorflow.keras import layers

    def build():
        inputs = keras.Input((8,))
        x = layers.Dense(4)(inputs)
        critic = keras.Model(inputs, layers.Dense(1)(x))
        state = keras.Input((8,))
        return critic(layers.ReLU()(state))
"""
"""keras-rl2."""


AUGMENTATION = """
    from tensorflow import keras

    def augment(dataset):
        change = keras.Sequential([
            keras.layers.RandomRotation(0.05),
            keras.layers.Rescaling(1 / 255),
        ])
        return dataset.map(lambda x, y: (change(x, training=True), y))
"""
"""akida-models."""

ANNOTATED_WHILE_CLONED = """
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot

    def annotate(layer):
        if isinstance(layer, tf.keras.layers.Conv2D):
            return tfmot.quantization.keras.quantize_annotate_layer(layer)
        return layer

    def build():
        inputs = tf.keras.Input((8, 8, 3))
        x = tf.keras.layers.Conv2D(3, 1)(inputs)
        return tf.keras.Model(inputs, tf.keras.layers.Multiply()([x, inputs]))

    cloned = tf.keras.models.clone_model(build(), clone_function=annotate)
    model = tfmot.quantization.keras.quantize_apply(cloned)
"""
"""A U-Net that is annotated in part."""

RECURRENT_STEPS_UNROLLED = """
    import tensorflow as tf

    def build():
        inputs = tf.keras.Input((30, 13))
        return tf.keras.Model(inputs, tf.keras.layers.GRU(16, unroll=True)(inputs))
"""
"""Converted with TF 2.21, Keras 2 and 3."""

RECURRENT_WITHIN_A_HELPER = """
    from tensorflow.keras import layers

    def smooth(x):
        return layers.Bidirectional(layers.LSTM(250, return_sequences=True))(x)
"""
"""spleeter. With a batch of one it converts with TF 2.21 and Keras 2."""

RELU_BEFORE_A_LOOP = """
    from tensorflow import keras
    from tensorflow.keras import layers

    def build():
        inputs = keras.Input((32, 32, 3), batch_size=1)
        x = shortcut = layers.Activation("relu")(layers.Conv2D(8, 3, padding="same")(inputs))
        x = layers.Activation("relu")(x)
        x = layers.SeparableConv2D(8, 3, padding="same")(x)
        return keras.Model(inputs, layers.add([x, layers.Conv2D(8, 1)(shortcut)]))
"""
"""Xception, as keras.io has it: after training the second activation is gone."""

NOISE_FOR_FLOAT16 = """
    import numpy as np
    import tensorflow as tf

    def representative_data():
        for _ in range(100):
            yield [np.random.randn(1, 256, 256, 3).astype(np.float32)]

    converter = tf.lite.TFLiteConverter.from_saved_model("exported")
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_data
    converter.target_spec.supported_types = [tf.float16]
    model = converter.convert()
"""
"""A detector of faked faces. The data is not read."""

IMAGES_OF_ANY_SIZE = """
    import keras
    from keras import layers

    def build():
        inputs = keras.Input((None, None, 3))
        x = layers.UpSampling2D()(layers.Conv2D(8, 3, strides=2, padding="same")(inputs))
        return keras.Model(inputs, layers.Conv2D(3, 1)(layers.Concatenate()([x, inputs])))
"""
"""imageai. With TF 2.21 and Keras 3 it does not convert, whatever the batch."""

RESHAPED_IMAGES_OF_ANY_SIZE = """
    import tensorflow as tf
    from tensorflow import keras
    from tensorflow.keras import layers

    def build():
        inputs = keras.Input((None, None, 6))
        x = layers.Conv2D(8, 3)(inputs)
        return keras.Model(inputs, tf.reshape(x, tf.concat([tf.shape(x)[:3], [2, 4]], 0)))
"""
"""imageai. The shape is computed with a fixed batch, too."""

A_LAYER_PER_CHANNEL = """
    from tensorflow import keras
    from tensorflow.keras import layers

    def build(shape):
        x = inputs = keras.Input(shape)
        for channel in range(shape[-1]):
            x = layers.Lambda(lambda y: y * 2)(x)
        return keras.Model(inputs, x)
"""
"""n2v."""


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        (NOISE_FOR_FLOAT16, "QL3"),
        (RESHAPED_IMAGES_OF_ANY_SIZE, "QL111"),
        (AUGMENTATION, "QL2"),
        (ANNOTATED_WHILE_CLONED, "QL2"),
        (RECURRENT_STEPS_UNROLLED, "QL115"),
        (TRAINING_STEP, "QL2"),
        (SUM_OF_LISTS, "QL203"),
        (LAYER_OR_ITS_MAKER, "QL2"),
        (TRAINED_BY_DEFAULT, "QL207"),
        (SHARED_WITH_A_NESTED_MODEL, "QL202"),
    ],
)
def test_nothing_is_found(source: str, rules: str) -> None:
    every = found(source, settings("ALL", NEWEST, KERAS_3))
    told = [each for each in every if each.code.startswith(rules)]
    assert [each.message for each in told if "your layer" not in each.message] == []


def test_a_function_that_keras_3_may_bring(tmp_path: Path) -> None:
    """`keras.ops` under one condition, TensorFlow's functions under another."""
    (tmp_path / "functions.py").write_text("import tensorflow as tf\nrepeat = tf.repeat\n")
    (tmp_path / "ops.py").write_text(
        "from elsewhere import keras_3\nif keras_3():\n    from keras.ops import *\n"
        "else:\n    from functions import *\n"
    )
    source = """
        import keras
        import ops

        def build():
            x = inputs = keras.Input((8, 8, 3))
            x = keras.layers.Conv2D(8, 3)(x)
            return keras.Model(inputs, ops.repeat(x, 2, axis=1))
    """
    document = Document(str(tmp_path / "model.py"), dedent(source))
    assert lint(document, settings("QL203", KERAS_3), Project(tmp_path)) == []


def test_a_helper_that_is_not_told_what_to_make(tmp_path: Path) -> None:
    """akida-models: an activation by its name, which is not known."""
    (tmp_path / "helpers.py").write_text(
        "import tensorflow as tf\nfrom tensorflow.keras import layers\n\n\n"
        "def activation_of(name):\n    if name == 'gelu':\n        return tf.nn.gelu\n"
        "    return layers.ReLU()\n"
    )
    source = """
        from tensorflow import keras
        from helpers import activation_of
        from elsewhere import chosen

        def build():
            inputs = keras.Input((8,))
            x = keras.layers.Dense(4)(inputs)
            return keras.Model(inputs, activation_of(chosen())(x))
    """
    document = Document(str(tmp_path / "model.py"), dedent(source))
    assert lint(document, settings("QL203", NEWEST), Project(tmp_path)) == []


def test_the_same_activation_twice_is_told_for_training_only() -> None:
    (one,) = found(RELU_BEFORE_A_LOOP, settings("QL104", NEWEST))
    assert "qat keeps RELU" in one.message
    assert "ptq" not in one.message


def test_a_batch_that_is_not_known_may_have_a_fixed_size() -> None:
    chosen = settings("QL115", NEWEST, workflows=("ptq",))
    assert found(RECURRENT_WITHIN_A_HELPER, chosen) == []


def test_upsampling_of_images_of_any_size_is_not_said_to_convert() -> None:
    chosen = settings("ALL", KERAS_3, workflows=("ptq",))
    assert found(IMAGES_OF_ANY_SIZE, chosen) == []
    (batch, chain) = found(IMAGES_OF_ANY_SIZE.replace("None, None", "8, 8"), chosen)
    assert (batch.code, chain.code) == ("QL111", "QL116")


def test_layers_of_a_loop_of_unknown_length_are_not_counted() -> None:
    (one,) = found(A_LAYER_PER_CHANNEL, settings("QL206"))
    assert one.message == "tfmot does not quantize Lambda layers: quantize_model raises"
    (one,) = found(A_LAYER_PER_CHANNEL.replace("shape[-1]", "3"), settings("QL206"))
    assert one.message.endswith("(3 layers)")


def test_an_argument_that_keras_3_refuses_is_told_once() -> None:
    source = """
        from tensorflow import keras
        from tensorflow.keras import layers

        def build():
            inputs = keras.Input((32, 32, 3), batch_size=1)
            x = layers.Conv2D(8, 3)(inputs)
            return keras.Model(inputs, layers.BatchNormalization(fused=True)(x))
    """
    every = found(source, settings("ALL", NEWEST, KERAS_3, workflows=("ptq",)))
    assert [each.code for each in every] == ["QL103"]


def test_keras_of_either_kind_may_be_keras_2() -> None:
    (one,) = found(KERAS_OF_EITHER_KIND, settings("ALL", NEWEST, KERAS_3, workflows=("ptq",)))
    assert (one.code, one.severity.value) == ("QL203", "information")


def test_a_function_of_which_little_is_known_is_refused_by_keras_3_only() -> None:
    source = """
        import tensorflow as tf

        def build():
            inputs = tf.keras.Input((8,))
            x = tf.keras.layers.Dense(4)(inputs)
            return tf.keras.Model(inputs, tf.math.log(x))
    """
    (one,) = found(source, settings("QL203", NEWEST, KERAS_3, workflows=("ptq",)))
    assert "the model can't be converted (Keras 3)" in one.message
    assert one.severity.value == "information"


@pytest.mark.parametrize(("kind", "count"), [("layer", 1), ("opaque", 0)])
def test_what_is_made_of_a_layer_by_other_code_may_be_a_shape(kind: NodeKind, count: int) -> None:
    """`other.int_shape(x)[1]`, as in image-classifiers."""
    image = ("input", "InputLayer", ()), ("layer", "Conv2D", (0,))
    rows: list[tuple[NodeKind, str, tuple[int, ...]]] = [
        *image,
        (kind, "Flatten", (1,)),
        ("op", "operator.getitem", (2,)),
    ]
    nodes = [
        Node(index, each, cls, index, None, {}, inputs, None, None, Style.CALL)
        for index, (each, cls, inputs) in enumerate(rows)
    ]
    graph = LayerGraph("model", "functional", "tf_keras", nodes, outputs=(3,))
    model = LoweredGraph.of(graph, ("qat",), (NEWEST,))
    assert len(list(TensorOpInModel().check(model))) == count


def test_what_keras_3_does_says_nothing_about_keras_2() -> None:
    """keras-cv: of many normalizations only what Keras 3 makes of them is known."""
    graph = LayerGraph("model", "functional", "tf.keras", [])
    model = LoweredGraph.of(graph, ("ptq",), (NEWEST, KERAS_3))
    fate = {Cell("ptq", KERAS_3): LayerLowering(0, Outcome.FLOAT_ISLAND)}
    outcomes = {
        cell.toolchain.keras: layer.outcome for cell, layer in model.over_both_keras(fate).items()
    }
    assert outcomes == {2: Outcome.OWN_OP, 3: Outcome.FLOAT_ISLAND}


def test_a_layer_that_a_class_of_another_library_uses_inside() -> None:
    """TensorLayer: `Base` is not Keras's, and what `__init__` computes is no model."""
    source = """
        import numpy as np
        import tensorflow as tf
        from other.layers import Base

        class Deconvolution(Base):
            def __init__(self, channels, filters=8):
                super().__init__()
                self.layer = tf.keras.layers.Conv3DTranspose(filters, 3)
                self.layer(tf.convert_to_tensor(np.zeros((1, 1, 1, 1, channels)), np.float32))

            def forward(self, inputs):
                return self.layer(inputs)
    """
    assert not found(source, settings("QL202", NEWEST))
