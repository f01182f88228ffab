"""Noise, latency and memory of real conversions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qlsp.verify.flatbuffer import read_model
from qlsp.verify.memory import peak_activations
from qlsp.verify.runner.fidelity import Noise, matching
from tests.tensorflow import tensorflow_python

FOLDER = Path(__file__).parent / "models"


def test_peak_is_an_input_and_an_output_of_one_operator() -> None:
    graph = read_model((FOLDER / "conv_relu6_int8.tflite").read_bytes()).main
    assert peak_activations(graph) == 4 * 4 * 3 + 2 * 2 * 2


def test_ratio() -> None:
    noise = Noise()
    noise.add(np.array([3.0, 4.0]), np.array([3.0, 3.5]))
    assert noise.decibels == pytest.approx(20.0)
    noise.add(np.array([1.0]), np.array([np.nan]))
    assert noise.decibels == -200.0
    overflowing = Noise()
    overflowing.add(np.array([np.inf]), np.array([1.0]))
    assert overflowing.decibels == -200.0
    same = Noise()
    same.add(np.array([1.0]), np.array([1.0]))
    assert same.decibels == 200.0


def test_outputs_are_matched_by_shape_then_by_value() -> None:
    one, two, other = np.zeros((1, 3)), np.ones((1, 3)), np.ones((1, 2))
    assert matching([one, two, other], [other, two, one]) == [2, 1, 0]


@pytest.mark.slow
def test_measured_with_a_fix() -> None:
    options = ["--workflow", "float,ptq", "--fix", "--measure", "--format", "json"]
    command = [sys.executable, "-m", "qlsp", "verify", f"{FOLDER / 'faulty.py'}::stacked"]
    done = subprocess.run(
        [*command, *options, "--python", tensorflow_python()],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    plain, quantized = data["after"]["workflows"]
    assert plain["noise"] is None
    assert 15 < quantized["noise"]["outputs_db"][0] < 80
    assert [each["op"] for each in quantized["noise"]["ops_db"]] == [0]
    assert quantized["activation_bytes"] * 4 == plain["activation_bytes"]
    for each in (plain, quantized):
        assert 0 < each["latency"]["low"] <= each["latency"]["median"] <= each["latency"]["high"]
        assert each["latency"]["runs"] >= 11


@pytest.mark.slow
@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_inputs_of_one_shape_are_not_mixed_up(tmp_path: Path, package: str) -> None:
    """TensorFlow's converter takes them in another order than the model, and they differ here."""
    (tmp_path / "model.py").write_text(
        f"import numpy as np\nimport {package} as keras\nfrom {package} import layers\n"
        "def build():\n"
        "    inputs = [keras.Input((4,), name=name) for name in ('z', 'a', 'b')]\n"
        "    return keras.Model(inputs, [layers.Dense(2)(each) for each in inputs])\n"
        "def data():\n"
        "    random = np.random.RandomState(0)\n"
        "    for _ in range(16):\n"
        "        yield [random.normal(scale=scale, size=(1, 4)) for scale in (100.0, 1.0, 0.01)]\n"
    )
    target, data = (f"{tmp_path}/model.py::{name}" for name in ("build", "data"))
    options = ["--workflow", "ptq", "--measure", "--data", data, "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "qlsp", "verify", target, *options, "--python", tensorflow_python()],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["workflows"]
    assert min(found["noise"]["outputs_db"]) > 25, found["noise"]
