"""Models in files of every kind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tensorflow import tensorflow_python

TFLITE = Path(__file__).parent / "models" / "conv_relu6_int8.tflite"
WRITER = Path(__file__).parent / "models" / "saved.py"
LATE = ["CONV_2D+RELU:INT8", "RELU6:INT8", "RESHAPE:INT8", "FULLY_CONNECTED:INT8"]


def verify(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qlsp", "verify", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_tflite_is_only_read() -> None:
    done = verify(TFLITE, "--python", sys.executable)
    assert done.returncode == 0, done.stderr
    assert "ptq: 1 op, 100% int8, 1.4 KB" in done.stdout
    assert "CONV_2D+RELU6" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("model.tflite", b"\0" * 64, [], "not a TFLite model (no TFL3 mark)"),
        ("model.onnx", b"", [], "names no builder: write FILE.py::BUILDER, or a model file"),
        ("model.h5", None, [], "model.h5: no such file"),
        ("model.h5", b"", ["--fix"], "--fix and --against need source: write FILE.py::BUILDER"),
    ],
)
def test_what_is_no_model(
    tmp_path: Path, name: str, content: bytes | None, options: list[str], message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    done = verify(tmp_path / name, *options)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    command = [tensorflow_python(), WRITER, folder]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "workflow", "ops"),
    [
        ("plain.h5", "ptq", LATE),
        ("plain.keras", "ptq", LATE),
        ("keras_3.keras", "ptq", ["CONV_2D+RELU:INT8"]),
        ("keras_saved", "ptq", LATE),
        ("module_saved", "ptq", ["CONV_2D+RELU:INT8"]),
        ("frozen.pb", "ptq", ["CONV_2D+RELU6:INT8"]),
        ("fake_quant.pb", "tf1", ["CONV_2D+RELU6:INT8"]),
    ],
)
def test_kinds_of_files(folder: Path, name: str, workflow: str, ops: list[str]) -> None:
    done = verify(folder / name, "--format", "json", "--python", tensorflow_python())
    assert done.returncode == int("RELU6:INT8" in ops), done.stderr
    (found,) = json.loads(done.stdout)["workflows"]
    assert found["error"] is None
    assert found["workflow"] == workflow
    assert [each["op"] for each in found["ops"]] == ops


@pytest.mark.slow
def test_operators_of_a_keras_file_are_traced_to_layers(folder: Path) -> None:
    done = verify(folder / "plain.h5", "--python", tensorflow_python())
    assert done.returncode == 1, done.stderr
    assert "RELU6 is not fused into CONV_2D [clamp]" in done.stdout
    assert "not traced to source" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("code.h5", [], "code.h5: layer 'shift' is a Lambda, so loading it runs code from the"),
        ("custom.h5", [], "; verify what builds it instead: FILE.py::BUILDER"),
        ("frozen.pb", ["--inputs", "picture"], "frozen.pb: no node 'picture'; its inputs are imag"),
        ("frozen.pb", ["--outputs", "end"], "frozen.pb: no node 'end'; its outputs are result"),
        ("plain.h5", ["--inputs", "image"], "--inputs and --outputs are for frozen graphs"),
    ],
)
def test_refused(folder: Path, name: str, options: list[str], message: str) -> None:
    done = verify(folder / name, "--python", tensorflow_python(), *options)
    assert done.returncode == 2, done.stdout
    assert message in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_trusted_code_runs(folder: Path) -> None:
    done = verify(folder / "code.h5", "--trust", "--python", tensorflow_python())
    assert done.returncode == 1, done.stderr
    assert "ADD" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\n\x05hello"])
def test_damaged_graph(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.pb").write_bytes(content)
    done = verify(tmp_path / "bad.pb", "--python", tensorflow_python())
    assert done.returncode == 2, done.stdout
    assert "bad.pb: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--measure"], "--measure is for what is converted: a .tflite model is only read"),
        (["--workflow", "qat"], "--workflow is for what is converted: a .tflite model is only"),
        (["--set", "size=3"], "--set is for a builder: write FILE.py::BUILDER"),
        (["--html", "nowhere/page.html"], "--html nowhere/page.html: no such folder"),
    ],
)
def test_what_would_do_nothing_is_refused(options: list[str], message: str) -> None:
    done = verify(TFLITE, *options)
    assert done.returncode == 2
    assert done.stderr.startswith(f"qlsp: error: {message}")
    assert done.stdout == ""
