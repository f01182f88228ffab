from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.zoo.cluster import until
from tests.zoo.project import environment


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process for one task at a time."""
    (tmp_path / "tmp").mkdir(exist_ok=True)
    file = tmp_path / "scheduler.json"
    shared = {"cwd": tmp_path, "env": environment(tmp_path), "stderr": subprocess.DEVNULL}
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
