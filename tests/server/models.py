"""Models for the server to find fault with, after training (`ptq`) under one toolchain."""

from pathlib import Path

SETTINGS = """\
[tool.qlsp]
workflows = ["ptq"]
tensorflow = "2.21"
keras = "2"
tfmot = "0.8.1"
"""

CONV = 'x = layers.Conv2D(8, 3, activation="relu")(x)'
STACKED = "x = layers.ReLU(6.0)(x)"
"""After `CONV`: QL104, with a safe fix (that changes `CONV`)."""
AFTER = "x = layers.BatchNormalization()(x)"
"""After `CONV`: QL101, with an unsafe fix."""

MENDED = "x = layers.Conv2D(8, 3)(x)"
"""`CONV` without its activation."""

FIRST = 6
"""Line (from 0) of a model's first own line."""


def model(*lines: str) -> str:
    """A module whose builder has these lines."""
    body = "".join(f"    {line}\n" for line in lines)
    return f"""\
import tensorflow as tf
from tensorflow.keras import layers


def build():
    x = inputs = layers.Input((32, 32, 3))
{body}    return tf.keras.Model(inputs, x)
"""


def project(root: Path, settings: str = SETTINGS) -> None:
    """Make `root` a project with these settings."""
    root.mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text(settings)
