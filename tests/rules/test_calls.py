"""Rules about calls: what decides them, and what keeps them silent."""

from __future__ import annotations

import pytest

from qlsp.diagnostic import Severity
from qlsp.settings import Settings
from qlsp.toolchain import MEASURED, Toolchain
from tests.rules.support import NEWEST, dedent, fixed, found, settings

TF1 = MEASURED[0]
TF21 = MEASURED[1]
HEADER = """
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

quantize_model = tfmot.quantization.keras.quantize_model


def build():
    inputs = tf.keras.Input((8, 8, 3))
    return tf.keras.Model(inputs, tf.keras.layers.Conv2D(4, 3)(inputs))


def data():
    for image in images:
        yield [image]
"""
FLOAT = "converter = tf.lite.TFLiteConverter.from_keras_model(build())\n"
QUANTIZED = "converter = tf.lite.TFLiteConverter.from_keras_model(quantize_model(build()))\n"
OPTIMIZE = "converter.optimizations = [tf.lite.Optimize.DEFAULT]\n"
DATA = "converter.representative_dataset = data\n"
OPS = "converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n"
IO = "converter.inference_input_type = tf.int8\nconverter.inference_output_type = tf.int8\n"
CONVERT = "tflite = converter.convert()\n"
CALLS = (
    *("QL301", "QL302", "QL303", "QL304", "QL305", "QL306", "QL308", "QL309", "QL310"),
    *("QL211", "QL212", "QL213", "QL214", "QL216", "QL217"),
)


def judged(*toolchains: Toolchain) -> Settings:
    chosen = toolchains or (NEWEST,)
    return Settings(select=CALLS, workflows=("ptq", "qat"), toolchains=chosen)


def codes(source: str, *toolchains: Toolchain) -> list[str]:
    return sorted({each.code for each in found(HEADER + dedent(source), judged(*toolchains))})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (FLOAT + CONVERT, []),
        (FLOAT + OPTIMIZE + CONVERT, ["QL301"]),
        (FLOAT + DATA + CONVERT, ["QL302"]),
        (FLOAT + OPS + CONVERT, ["QL302"]),
        (FLOAT + DATA + OPS + CONVERT, ["QL302"]),
        (FLOAT + OPTIMIZE + OPS + CONVERT, ["QL302"]),
        (FLOAT + DATA + OPS + IO + CONVERT, ["QL302"]),
        (FLOAT + OPTIMIZE + OPS + IO + CONVERT, ["QL302"]),
        (FLOAT + IO + CONVERT, ["QL303"]),
        (FLOAT + OPTIMIZE + IO + CONVERT, ["QL303"]),
        (FLOAT + OPTIMIZE + DATA + CONVERT, []),
        (FLOAT + OPTIMIZE + DATA + IO + CONVERT, []),
        (FLOAT + OPTIMIZE + DATA + OPS + IO + CONVERT, []),
        (QUANTIZED + CONVERT, ["QL310"]),
        (QUANTIZED + DATA + CONVERT, ["QL310"]),
        (QUANTIZED + IO + CONVERT, ["QL310"]),
        (QUANTIZED + OPS + CONVERT, ["QL302"]),
        (QUANTIZED + OPTIMIZE + OPS + CONVERT, ["QL302"]),
        (QUANTIZED + OPTIMIZE + CONVERT, []),
        (QUANTIZED + OPTIMIZE + IO + CONVERT, []),
        (QUANTIZED + OPTIMIZE + DATA + OPS + IO + CONVERT, []),
    ],
)
def test_settings(source: str, expected: list[str]) -> None:
    """One rule at most speaks of a conversion; `evidence/data/settings.json` has what it gives."""
    assert codes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "if unknown:\n    " + OPTIMIZE + CONVERT,
        "import somewhere\n" + OPTIMIZE + "somewhere.configure(converter)\n" + CONVERT,
        "import somewhere\nconverter.optimizations = somewhere.chosen()\n" + CONVERT,
        OPTIMIZE + "for each in unknown:\n    converter.representative_dataset = each\n" + CONVERT,
    ],
)
def test_undecided(source: str) -> None:
    assert codes(FLOAT + source) == []


def test_unknown_model_may_be_quantized() -> None:
    source = (
        "def convert(model):\n    converter = tf.lite.TFLiteConverter.from_keras_model(model)\n"
    )
    assert codes(source + f"    {OPTIMIZE}    {CONVERT}") == []


def test_types_are_ignored_by_old_versions() -> None:
    source = FLOAT + OPTIMIZE + DATA + IO + CONVERT
    assert codes(source, TF21) == ["QL303"]
    assert codes(source, TF21, NEWEST) == []


def test_attributes_of_some_versions() -> None:
    diagnostics = found(HEADER + FLOAT + "converter.target_ops = ops\n" + CONVERT, judged())
    assert [each.severity for each in diagnostics] == [Severity.WARNING]


def test_class_methods_of_tf1() -> None:
    source = "converter = tf.lite.TFLiteConverter.from_session(session, [x], [y])\n"
    assert codes(source, TF1) == []
    assert codes(source) == ["QL308"]


@pytest.mark.parametrize(
    ("attribute", "meant"),
    [
        ("optimisations", "optimizations"),
        ("representative_data", "representative_dataset"),
        ("inference_input_typ", "inference_input_type"),
        ("supported_ops", "target_spec.supported_ops"),
        ("target_spec.supported_op", "target_spec.supported_ops"),
        ("allow_custom_op", "allow_custom_ops"),
    ],
)
def test_misspelt(attribute: str, meant: str) -> None:
    source = HEADER + FLOAT + f"converter.{attribute} = unknown  # as told\n" + CONVERT
    chosen = settings("QL306")
    assert len(found(source, chosen)) == 1
    expected = dedent(source).replace(f"converter.{attribute} =", f"converter.{meant} =")
    assert fixed(source, chosen) == expected


@pytest.mark.parametrize(
    "attribute",
    [
        "allow_custom_ops",
        "experimental_enable_resource_variables",
        "_experimental_lower_tensor_list_ops",
        "_experimental_something_new",
        "target_spec.experimental_select_user_tf_ops",
    ],
)
def test_known_attributes(attribute: str) -> None:
    assert codes(FLOAT + f"converter.{attribute} = True\n" + CONVERT) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("yield image.astype(np.float32)", "yields an array"),
        ("yield tf.cast(image, tf.float32)", "yields an array"),
        ("yield (image,)", "yields a tuple"),
        ("yield [image, label]", "yields 2 arrays for 1 input"),
        ("yield [np.zeros((1, 8, 8, 3))]", "64-bit floats"),
        ("yield [np.zeros((8, 8, 3), np.float32)]", "yields shape (8, 8, 3)"),
        ("yield [np.zeros((1, 9, 8, 3), np.float32)]", "yields shape (1, 9, 8, 3)"),
        ("pass", "gives nothing"),
    ],
)
def test_malformed_data(given: str, problem: str) -> None:
    source = f"def examples():\n    for image, label in images:\n        {given}\n\n"
    source += FLOAT + OPTIMIZE + "converter.representative_dataset = examples\n" + CONVERT
    messages = [each.message for each in found(HEADER + source, judged())]
    assert len(messages) == 1
    assert problem in messages[0]


@pytest.mark.parametrize(
    "given",
    [
        "yield [image]",
        "yield image",
        "yield [image[None]]",
        "yield [np.zeros((4, 8, 8, 3), np.float32)]",
        "yield [np.expand_dims(image, 0).astype(np.float32)]",
        "yield {'image': image}",
        "yield 'serving_default', {'image': image}",
        "yield key, values",
        "yield images[0:1]",
    ],
)
def test_well_formed_data(given: str) -> None:
    source = f"def examples():\n    for image in images:\n        {given}\n\n"
    source += FLOAT + OPTIMIZE + "converter.representative_dataset = examples\n" + CONVERT
    assert codes(source) == []


@pytest.mark.parametrize(
    ("given", "noise"),
    [
        ("np.random.rand(1, 8, 8, 3).astype(np.float32)", True),
        ("tf.random.uniform((1, 8, 8, 3)) * 255.0", True),
        ("np.random.default_rng(0).normal(size=(1, 8, 8, 3)).astype('float32')", True),
        ("images[np.random.randint(9)][None]", False),
        ("(images[0] + np.random.normal(size=(8, 8, 3)))[None].astype(np.float32)", False),
    ],
)
def test_noise(given: str, noise: bool) -> None:
    source = f"def examples():\n    for _ in range(9):\n        sample = {given}\n"
    source += "        yield [sample]\n\n"
    source += FLOAT + OPTIMIZE + "converter.representative_dataset = examples\n" + CONVERT
    assert codes(source) == (["QL305"] if noise else [])


def test_weights_that_are_compared() -> None:
    source = """
        model = build()
        quantized = quantize_model(model)
        model.load_weights("trained.h5")
        quantized.compile("adam", "mse")
        """
    assert codes(source) == ["QL212"]
    assert codes(dedent(source) + "compare(model, quantized)\n") == []


def test_compiled_elsewhere() -> None:
    source = "quantized = quantize_model(build())\n{}quantized.fit(images, labels)\n"
    assert codes(source.format("")) == ["QL216"]
    assert codes("import training\n" + source.format("training.prepare(quantized)\n")) == []
    assert codes(source.format("if unknown:\n    quantized.compile('adam', 'mse')\n")) == []


def test_saved_elsewhere() -> None:
    assert codes("model = tf.keras.models.load_model('quantized.h5')\n" + FLOAT) == []


def test_fix_keeps_comments() -> None:
    source = HEADER + QUANTIZED + "# then\n" + CONVERT
    assert fixed(source, settings("QL310")) == dedent(source).replace(
        "# then\n", OPTIMIZE + "# then\n"
    )


def test_annotations_of_another_model() -> None:
    source = """
        quantization = tfmot.quantization.keras


        class Custom(tf.keras.layers.Layer):
            def get_config(self):
                return {}


        inputs = tf.keras.Input((8,))
        first = quantization.quantize_annotate_layer(tf.keras.layers.Dense(8))(inputs)
        first = quantization.quantize_apply(tf.keras.Model(inputs, first))
        second = quantization.quantize_annotate_layer(Custom())(inputs)
        with quantization.quantize_scope({"Custom": Custom}):
            second = quantization.quantize_apply(tf.keras.Model(inputs, second))
        """
    assert codes(source) == []


def test_methods_may_be_called_in_any_order() -> None:
    source = """
        class Trainer:
            def __init__(self):
                self.model = quantize_model(build())
                self.converter = tf.lite.TFLiteConverter.from_keras_model(self.model)

            def prepare(self):
                self.model.compile("adam", "mse")
                self.converter.optimizations = [tf.lite.Optimize.DEFAULT]

            def train(self):
                self.model.fit(images, labels)

            def convert(self):
                return self.converter.convert()

            def begin(self):
                self.float_model = build()

            def convert_float(self):
                self.begin()
                converter = tf.lite.TFLiteConverter.from_keras_model(self.float_model)
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                return converter.convert()
        """
    assert codes(source) == []


def test_methods_that_do_it_all() -> None:
    source = """
        class Trainer:
            def train(self):
                self.model = quantize_model(build())
                self.model.fit(images, labels)

            def convert(self):
                converter = tf.lite.TFLiteConverter.from_keras_model(quantize_model(build()))
                return converter.convert()
        """
    assert codes(source) == ["QL216", "QL310"]
