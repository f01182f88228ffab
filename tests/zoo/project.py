"""A project whose models need no TensorFlow: converted ones, and builders that never get so far."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

MODELS = Path(__file__).parents[1] / "verify" / "models"
PYTHON = getattr(sys, "_base_executable", sys.executable)
"""A Python without TensorFlow."""

BUILDERS = """
import os
import time
from pathlib import Path

HERE = Path(__file__).parent

def raises(reason="on purpose"):
    raise ValueError(reason)

def exits():
    os._exit(3)

def sleeps():
    (HERE / "sleeping").touch()
    time.sleep(600)

def needs(megabytes):
    kept = bytearray(os.urandom(1 << 20)) * megabytes
    time.sleep(2)
    raise ValueError(f"had {len(kept) >> 20} MB")

def waits():
    (HERE / "runs").mkdir(exist_ok=True)
    (HERE / "runs" / str(os.getpid())).touch()
    while not (HERE / "awake").exists():
        time.sleep(0.1)
    raise ValueError("awake")
"""


def project(folder: Path, settings: str) -> Path:
    """A project in `folder` with these `[tool.qlsp]` settings."""
    (folder / "pyproject.toml").write_text(settings)
    (folder / "net.py").write_text(BUILDERS)
    for name in ("conv_relu6_int8", "float_island"):
        shutil.copy(MODELS / f"{name}.tflite", folder)
    (folder / "tmp").mkdir(exist_ok=True)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Variables for a run in it: temporary files and kept results stay in the folder."""
    return {
        **os.environ,
        "TMPDIR": str(folder / "tmp"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "QLSP_TEST": str(folder),
    }


def command(*arguments: str) -> Sequence[str]:
    """`qlsp verify --all` with these arguments."""
    return [sys.executable, "-m", "qlsp", "verify", "--all", *arguments]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `qlsp verify --all` in the project."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
    )


def entries(folder: Path) -> list[Path]:
    """The files of the cache."""
    return sorted((folder / "cache").rglob("*.*"))


def left_behind(folder: Path) -> list[object]:
    """Processes that were started for a run in `folder`, and temporary files."""
    found: list[object] = list((folder / "tmp").glob("qlsp-*"))
    for process in psutil.process_iter():
        try:
            marked = process.environ().get("QLSP_TEST") == str(folder)
            if marked and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
