"""Runs on a scheduler with two workers, one of which dies."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from tests.zoo.project import command, environment


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


def with_a_worker_killed(
    folder: Path, scheduler: str, python: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Results of a run, and what it told of each as it came.

    Its first model waits for the file `awake`, and leaves its process's number in `runs`. The
    worker that builds it is killed meanwhile.
    """
    process = subprocess.Popen(
        command("--cluster", scheduler, "--python", python, "--format", "json"),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
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
        out, err = process.communicate(timeout=600)
        return json.loads(out)["results"], [
            line for line in err.splitlines() if line.startswith("[")
        ]
    finally:
        process.kill()
