"""The oldest TensorFlow that models are verified in, 1.15."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.verify.test_limits import error_of, folder, left_behind, run

pytestmark = pytest.mark.slow

__all__ = ["folder"]

MODEL = """
import tensorflow as tf
from tensorflow.keras import layers

def build():
    inputs = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    return tf.keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))

def saved():
    build().save("model.h5")

def graph():
    return tf.compat.v1.placeholder(tf.float32, (1, 8, 8, 3))
"""


@pytest.fixture(scope="module")
def python() -> str:
    found = os.environ.get("QLSP_TENSORFLOW_1_PYTHON")
    if not found:
        pytest.skip("QLSP_TENSORFLOW_1_PYTHON names no Python with TF 1.15")
    return found


@pytest.mark.parametrize(
    ("workflow", "around", "kind"),
    [("float", [], "FLOAT32"), ("ptq", ["QUANTIZE:INT8", "DEQUANTIZE:FLOAT32"], "INT8")],
)
def test_builder(folder: Path, python: str, workflow: str, around: list[str], kind: str) -> None:
    (folder / "model.py").write_text(MODEL)
    options = ("--workflow", workflow, "--python", python, "--format", "json", "--measure")
    done = run(folder, "model.py::build", *options)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["toolchain"]["tensorflow"].startswith("1.15.")
    (found,) = report["workflows"]
    ops = [f"CONV_2D+RELU6:{kind}", f"FULLY_CONNECTED:{kind}"]
    assert [op["op"] for op in found["ops"]] == [*around[:1], *ops, *around[1:]]
    assert found["prediction"]["agrees"]
    layers = {layer["index"]: layer for layer in report["model"]["layers"]}
    lines = [[layers[each]["source"][0]["line"] for each in op["layers"]] for op in found["ops"]]
    assert lines[len(around[:1])] == [7, 8, 9]
    if workflow == "ptq":
        assert found["noise"]["outputs_db"][0] > 20
    assert left_behind(folder) == []


def test_model_file(folder: Path, python: str) -> None:
    (folder / "model.py").write_text(MODEL)
    command = [python, "-c", "import model; model.saved()"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    done = run(folder, "model.h5", "--python", python)
    assert done.returncode == 0, done.stderr
    assert "CONV_2D+RELU6" in done.stdout
    assert left_behind(folder) == []


def test_what_builds_a_graph_in_a_session(folder: Path, python: str) -> None:
    (folder / "model.py").write_text(MODEL)
    line = error_of(run(folder, "model.py::graph", "--python", python))
    assert "tf.placeholder() is not compatible with eager execution" in line
    assert left_behind(folder) == []
