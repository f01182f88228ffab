"""Makes the virtual environment that a toolchain is measured in."""

from __future__ import annotations

import shutil
import subprocess
from importlib.resources import as_file, files
from pathlib import Path

from qlsp.error import QlspError
from qlsp.evidence.toolchains import Setup


def make(setup: Setup, folder: Path, python: str | None = None) -> Path:
    """Install the setup's pinned packages into a new environment; gives its interpreter.

    Uses uv where it is installed (which also finds or fetches old Pythons), else venv and pip.
    `python` is the interpreter to build on, by default the `pythonX.Y` that the setup needs.
    Raises `QlspError`.
    """
    if folder.exists() and any(folder.iterdir()):
        raise QlspError(f"{folder} exists and is not empty")
    uv = shutil.which("uv")
    if uv:
        _run(uv, "venv", "--quiet", "--python", python or setup.python, str(folder))
    else:
        base = python or shutil.which(f"python{setup.python}")
        if base is None:
            raise QlspError(f"{setup.name} needs Python {setup.python}: install it, or uv")
        _run(base, "-m", "venv", str(folder))
    interpreter = folder.absolute() / "bin" / "python"
    if uv:
        install = [uv, "pip", "install", "--quiet", "--python", str(interpreter)]
    else:
        install = [str(interpreter), "-m", "pip", "install", "--quiet"]
    # The pins are complete, and tfmot's own requirements contradict some of them.
    with as_file(files("qlsp.evidence") / "environments" / setup.pins) as pins:
        _run(*install, "--no-deps", "-r", str(pins))
    if setup.toolchain.tfmot:
        tfmot = f"tensorflow-model-optimization=={setup.toolchain.tfmot}"
        _run(*install, "--no-deps", tfmot)
    return interpreter


def _run(*command: str) -> None:
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise QlspError(f"can't run {command[0]}: {error.strerror}") from None
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines() or ["no message"]
        told = next((line for line in lines if line.lower().startswith("error")), lines[-1])
        raise QlspError(f"{' '.join(command[:3])} failed: {told}")
