"""Graphs mended on the command line, with the real TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doctor.made import DATA
from tests.tensorflow import tensorflow_python

pytestmark = pytest.mark.slow


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qlsp", *arguments], capture_output=True, text=True, timeout=300
    )


def test_mended_on_the_command_line(tmp_path: Path) -> None:
    """From a graph that `quantize_nodes` made to a verified 8-bit one."""
    samples = tmp_path / "samples.py"
    samples.write_text(
        "import numpy as np\n\n\ndef samples():\n    generator = np.random.RandomState(0)\n"
        "    for _ in range(16):\n"
        "        yield [generator.uniform(-1, 1, (1, 8, 8, 4)).astype('float32')]\n"
    )
    fixed = tmp_path / "fixed.pb"
    python = ["--python", tensorflow_python()]
    graph = DATA / "quantize_as_documented.pb"
    arguments = ["--data", f"{samples}::samples", "-o", fixed, "--format", "json"]
    done = run("doctor", graph, "--fix", *arguments, *python)
    assert done.returncode == 0, done.stderr
    treatment = json.loads(done.stdout)["treatment"]
    assert treatment["examples"] == 16
    assert not treatment["random"]
    (given,) = treatment["inputs"].values()
    assert -1 <= given[0] < -0.9 < 0.9 < given[1] <= 1
    assert run("doctor", fixed).returncode == 0
    done = run("verify", fixed, "--workflow", "tf1", "--format", "json", *python)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["workflows"]
    assert found["integer_ops"] == found["computing_ops"] > 5


def test_random_data_is_told(tmp_path: Path) -> None:
    arguments = ["--fix", "--data", "random", "-o", tmp_path / "fixed.pb"]
    done = run("doctor", DATA / "no_fake_quant.pb", *arguments, "--python", tensorflow_python())
    assert done.returncode == 0, done.stderr
    assert "measured on 64 random inputs, uniform from -1 to 1" in done.stdout
    assert "ranges from noise" in done.stdout
