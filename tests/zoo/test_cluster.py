"""Cases run by a real Dask scheduler with real worker processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

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


def until(condition: Callable[[], object], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)


def gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return project(tmp_path, SETTINGS)


@pytest.fixture
def scheduler(folder: Path) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process for one task at a time."""
    file = folder / "scheduler.json"
    shared = {"cwd": folder, "env": environment(folder), "stderr": subprocess.DEVNULL}
    distributed = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", file]
    options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
    processes = [
        subprocess.Popen(
            [
                *(*distributed, "--scheduler-file", file, "--no-dashboard"),
                *("--host", "127.0.0.1", "--port", "0"),
            ],
            **shared,  # type: ignore[call-overload]
        )
    ]
    try:
        until(file.exists)
        processes += [
            subprocess.Popen([*worker, *options], **shared)  # type: ignore[call-overload]
            for _ in range(2)
        ]
        yield json.loads(file.read_text())["address"]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_a_worker_that_is_killed_while_it_verifies(folder: Path, scheduler: str) -> None:
    """Its runner dies with it, and the other worker takes the case over."""
    process = subprocess.Popen(
        command("--cluster", scheduler, "--python", PYTHON, "--format", "json"),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    runs = folder / "runs"
    until(lambda: runs.exists() and any(runs.iterdir()))
    (first,) = runs.iterdir()
    runner = psutil.Process(int(first.name))
    worker = runner.parent()
    assert worker is not None
    assert "dask_worker" in " ".join(worker.cmdline())
    worker.kill()
    until(lambda: gone(runner))
    until(lambda: len(list(runs.iterdir())) == 2)
    assert process.poll() is None
    (folder / "awake").touch()
    out, err = process.communicate(timeout=240)
    assert process.returncode == 2
    results = json.loads(out)["results"]
    assert [(each["model"], each["workflow"]) for each in results] == [
        *(("first", "ptq"), ("good", "ptq"), ("raises", "ptq"), ("raises", "float")),
        ("island", "ptq"),
    ]
    assert {each["model"]: each["verdict"] for each in results} == VERDICTS
    assert "ValueError: awake" in results[0]["error"]
    told = [line for line in err.splitlines() if line.startswith("[")]
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
    process.communicate(timeout=240)
    assert process.returncode == 130
    until(lambda: gone(runner))


def test_an_embedded_scheduler(folder: Path) -> None:
    (folder / "awake").touch()
    done = run(folder, "--cluster", "local", "--jobs", "2", "--python", PYTHON, "--format", "json")
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
