"""Which files the user's code reads: what a result that is kept depends on.

Modules are known to Python, and files that Python opens are told to its audit hooks (from 3.8
on). What libraries open in C is watched where they are given the path.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import site
import sys
import sysconfig
from typing import Any

_MOST = 10000
"""Files told; a builder that reads more has a data set among them."""
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/")
_READERS = (
    ("h5py", "File.__init__", 1, "name"),
    ("tensorflow.python.lib.io.file_io", "FileIO.__init__", 1, "name"),
    ("tensorflow.python.training.py_checkpoint_reader", "NewCheckpointReader", 0, "filepattern"),
)
"""Functions that read a file: module, name, and position and name of the path."""

_opened: dict[str, None] = {}


def record() -> None:
    """Remember from now on what Python opens for reading."""
    if hasattr(sys, "addaudithook"):
        sys.addaudithook(_audit)


def watch() -> None:
    """Remember from now on what h5py and TensorFlow read; both must be importable by now."""
    for module, name, position, keyword in _READERS:
        with contextlib.suppress(Exception):  # an older TensorFlow has another place for it
            _watch(importlib.import_module(module), name, position, keyword)


def files(own: str) -> list[str] | None:
    """Files read so far, without those of the interpreter, its packages and the folder `own`.

    Absolute, sorted; what was looked for and is missing is among them. None where there are more
    than can be told.
    """
    modules = map(_file_of, list(sys.modules.values()))
    found: set[str] = set()
    for path in [*_opened, *filter(None, modules)]:
        found.update(_parts(os.path.abspath(path)))  # noqa: PTH100 - `resolve` follows links
    outside = (*_installed(), *_SYSTEM, os.path.join(own, ""))  # noqa: PTH118
    kept = [
        path
        for path in found
        if not path.startswith(outside) and "__pycache__" not in path and not os.path.isdir(path)  # noqa: PTH112
    ]
    return sorted(kept) if len(kept) <= _MOST else None


def _file_of(module: Any) -> str | None:
    """Where a module is from; without asking a lazy one, which would import it."""
    with contextlib.suppress(Exception):
        path = object.__getattribute__(module, "__dict__").get("__file__")
        return path if isinstance(path, str) else None
    return None


def _installed() -> tuple[str, ...]:
    """Folders of Python's library, of packages and of the runner; a prefix may be just `/usr`."""
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.add(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    with contextlib.suppress(AttributeError):  # within an old virtualenv
        folders.update([*site.getsitepackages(), site.getusersitepackages()])
    return tuple(os.path.join(folder, "") for folder in folders)  # noqa: PTH118


def _parts(path: str) -> list[str]:
    """The file itself, or those of the checkpoint whose prefix it is."""
    if os.path.exists(path):  # noqa: PTH110
        return [path]
    folder, prefix = os.path.split(path)
    with contextlib.suppress(OSError):
        names = [each for each in os.listdir(folder) if each.startswith(prefix + ".")]  # noqa: PTH208
        return [os.path.join(folder, each) for each in names] or [path]  # noqa: PTH118
    return [path]


def _audit(event: str, arguments: Any) -> None:
    if event == "open":
        with contextlib.suppress(Exception):
            path, mode, flags = arguments
            writes = flags & (os.O_WRONLY | os.O_RDWR) if mode is None else set(mode) & set("wax")
            if not writes:
                _note(path)


def _note(path: Any) -> None:
    if isinstance(path, (str, bytes, os.PathLike)):
        text = os.fsdecode(path)
        if text and "://" not in text:
            _opened[os.path.join(os.getcwd(), text)] = None  # noqa: PTH109, PTH118


def _watch(module: Any, name: str, position: int, keyword: str) -> None:
    owner, _, function = name.rpartition(".")
    target = getattr(module, owner) if owner else module
    original = getattr(target, function)

    def watched(*arguments: Any, **options: Any) -> Any:
        with contextlib.suppress(Exception):
            _note(options[keyword] if keyword in options else arguments[position])
        return original(*arguments, **options)

    setattr(target, function, watched)
