"""Converters that end the process, and disks that are full while a model is converted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tensorflow import tensorflow_python
from tests.verify.test_limits import error_of, folder, left_behind, run

pytestmark = pytest.mark.slow

__all__ = ["folder"]

MODELS = """
import errno
import os
import types

import tensorflow as tf
import tf_keras as keras

class Converter:
    target_spec = types.SimpleNamespace()

    def convert(self):
        if failure == "abort":
            os.write(2, b"Check failed: array.minmax\\n")
            os.abort()
        if failure == "abort for want of room":
            os.write(2, b"write: No space left on device\\n")
            os.abort()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

def failing(how):
    global failure
    failure = how
    for way in ("from_keras_model", "from_saved_model"):
        setattr(tf.lite.TFLiteConverter, way, lambda model: Converter())
    return large(4)

def large(units):
    return keras.Sequential([keras.layers.Dense(units, input_shape=(1000,))])
"""


@pytest.fixture
def model(folder: Path) -> str:
    (folder / "model.py").write_text(MODELS)
    return "model.py::"


def verify(folder: Path, builder: str, *options: str) -> subprocess.CompletedProcess[str]:
    options = ("--workflow", "ptq", "--python", tensorflow_python(), *options)
    return run(folder, builder, *options)


def test_a_converter_that_aborts_is_a_finding(folder: Path, model: str) -> None:
    done = verify(folder, model + "failing", "--set", "how=abort")
    assert done.returncode == 1, done.stderr
    assert "raises Abort: was ended by SIGABRT: Check failed: array.minmax" in done.stdout
    assert left_behind(folder) == []


def test_a_converter_that_aborts_for_want_of_room(folder: Path, model: str) -> None:
    line = error_of(verify(folder, model + "failing", "--set", "how=abort for want of room"))
    assert line.endswith("(ptq), No space left on device; make room, or set TMPDIR")
    assert left_behind(folder) == []


def test_a_disk_that_fills_up_is_not_the_converters_fault(folder: Path, model: str) -> None:
    line = error_of(verify(folder, model + "failing", "--set", "how=full"))
    problem = "while converting (ptq), OSError: [Errno 28] No space left on device"
    assert line.endswith(f"{problem}; make room, or set TMPDIR")
    assert left_behind(folder) == []


def test_a_model_that_needs_more_room_than_there_is(folder: Path, model: str) -> None:
    disk = folder / "tmp"
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("file systems can't be mounted here")
    try:
        line = error_of(verify(folder, model + "large", "--set", "units=1000"))
        assert "and this model needs 15 MB for temporary files: make room, or set" in line
        assert left_behind(folder) == []
    finally:
        subprocess.run(["umount", disk], check=True)
