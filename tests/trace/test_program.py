"""What is recorded of converters, tfmot and models that are built."""

from __future__ import annotations

import textwrap

import pytest

from qlsp.source.document import Document
from qlsp.trace import trace
from qlsp.trace.graph import UNKNOWN, Symbol
from qlsp.trace.program import Call, Callback

HEADER = """
import tensorflow as tf
import tensorflow_model_optimization as tfmot
from tensorflow.keras import layers

quantize_model = tfmot.quantization.keras.quantize_model


def build():
    inputs = layers.Input((8, 8, 3))
    return tf.keras.Model(inputs, layers.Conv2D(4, 3)(inputs))
"""
INT8 = (Symbol("tf.lite.OpsSet.TFLITE_BUILTINS_INT8"),)
DEFAULT = (Symbol("tf.lite.Optimize.DEFAULT"),)


def calls(source: str) -> list[Call]:
    document = Document("model.py", HEADER + textwrap.dedent(source))
    return [call for program in trace(document).programs for call in program.calls]


def conversion(source: str) -> Call:
    found = [call for call in calls(source) if call.symbol == "converter.convert"]
    assert len(found) == 1
    return found[0]


def value(call: Call, name: str) -> object:
    return call.settings[name].value if name in call.settings else None


@pytest.mark.parametrize(
    "source",
    [
        "TFLiteConverter = tf.lite.TFLiteConverter\n",
        "from tensorflow.lite import TFLiteConverter\n",
        "from tensorflow import lite as tflite\nTFLiteConverter = tflite.TFLiteConverter\n",
    ],
)
def test_aliases(source: str) -> None:
    call = conversion(
        source
        + "converter = TFLiteConverter.from_keras_model(build())\n"
        + "converter.optimizations = [tf.lite.Optimize.DEFAULT]\n"
        + "converter.convert()\n"
    )
    assert call.maker == "from_keras_model"
    assert value(call, "optimizations") == DEFAULT
    assert call.model is not None
    assert call.model.kind == "float"
    assert call.model.shapes == ((None, 8, 8, 3),)


def test_in_helpers() -> None:
    call = conversion(
        """
        def configured(model):
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            target(converter.target_spec)
            return converter

        def target(spec):
            spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]

        def main():
            def data():
                yield [0]

            converter = configured(quantize_model(build()))
            converter.representative_dataset = tf.lite.RepresentativeDataset(data)
            return converter.convert()
        """
    )
    assert value(call, "target_spec.supported_ops") == INT8
    data = value(call, "representative_dataset")
    assert isinstance(data, Callback)
    assert data.generator
    assert call.model is not None
    assert call.model.kind == "quantized"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("if unknown:\n    converter.optimizations = [tf.lite.Optimize.DEFAULT]\n", UNKNOWN),
        (
            "if unknown:\n    converter.optimizations = [tf.lite.Optimize.DEFAULT]\n"
            "else:\n    converter.optimizations = [tf.lite.Optimize.DEFAULT]\n",
            DEFAULT,
        ),
        ("converter.optimizations = settings.chosen()\n", UNKNOWN),
        ("converter.optimizations.append(tf.lite.Optimize.DEFAULT)\n", UNKNOWN),
        ("setattr(converter, 'optimizations', [tf.lite.Optimize.DEFAULT])\n", DEFAULT),
        ("", None),
    ],
)
def test_undecided_settings(source: str, expected: object) -> None:
    call = conversion(
        "import unknown, settings\n"
        "converter = tf.lite.TFLiteConverter.from_keras_model(build())\n"
        + source
        + "converter.convert()\n"
    )
    assert value(call, "optimizations") == expected
    assert call.subject is not None
    assert not call.subject.lost


def test_lost_converter() -> None:
    call = conversion(
        """
        import somewhere

        converter = tf.lite.TFLiteConverter.from_saved_model("folder")
        somewhere.configure(converter)
        converter.convert()
        """
    )
    assert call.subject is not None
    assert call.subject.lost


def test_order_of_calls() -> None:
    found = calls(
        """
        model = build()
        model.compile("adam")
        quantized = quantize_model(model)
        model.load_weights("weights.h5")
        quantized.fit(None)
        """
    )
    assert [call.method for call in found] == ["compile", "quantize_model", "load_weights", "fit"]
    assert [call.subject.kind if call.subject else "" for call in found] == [
        *("float", "float", "float", "quantized"),
    ]
    assert len({call.subject.number for call in found[:3] if call.subject}) == 1


def test_tf1() -> None:
    call = conversion(
        """
        converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [x], [y])
        converter.default_ranges_stats = (0, 6)
        converter.convert()
        """
    )
    assert call.tf1
    assert value(call, "default_ranges_stats") == (0, 6)


def test_nothing_to_record() -> None:
    assert calls("model = build()\n") == []
