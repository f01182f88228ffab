"""Zoo runs with TensorFlow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.tensorflow import tensorflow_python
from tests.zoo.cluster import with_a_worker_killed
from tests.zoo.project import run

pytestmark = pytest.mark.slow

NET = """
import tensorflow as tf
from tf_keras import Model, Sequential, layers

import blocks


def small():
    model = Sequential([layers.Conv2D(4, 3, input_shape=(8, 8, 3)), blocks.activation()])
    model.load_weights("weights.h5")
    tf.train.Checkpoint(model=model).restore("saved/point").expect_partial()
    return model


def fails():
    raise ValueError("on purpose")


def lambda_layer():
    inputs = layers.Input((4,))
    return Model(inputs, layers.Lambda(lambda x: x * 2)(inputs))
"""
WEIGHTS = """
from sys import argv

import tensorflow as tf
from tf_keras import Sequential, layers

model = Sequential([layers.Conv2D(4, 3, input_shape=(8, 8, 3))])
if "h5" in argv:
    model.save_weights("weights.h5")
if "checkpoint" in argv:
    tf.train.Checkpoint(model=model).write("saved/point")
"""
SETTINGS = """
[tool.qlsp.models]
small = { builder = "net.py::small", workflows = ["ptq", "float"] }
fails = { builder = "net.py::fails", workflows = ["ptq"] }
lambda = { builder = "net.py::lambda_layer", workflows = ["qat", "float"] }
"""


def weights(folder: Path, *kinds: str) -> None:
    command = [tensorflow_python(), "-c", WEIGHTS, *kinds]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def rows(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str, str, bool]]:
    assert done.stdout, done.stderr
    return [
        (each["model"], each["workflow"], each["verdict"], each["kept"])
        for each in json.loads(done.stdout)["results"]
    ]


def test_a_run_and_what_makes_it_stale(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "blocks.py").write_text("from tf_keras.layers import ReLU as activation\n")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "saved").mkdir()
    weights(tmp_path, "h5", "checkpoint")
    options = ("--python", tensorflow_python(), "--format", "json")
    first = run(tmp_path, *options)
    assert first.returncode == 2
    assert rows(first) == [
        ("small", "ptq", "as it should be", False),
        ("small", "float", "as it should be", False),
        ("fails", "ptq", "not verified", False),
        ("lambda", "qat", "raises", False),
        ("lambda", "float", "as it should be", False),
    ]
    again = run(tmp_path, "small", "lambda", *options)
    assert again.returncode == 1
    assert all(kept for *_, kept in rows(again))
    for kind in ("h5", "checkpoint"):
        weights(tmp_path, kind)
        (row,) = rows(run(tmp_path, "small", "--workflow", "float", *options))
        assert not row[-1]
    assert all(kept for *_, kept in rows(run(tmp_path, "lambda", *options)))
    (tmp_path / "blocks.py").write_text("from tf_keras.layers import ELU as activation\n")
    (row,) = rows(run(tmp_path, "small", "--workflow", "float", *options))
    assert not row[-1]


WAITING = """
import os
import time
from pathlib import Path

from tf_keras import Sequential, layers

HERE = Path(__file__).parent


def waits():
    (HERE / "runs").mkdir(exist_ok=True)
    (HERE / "runs" / str(os.getpid())).touch()
    while not (HERE / "awake").exists():
        time.sleep(0.1)
    return small(4)


def small(filters):
    return Sequential([layers.Conv2D(filters, 3, input_shape=(8, 8, 3)), layers.ReLU()])
"""
MODELS = """
[tool.qlsp]
workflows = ["float", "ptq"]
[tool.qlsp.models]
waits = { builder = "net.py::waits", workflows = ["ptq"] }
small = { builder = "net.py::small", set = { filters = 2 } }
"""


def test_all_reports_arrive_once_when_a_worker_dies(tmp_path: Path, scheduler: str) -> None:
    (tmp_path / "pyproject.toml").write_text(MODELS)
    (tmp_path / "net.py").write_text(WAITING)
    results, told = with_a_worker_killed(tmp_path, scheduler, tensorflow_python())
    assert [(each["model"], each["workflow"], each["verdict"]) for each in results] == [
        ("waits", "ptq", "as it should be"),
        ("small", "float", "as it should be"),
        ("small", "ptq", "as it should be"),
    ]
    assert all(each["report"]["workflows"][0]["ops"] for each in results)
    assert len(told) == len({line.split("]")[1] for line in told}) == 3
