"""Really trained models, merged: the ops are gone, and every layer agrees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qlsp.verify.flatbuffer import read_model
from tests.tensorflow import tensorflow_python

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parent / "models" / "trainable.py"
FUSED = ["CONV_2D+RELU:INT8", "MAX_POOL_2D:INT8", "CONV_2D+RELU:INT8"]
FUSED_6 = [op.replace("RELU", "RELU6") for op in FUSED]
HEAD = ["RESHAPE:INT8", "FULLY_CONNECTED:INT8"]


@dataclass(frozen=True)
class Bench:
    """A toolchain with the models trained in it."""

    python: str
    environment: dict[str, str]
    folder: Path

    def merge(self, trained: str, builder: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "qlsp", "merge", str(self.folder / trained)]
        command += ["--builder", f"{MODELS}::{builder}", "-o", str(self.folder / "out.tflite")]
        return subprocess.run(
            [*command, "--python", self.python, *options],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def merged(self, trained: str, builder: str, *options: str) -> dict[str, Any]:
        data = ["--data", str(self.folder / "data.npy"), "--format", "json"]
        done = self.merge(trained, builder, *data, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        content = (self.folder / "out.tflite").read_bytes()
        assert [str(op) for op in read_model(content).ops] == found["ops"]["merged"]
        return found


def bench(folder: Path, python: str, environment: dict[str, str], *names: str) -> Bench:
    subprocess.run(
        [python, str(MODELS), str(folder), *names],
        env={**os.environ, **environment, "TF_CPP_MIN_LOG_LEVEL": "2"},
        check=True,
        capture_output=True,
        timeout=600,
    )
    return Bench(python, environment, folder)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    names = ("stacked", "silu", "batchnorm", "relu_fused", "residual", "two_outputs")
    return bench(tmp_path_factory.mktemp("new"), tensorflow_python(), {}, *names)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """TensorFlow 2.5 with tfmot 0.5.0, whose quantizers keep a ReLU apart."""
    python = os.environ.get("QLSP_OLD_TENSORFLOW_PYTHON")
    if not python:
        pytest.skip("QLSP_OLD_TENSORFLOW_PYTHON names no Python with TF 2.5 and tfmot 0.5.0")
    path = os.environ.get("QLSP_OLD_TENSORFLOW_PATH", "")
    names = ("relu6", "relu", "stacked", "residual", "two_outputs")
    return bench(tmp_path_factory.mktemp("old"), python, {"PYTHONPATH": path}, *names)


RESIDUAL = [
    *("CONV_2D+RELU6:INT8", "CONV_2D+RELU6:INT8", "CONV_2D:INT8", "ADD+RELU6:INT8"),
    *("CONV_2D+RELU6:INT8", "CONV_2D:INT8", "CONV_2D:INT8", "ADD+RELU6:INT8", *HEAD),
]


def learned(found: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["source"] for each in found["ranges"]}


@pytest.mark.parametrize(
    ("trained", "builder", "before", "after"),
    [
        ("stacked", "relu6", ["RELU6:FLOAT32", "QUANTIZE:INT8"], FUSED_6 + HEAD),
        (
            "silu",
            "silu_fused",
            ["LOGISTIC:FLOAT32", "MUL:FLOAT32"],
            [
                *("CONV_2D:INT8", "LOGISTIC:INT8", "MUL:INT8", "MAX_POOL_2D:INT8"),
                *("CONV_2D:INT8", "LOGISTIC:INT8", "MUL:INT8", *HEAD),
            ],
        ),
        (
            "batchnorm",
            "batchnorm_fused",
            ["FULLY_CONNECTED:FLOAT32", "RELU:INT8"],
            [*FUSED, "RESHAPE:INT8", "FULLY_CONNECTED+RELU:INT8", "FULLY_CONNECTED:INT8"],
        ),
    ],
)
def test_newest_toolchain(
    new: Bench, trained: str, builder: str, before: list[str], after: list[str]
) -> None:
    found = new.merged(f"{trained}.h5", builder)
    assert set(before) <= set(found["ops"]["trained"])
    assert found["ops"]["merged"] == after
    assert found["agrees"]
    assert max(each["steps"] for each in found["ranges"]) <= 1.001


@pytest.mark.parametrize(
    ("trained", "builder", "before", "after"),
    [
        ("relu6", "relu6_fused", "RELU6:INT8", FUSED_6 + HEAD),
        ("relu6", "relu6", "RELU6:INT8", FUSED_6 + HEAD),
        ("relu", "relu_fused", "RELU:INT8", FUSED + HEAD),
        ("stacked", "relu6", "RELU6:INT8", FUSED_6 + HEAD),
    ],
)
def test_tfmot_that_keeps_relu_apart(
    old: Bench, trained: str, builder: str, before: str, after: list[str]
) -> None:
    found = old.merged(f"{trained}.h5", builder)
    assert found["ops"]["trained"].count(before) == 2
    assert found["ops"]["merged"] == after
    assert found["agrees"]
    relus = [source for source in learned(found).values() if "re_lu" in source]
    assert len(relus) == 2


@pytest.mark.parametrize("fixed", [False, True])
def test_residual_blocks(new: Bench, fixed: bool) -> None:
    builder = ["residual", "--fix"] if fixed else ["residual_fused"]
    found = new.merged("residual.h5", *builder)
    assert found["ops"]["trained"].count("RELU6:INT8") == 5
    assert found["ops"]["merged"] == RESIDUAL
    assert found["agrees"]


def test_two_outputs(new: Bench) -> None:
    found = new.merged("two_outputs.h5", "two_outputs_fused")
    assert found["ops"]["trained"].count("RELU6:FLOAT32") == 3
    assert not any(op.startswith("RELU") or "FLOAT32" in op for op in found["ops"]["merged"])
    assert len(found["outputs"]) == 2
    assert found["agrees"]


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("name", ["residual", "two_outputs"])
def test_branches_with_tfmot_that_keeps_relu_apart(old: Bench, name: str, fixed: bool) -> None:
    builder = [name, "--fix"] if fixed else [f"{name}_fused"]
    found = old.merged(f"{name}.h5", *builder)
    assert any(op.startswith("RELU") for op in found["ops"]["trained"])
    assert not any(op.startswith("RELU") for op in found["ops"]["merged"])
    assert found["agrees"]


def test_ranges_come_from_behind_the_last_activation(new: Bench) -> None:
    sources = learned(new.merged("stacked.h5", "relu6"))
    assert "data" not in sources.values()
    assert [source for source in sources.values() if "re_lu" in source] == [
        "quant_re_lu/output",
        "quant_re_lu_1/output",
    ]


@pytest.mark.parametrize("saved", ["stacked_saved", "stacked.weights.h5"])
def test_other_ways_to_save(new: Bench, saved: str) -> None:
    options = ["--trained-builder", f"{MODELS}::stacked"] if "weights" in saved else []
    found = new.merged(saved, "relu6", *options)
    assert found["ops"]["merged"] == FUSED_6 + HEAD
    assert found["agrees"]


@pytest.mark.parametrize(
    ("trained", "builder", "options", "message"),
    [
        ("silu.h5", "silu_fused", [], "learned no range for 'quant_conv2d"),
        ("relu_fused.h5", "other_width", [], "(Conv2D: kernel [3, 3, 3, 8], bias [8]) of the"),
        ("relu_fused.h5", "other_function", [], "is not the trained one in another form"),
        ("stacked.weights.h5", "relu6", [], "holds weights only: name their model with --trained"),
        ("none.h5", "relu6", [], "none.h5: no such file"),
        ("relu_fused.h5", "relu_fused", ["--fix"], "::relu_fused: no safe fix applies to it with"),
        ("data.npy", "relu6", [], "data.npy: not an HDF5 model, or a damaged one"),
        ("stacked.h5", "relu6", ["--data", str(MODELS)], "trainable.py: not an .npy or .npz file"),
    ],
)
def test_what_does_not_fit(
    new: Bench, trained: str, builder: str, options: list[str], message: str
) -> None:
    (new.folder / "out.tflite").unlink(missing_ok=True)
    done = new.merge(trained, builder, *options)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr.splitlines()[-1]
    assert not (new.folder / "out.tflite").exists()


def test_in_the_users_process(new: Bench) -> None:
    """The same as a function, in a training script."""
    script = f"""
import sys
sys.path[:0] = [{str(MODELS.parent)!r}, {str(Path(__file__).parents[2])!r}]
import tensorflow_model_optimization as tfmot
import trainable
from qlsp.verify.runner.merging import merge

with tfmot.quantization.keras.quantize_scope():
    trained = trainable.keras.models.load_model({str(new.folder / "stacked.h5")!r}, compile=False)
inputs, _ = trainable.examples(4, 2)
merged = merge(trained, trainable.relu6(), [[each[None]] for each in inputs])
print(*sorted({{each.source.split("_")[0] for each in merged.ranges}}))
"""
    done = subprocess.run(
        [new.python, "-c", script], check=True, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.splitlines()[-1] == "quant quantize"
