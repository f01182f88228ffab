"""TensorFlow 1 code is judged by what `contrib.quantize` and TOCO do with it."""

from __future__ import annotations

import pytest

from qlsp.settings import Settings
from qlsp.toolchain import MEASURED
from tests.rules.support import dedent, fixed, found

TF1 = Settings(select=("QL103",), toolchains=(MEASURED[0],))
SOURCE = """
    import tensorflow as tf

    tf.keras.backend.set_learning_phase(0)
    x = tf.placeholder(tf.float32, [1, 8, 8, 3], name="input")
    x = tf.layers.conv2d(x, 8, 3{bias})
    x = tf.layers.batch_normalization(x{fused})
    x = tf.nn.relu6(x)
    x = tf.layers.conv2d(x, 4, 1)
    tf.identity(tf.nn.relu6(x), name="output")
    tf.contrib.quantize.create_eval_graph()
"""


@pytest.mark.parametrize(
    ("bias", "fused", "cause"),
    [
        ("", "", "the bias before it"),
        ("", ", fused=True", "the bias before it"),
        (", use_bias=False", "", None),
        (", use_bias=False", ", fused=True", None),
        (", use_bias=False", ", fused=False", "fused=False"),
        ("", ", fused=False", "fused=False and the bias before it"),
    ],
)
def test_forms_that_fold(bias: str, fused: str, cause: str | None) -> None:
    messages = [each.message for each in found(SOURCE.format(bias=bias, fused=fused), TF1)]
    expected = (
        f"BatchNormalization does not fold into Conv2D for {cause}: the model can't be converted"
    )
    assert messages == ([expected] if cause else [])


def test_fixes() -> None:
    good = dedent(SOURCE.format(bias=", use_bias=False", fused=""))
    unfused = SOURCE.format(bias=", use_bias=False", fused=", fused=False")
    assert fixed(unfused, TF1, unsafe=False) == good
    biased = SOURCE.format(bias="", fused="")
    assert fixed(biased, TF1, unsafe=False) == dedent(biased)
    assert fixed(biased, TF1) == good
