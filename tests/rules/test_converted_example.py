"""`examples/convert_int8.py`, run with the real converter: what is said of it, and what is mended.

The example has three faults. Each is left in alone, and then mended by `qlsp lint --fix`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qlsp.evidence.settings import describe
from tests.rules.support import tensorflow_python

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
NAME = "convert_int8.py"
FAULTS = {
    "array": ("[image[None].astype(np.float32)]", "image[None].astype(np.float32)"),
    "misspelt": ("converter.optimizations", "converter.optimisations"),
    "not a list": ("[tf.lite.OpsSet.TFLITE_BUILTINS_INT8]", "tf.lite.OpsSet.TFLITE_BUILTINS_INT8"),
}
"""Each fault of the example: how it is right, and what it says instead."""
SAID = {
    "array": ["QL304"],
    "misspelt": ["QL306", "QL302"],
    "not a list": ["QL302"],
}
"""What is found where only that fault is left."""
RAISED = {
    "array": "You need to provide either a dictionary",
    "misspelt": "inference_input_type and inference_output_type must be tf.float32",
    "not a list": "'OpsSet' object is not iterable",
}
"""What TensorFlow 2.21 raises there."""
INT8 = (
    "int8 io=INT8,INT8 ops=CONV_2D:INT8 CONV_2D:INT8 MEAN:INT8 FULLY_CONNECTED:INT8",
    None,
)


def lint(folder: Path, *options: str) -> list[str]:
    """The codes of what is found, or left."""
    command = [sys.executable, "-m", "qlsp", "lint", "--no-cache", "--output-format", "json"]
    ran = subprocess.run(
        [*command, *options, NAME], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode in {0, 1}, ran.stderr
    return [each["code"] for each in json.loads(ran.stdout)["diagnostics"]]


def convert(folder: Path) -> tuple[str | None, str | None]:
    """What the example makes, or what it raises."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    made = folder / "digits_int8.tflite"
    made.unlink(missing_ok=True)
    ran = subprocess.run(
        [tensorflow_python(), NAME],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        assert not made.exists()
        return None, ran.stderr
    return describe(made.read_bytes()), None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the examples, whose `pyproject.toml` names the toolchain."""
    return Path(shutil.copytree(EXAMPLES, tmp_path / "examples"))


def test_as_it_stands_and_mended(folder: Path) -> None:
    assert lint(folder) == ["QL304", "QL306", "QL302"]
    before = (folder / NAME).read_text()
    assert "'OpsSet' object is not iterable" in (convert(folder)[1] or "")
    assert lint(folder, "--fix") == ["QL304", "QL306", "QL302"], "none of the fixes is safe"
    assert (folder / NAME).read_text() == before
    assert lint(folder, "--fix", "--unsafe-fixes") == []
    assert convert(folder) == INT8


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_alone(folder: Path, fault: str) -> None:
    assert lint(folder, "--fix", "--unsafe-fixes") == []
    right, wrong = FAULTS[fault]
    text = (folder / NAME).read_text()
    assert text.count(right) == 1
    (folder / NAME).write_text(text.replace(right, wrong))
    assert lint(folder) == SAID[fault]
    assert RAISED[fault] in (convert(folder)[1] or "")
    assert lint(folder, "--fix", "--unsafe-fixes") == []
    assert (folder / NAME).read_text() == text
    assert convert(folder) == INT8
