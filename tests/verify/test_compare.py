"""The comparison with fixes, through the command, on real conversions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tensorflow import tensorflow_python

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parent / "models" / "faulty.py"
HELPER = "from tf_keras.layers import ReLU\n\ndef act(x):\n    return ReLU(6.0)(x)\n"
MAIN = """\
import tf_keras as keras
from helper import act

def build(size=8):
    inputs = keras.layers.Input((size, size, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    return keras.Model(inputs, act(x))
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qlsp", "verify", *arguments, "--python", tensorflow_python()],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_safe_fix_computes_the_same(tmp_path: Path) -> None:
    file = tmp_path / "faulty.py"
    file.write_text(MODELS.read_text())
    done = run(tmp_path, "faulty.py::stacked", "--workflow", "ptq", "--fix", "--format", "json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    before, after = data["before"]["workflows"][0], data["after"]["workflows"][0]
    assert [each["op"] for each in before["ops"]] == ["CONV_2D+RELU:INT8", "RELU6:INT8"]
    assert [each["op"] for each in after["ops"]] == ["CONV_2D+RELU6:INT8"]
    assert data["before"]["worse"] and not data["after"]["worse"]
    assert {each["code"] for each in data["fixes"]} >= {"QL104"}
    assert data["function"]["same"]
    assert data["function"]["outputs"][0]["largest_value"] > 0.1
    assert file.read_text() == MODELS.read_text()
    assert sorted(tmp_path.iterdir()) == [file]


def test_unsafe_fix_says_that_the_function_changes(tmp_path: Path) -> None:
    file = tmp_path / "faulty.py"
    file.write_text(MODELS.read_text())
    done = run(
        tmp_path, "faulty.py::loop", "--workflow", "ptq", "--fix", "--unsafe-fixes", "--write"
    )
    assert done.returncode == 0, done.stderr
    assert "another function, so retrain: outputs differ by" in done.stdout
    assert "-2 ADD:INT8, -2 MUL:INT8" in done.stdout
    assert file.read_text() != MODELS.read_text()
    assert sorted(tmp_path.iterdir()) == [file]


def test_report(tmp_path: Path) -> None:
    done = run(tmp_path, f"{MODELS}::talkative", "--workflow", "ptq")
    assert done.returncode == 0, done.stderr
    assert "printed by the builder" not in done.stdout + done.stderr
    assert "ptq: 4 ops, 100% int8" in done.stdout
    assert "as predicted from source" in done.stdout
    assert "converting (ptq) …" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_modules_beside_the_file_are_found_and_fixed(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "helper.py").write_text(HELPER)
    done = run(tmp_path, "main.py::build", "--workflow", "ptq", "--set", "size=6")
    assert done.returncode == 1, done.stderr
    assert "helper.py:4 RELU6 is not fused into CONV_2D" in done.stdout
    assert "input ?x6x6x3" in done.stdout


def test_against_another_builder_with_other_weights(tmp_path: Path) -> None:
    against = f"{MODELS}::good"
    done = run(tmp_path, f"{MODELS}::stacked", "--workflow", "float", "--against", against)
    assert done.returncode == 1, done.stderr
    assert "not the same function: the weights of layer 'batch_normalization'" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_against_a_revision(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    for name, text in (("main.py", MAIN), ("helper.py", HELPER)):
        (repository / name).write_text(text)
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", repository, *identity, *command], check=True)
    (repository / "main.py").write_text(MAIN.replace(', activation="relu"', ""))
    done = run(repository, "main.py::build", "--workflow", "ptq", "--against", "HEAD")
    assert done.returncode == 0, done.stderr
    assert "-1 CONV_2D+RELU:INT8, -1 RELU6:INT8" in done.stdout
    assert "same function: outputs differ by at most" in done.stdout
