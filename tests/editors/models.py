"""A model with a finding that has a safe fix, behind an emoji on its line."""

FINDING_LINE = 8
"""Counted from 1."""

CONV = 'x = layers.Conv2D(8, 3, activation="relu")(x)'
MENDED = "x = layers.Conv2D(8, 3)(x)"
FINDING = "rocket = '\N{ROCKET}'; x = layers.ReLU(6.0)(x)"

_SOURCE = """\
import tensorflow as tf
from tensorflow.keras import layers


def build():
    x = inputs = layers.Input((32, 32, 3))
    {first}
    {finding}
    return tf.keras.Model(inputs, x)
"""

BAD = _SOURCE.format(first=CONV, finding=FINDING)
FIXED = _SOURCE.format(first=MENDED, finding=FINDING)
IGNORED = _SOURCE.format(first=CONV, finding=f"{FINDING}  # qlsp: ignore[QL104]")
