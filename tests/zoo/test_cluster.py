"""Cases run by a real Dask scheduler with real worker processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.zoo.cluster import gone, until, with_a_worker_killed
from tests.zoo.project import PYTHON, command, environment, left_behind, project, run

SETTINGS = """
[tool.qlsp.models]
first = { builder = "net.py::waits", workflows = ["ptq"] }
good = "conv_relu6_int8.tflite"
raises = { builder = "net.py::raises", workflows = ["ptq", "float"] }
island = "float_island.tflite"
"""
VERDICTS = {
    "first": "not verified",
    "good": "as it should be",
    "raises": "not verified",
    "island": "1 float island",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path, SETTINGS)


def test_a_worker_that_is_killed_while_it_verifies(folder: Path, scheduler: str) -> None:
    """Its runner dies with it, and the other worker takes the case over."""
    results, told = with_a_worker_killed(folder, scheduler, PYTHON)
    assert [(each["model"], each["workflow"]) for each in results] == [
        *(("first", "ptq"), ("good", "ptq"), ("raises", "ptq"), ("raises", "float")),
        ("island", "ptq"),
    ]
    assert {each["model"]: each["verdict"] for each in results} == VERDICTS
    assert "ValueError: awake" in results[0]["error"]
    assert [line.split("]")[0] for line in told] == [f"[{number}/5" for number in range(1, 6)]
    assert len({line.split("]")[1].split(":")[0] for line in told}) == 5


def test_an_interrupted_run_leaves_no_task_on_the_workers(folder: Path, scheduler: str) -> None:
    process = subprocess.Popen(
        command("first", "--cluster", scheduler, "--python", PYTHON),
        cwd=folder,
        env=environment(folder),
        stderr=subprocess.PIPE,
        text=True,
    )
    runs = folder / "runs"
    until(lambda: runs.exists() and any(runs.iterdir()))
    (first,) = runs.iterdir()
    runner = psutil.Process(int(first.name))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "interrupted: 0 of 1 are done" in err
    assert "Traceback" not in err
    until(lambda: gone(runner))


def test_an_embedded_scheduler(folder: Path) -> None:
    (folder / "awake").touch()
    done = run(folder, "--cluster", "--jobs", "2", "--python", PYTHON, "--format", "json")
    assert done.returncode == 2, done.stderr
    results = json.loads(done.stdout)["results"]
    assert {each["model"]: each["verdict"] for each in results} == VERDICTS
    until(lambda: left_behind(folder) == [])


def test_without_dask(folder: Path) -> None:
    (folder / "distributed.py").write_text("raise ImportError('not installed')")
    done = subprocess.run(
        command("--cluster", "local", "--python", PYTHON),
        cwd=folder,
        env={**environment(folder), "PYTHONPATH": os.pathsep.join([str(folder), str(Path.cwd())])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "--cluster needs Dask: pip install 'qlsp[cluster]'" in done.stderr
