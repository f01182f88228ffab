"""Mended graphs, through the real converters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doctor.made import DATA
from tests.doctor.measured import after, before, graphs, mend
from tests.tensorflow import tensorflow_python

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return mend(tensorflow_python(), tmp_path_factory.mktemp("mended"))


def toco_python() -> str:
    python = os.environ.get("QLSP_TF1_PYTHON")
    if not python:
        pytest.skip("QLSP_TF1_PYTHON names no Python with TensorFlow 1.15")
    return python


def check(found: dict[str, dict[str, object]]) -> None:
    wrong = {
        name: each
        for name, each in found.items()
        if not each.get("integer") or each["decibels"] < 20 or each["steps"] > 3  # type: ignore[operator]
    }
    assert not wrong


def test_current_converter_makes_integers_of_mended_graphs(mended: dict[str, Path]) -> None:
    check(after(tensorflow_python(), mended))


def test_toco_makes_integers_of_mended_graphs(mended: dict[str, Path]) -> None:
    check(after(toco_python(), mended))


def test_toco_stops_where_it_is_said_to() -> None:
    stopped = {name for name, found in before(toco_python()).items() if "error" in found}
    said = {name for name, each in graphs().items() if any(f.says for f in each.findings)}
    assert stopped == said


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


def test_verify_points_to_the_doctor() -> None:
    arguments = ["--workflow", "tf1", "--python", tensorflow_python()]
    done = run("verify", DATA / "missing_after_relu.pb", *arguments)
    assert done.returncode == 1, done.stderr
    assert "tells which ranges are missing or misplaced" in done.stdout


def test_toco_verifies() -> None:
    arguments = ["--workflow", "tf1", "--python", toco_python()]
    done = run("verify", DATA / "well_placed.pb", *arguments, "--measure")
    assert done.returncode == 0, done.stderr
    assert "tf1: 2 ops, 100% int8" in done.stdout
    done = run("verify", DATA / "missing_after_relu.pb", *arguments)
    assert done.returncode == 1
    assert "Array Relu, which is an input to the Conv operator" in done.stdout


def test_a_graph_that_reaches_out_is_not_run(tmp_path: Path) -> None:
    from qlsp.doctor.graphdef import read_graph
    from tests.doctor.made import Made

    made = Made()
    made.add("ReadFile", made.add("Identity", "image"), name="read")
    x = made.layer("image")
    file = made.file(tmp_path, x)
    assert "read" in read_graph(file).nodes
    arguments = ["--fix", "--data", "random", "-o", tmp_path / "out.pb"]
    done = run("doctor", file, "--outputs", "result", *arguments, "--python", tensorflow_python())
    assert done.returncode == 2
    assert "has the operation ReadFile, which reaches outside the model" in done.stderr
    assert not (tmp_path / "out.pb").exists()
