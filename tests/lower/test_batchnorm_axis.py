"""Normalization along another axis than the channels', as TF 2.21.0 was measured to convert it."""

from __future__ import annotations

import pytest

from qlsp.lower import lower
from qlsp.source.document import Document
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace import trace_builder

_SOURCE = """
import tensorflow as tf
from tensorflow.keras import layers

def build():
    inputs = layers.Input((16, 12, 8))
    x = layers.Conv2D(8, 3)(inputs)
    x = layers.BatchNormalization(axis={})(x)
    return tf.keras.Model(inputs, layers.ReLU()(x))
"""
_PLAIN = "CONV_2D:INT8 MUL:INT8 ADD+RELU:INT8"
_TRANSPOSED = "CONV_2D:INT8 TRANSPOSE:INT8 MUL:INT8 ADD+RELU:INT8 TRANSPOSE:INT8"
_FLOAT = "DEQUANTIZE:FLOAT32 CONV_2D:FLOAT32 MUL:FLOAT32 ADD+RELU:FLOAT32 QUANTIZE:INT8"
_FLOAT_TRANSPOSED = (
    "DEQUANTIZE:FLOAT32 CONV_2D:FLOAT32 TRANSPOSE:FLOAT32 MUL:FLOAT32 ADD+RELU:FLOAT32 "
    "QUANTIZE:INT8 TRANSPOSE:INT8"
)


@pytest.mark.parametrize(
    ("axis", "keras", "workflow", "ops"),
    [
        (1, 2, "ptq", _TRANSPOSED),
        (2, 2, "ptq", _PLAIN),
        (1, 2, "qat", _FLOAT_TRANSPOSED),
        (2, 2, "qat", _FLOAT),
        (1, 3, "ptq", _PLAIN),
        (2, 3, "ptq", _PLAIN),
    ],
)
def test_as_measured(axis: int, keras: int, workflow: Workflow, ops: str) -> None:
    graph = trace_builder(Document("model.py", _SOURCE.format(axis)), "build")
    toolchain = Toolchain("2.21.0", 2 if keras == 2 else 3, "0.8.1")
    assert " ".join(map(str, lower(graph, workflow, toolchain).ops)) == ops
