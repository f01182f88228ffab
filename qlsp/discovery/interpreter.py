"""The project's Python: the user's, not qlsp's."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from qlsp.error import QlspError

_FOLDERS = (".venv", "venv", "env")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, and why it was chosen."""

    path: Path
    origin: str
    certain: bool = True
    """Whether it is the project's beyond doubt: given, or in the project's own folder."""
    environment: tuple[tuple[str, str], ...] = ()
    """Variables to start it with besides those of this process."""

    @property
    def prefix(self) -> Path:
        """The folder of its environment."""
        return self.path.parent if os.name == "nt" else self.path.parent.parent


def find_interpreter(
    given: str | None, folder: Path, environment: Mapping[str, str] = os.environ
) -> Interpreter | None:
    """The interpreter to use, as an editor would choose it.

    The one `given`; else that of the active virtual or conda environment; else that of `.venv`,
    `venv` or `env` in `folder`, or above it within its git repository. Raises `QlspError` if the
    one given does not exist.
    """
    if given is not None:
        return Interpreter(_resolve(given), "--python")
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        path = python_of(Path(environment[variable])) if environment.get(variable) else None
        if path is not None:
            return Interpreter(path, f"${variable}", certain=False)
    for parent in _project_folders(folder):
        for name in _FOLDERS:
            path = python_of(parent / name)
            if path is not None:
                return Interpreter(path, str(parent / name), certain=parent == folder)
    return None


def python_of(environment: Path) -> Path | None:
    """The interpreter of an environment."""
    for name in ("bin/python", "bin/python3", "Scripts/python.exe", "python.exe"):
        path = environment / name
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None


def _resolve(given: str) -> Path:
    path = Path(given).expanduser()
    if path.is_dir():
        inside = python_of(path)
        if inside is None:
            raise QlspError(f"--python {given}: no Python in this folder (looked in bin/)")
        return inside
    import shutil

    found = shutil.which(given)
    if found is None:
        reason = "is not executable" if path.exists() else "no such interpreter"
        raise QlspError(f"--python {given}: {reason}")
    return Path(os.path.abspath(found))  # noqa: PTH100 - a venv's python must stay a link


def _project_folders(folder: Path) -> Iterator[Path]:
    """`folder`, and those above it up to the top of its git repository if it is in one."""
    parents = (folder, *folder.parents)
    top = next((at for at, each in enumerate(parents) if (each / ".git").exists()), 0)
    yield from parents[: top + 1]
