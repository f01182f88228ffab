"""Ethos-U placement by the real Vela, where it is installed."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qlsp.verify.vela import reasons

FOLDER = Path(__file__).parent / "models"
needs_vela = pytest.mark.skipif(
    importlib.util.find_spec("ethosu") is None and shutil.which("vela") is None,
    reason="Vela is not installed: pip install 'qlsp[vela]'",
)

OUTPUT = """
Warning (supported operators) operator: FULLY_CONNECTED, ofm: 'model/dense;bias'
Reason: Operation has tensor with unsupported DataType Float32 (x)
Feature-map dataTypes must be one of {"INT16", "INT8"}

Warning (supported operators) operator: DEQUANTIZE, ofm: 'model/x'
Reason: Unsupported opType

#####
"""


def verify(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "qlsp", "verify", str(FOLDER / name), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_reasons() -> None:
    assert reasons(OUTPUT) == {
        "model/dense;bias": (
            "FULLY_CONNECTED",
            "Operation has tensor with unsupported DataType Float32 (x) "
            'Feature-map dataTypes must be one of {"INT16", "INT8"}',
        ),
        "model/x": ("DEQUANTIZE", "Unsupported opType"),
    }


@needs_vela
def test_all_on_the_device() -> None:
    done = verify("conv_relu6_int8.tflite", "--device", "ethos-u55-128", "--format", "json")
    assert done.returncode == 0, done.stderr
    device = json.loads(done.stdout)["workflows"][0]["device"]
    assert device["name"] == "ethos-u55-128"
    assert device["cycles"] > 0 and device["sram_bytes"] > 0
    assert device["on_cpu"] == []


@needs_vela
def test_float_island_stays_on_the_cpu() -> None:
    done = verify("float_island.tflite", "--device", "ethos-u55-128")
    assert done.returncode == 1, done.stderr
    assert "left on the CPU, 3 of 5 ops:" in done.stdout
    assert "FULLY_CONNECTED: Operation has tensor with unsupported DataType Float32" in done.stdout
    assert "DEQUANTIZE: Unsupported opType" in done.stdout


@pytest.mark.skipif(importlib.util.find_spec("ethosu") is not None, reason="Vela is installed")
class TestProgramOnThePath:
    @pytest.fixture
    def path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("PATH", str(tmp_path))
        return tmp_path

    def test_none_is_told_before_anything_is_done(self, path: Path) -> None:
        done = verify("conv_relu6_int8.tflite", "--device", "ethos-u55-128")
        assert done.returncode == 2
        assert done.stderr.startswith("qlsp: error: --device needs Vela: pip install")
        assert done.stdout == ""

    def test_one_that_fails_leaves_the_report(self, path: Path) -> None:
        program = path / "vela"
        program.write_text("#!/bin/sh\necho 'no such thing' >&2\nexit 1\n")
        program.chmod(0o755)
        done = verify("conv_relu6_int8.tflite", "--device", "ethos-u55-128")
        assert done.returncode == 2
        assert done.stderr == "qlsp: error: Vela fails: no such thing\n"
        assert "CONV_2D+RELU6" in done.stdout
