"""The rules about settings, held against what converters were measured to make of them."""

from __future__ import annotations

import pytest

from qlsp.diagnostic import Diagnostic, Severity
from qlsp.evidence.converter_cases import CASES
from qlsp.evidence.settings import load
from qlsp.evidence.toolchains import setup
from qlsp.linter import lint
from qlsp.settings import Settings
from qlsp.source.document import Document
from qlsp.toolchain import Toolchain

_RULES = (
    *("QL213", "QL301", "QL302", "QL303", "QL304", "QL306", "QL307", "QL308", "QL309", "QL310"),
)
_SOURCE = """
import numpy as np
import tensorflow as tf
{imports}

def data():
    for _ in range(8):
        yield [np.random.normal(size=(1, 16, 16, 8)).astype(np.float32)]


inputs = tf.keras.Input((16, 16, 8), name="image")
x = tf.keras.layers.Conv2D(32, 3, activation="relu")(inputs)
{model}
converter = {converter}
{settings}
tflite = converter.convert()
"""
_MODELS = {
    "plain": "model = tf.keras.Model(inputs, x)",
    "small": "model = tf.keras.Model(inputs, x)",
    "elu": "model = tf.keras.Model(inputs, tf.keras.layers.ELU()(x))",
    "two": "mask = tf.keras.Input((16, 16, 8), name='mask')\n"
    "model = tf.keras.Model([inputs, mask], [x, tf.keras.layers.Conv2D(32, 3)(mask)])",
    "qat": "model = quantize_model(tf.keras.Model(inputs, x))",
    "annotated": "model = quantize_annotate_model(tf.keras.Model(inputs, x))",
}
_IMPORTS = (
    "from tensorflow_model_optimization.quantization.keras import "
    "quantize_annotate_model, quantize_model"
)
_NOT_SEEN = {
    "array itself": "an array is a call that isn't followed",
    "dataset itself": "so is a tf.data.Dataset",
    "nested list": "what `tolist` gives is not followed",
    "uint8": "a model may take integers",
    "full, float operator": "TF 2.1 refuses the operator, which rules about layers say",
    "int16": "TF 2.1 has no such operator set",
    "sparsity": "it says nothing of quantization",
    "yields nothing": "how often it yields is not followed",
    "int16, int8 io": "the types of int16 activations are not judged",
    "int16, no data": "int16 activations are not judged",
    "TF 1: inference_type, no input stats": "TensorFlow 1's settings are not judged",
    "old converter": "with Keras 3 it raises a TypeError; no rule is about the old converter",
    "select only": "the data can't be run without the Flex delegate",
}
"""Cases that come out badly and are not reported, and why."""
_HARMLESS = frozenset(
    [
        *("inference_type", "ops on converter", "target_ops", "quantized_input_stats"),
        *("per tensor", "resource variables"),
    ]
)
"""Dead attributes in a conversion that gives int8 anyway; they are reported for what they are."""


def _cells() -> list[tuple[str, str]]:
    return [
        (case, name)
        for case, outcomes in load().items()
        for name in outcomes
        if case in CASES and not CASES[case][0].startswith("v1")
    ]


def _found(case: str, toolchain: Toolchain) -> list[Diagnostic]:
    kind, settings = CASES[case]
    imports = _IMPORTS if kind in ("qat", "annotated") else ""
    source = _SOURCE.format(
        imports=imports,
        model=_MODELS[kind],
        converter="tf.lite.TFLiteConverter.from_keras_model(model)",
        settings=settings,
    )
    chosen = Settings(select=_RULES, workflows=("ptq", "qat"), toolchains=(toolchain,))
    return lint(Document("model.py", source), chosen, fixes=False)


@pytest.mark.parametrize(("case", "name"), _cells())
def test_findings_agree_with_measurement(case: str, name: str) -> None:
    outcome = load()[case][name]
    diagnostics = _found(case, setup(name).toolchain)
    grave = [each for each in diagnostics if each.severity is Severity.ERROR]
    text = [f"{each.code}: {each.message}" for each in diagnostics]
    if case in _NOT_SEEN:
        assert not grave
    elif outcome.startswith("raises"):
        assert grave, outcome
    else:
        assert not grave, (outcome, text)
        given = outcome.split()[1] if outcome.startswith("int8") else ""
        if given == "io=FLOAT32,FLOAT32" and "inference_input_type" in CASES[case][1]:
            assert {each.code for each in diagnostics} == {"QL303"}
        elif outcome.startswith("int8") and case not in _HARMLESS and "annotated" not in case:
            assert not diagnostics, text
        asked = "Optimize" in CASES[case][1] or "data" in CASES[case][1]
        if outcome.startswith(("float io", "dynamic range")) and asked and "small" not in case:
            assert diagnostics, outcome


_GRAPH = """
import numpy as np
import tensorflow as tf

def data():
    for _ in range(8):
        yield [np.random.normal(size=(1, 16, 16, 8)).astype(np.float32)]


session = tf.Session(graph=tf.GraphDef())
path = "graph.pb"
"""


@pytest.mark.parametrize("case", [each for each in CASES if CASES[each][0] == "v1 transformed"])
def test_transformed_graphs(case: str) -> None:
    outcome = load()[case]["tf1.15.5-keras2"]
    source = _GRAPH + CASES[case][1] + "tflite = converter.convert()\n"
    chosen = Settings(select=("QL406",), toolchains=(setup("tf1.15.5-keras2").toolchain,))
    severities = [each.severity for each in lint(Document("model.py", source), chosen)]
    if outcome.startswith("raises"):
        assert severities == [Severity.ERROR]
    elif outcome.startswith("float") and "quantize" in case:
        assert severities == [Severity.WARNING]
    else:
        assert severities == []
