"""Where a project's versions may be told, found without reading more than folder listings.

The cache asks for `fingerprint` on every run, so nothing here imports a parser.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qlsp.config import Config
from qlsp.discovery.interpreter import Interpreter, find_interpreter

_MANIFEST = re.compile(
    r"pyproject\.toml|uv\.lock|poetry\.lock|pdm\.lock|pylock(\..+)?\.toml|Pipfile(\.lock)?"
    r"|setup\.(cfg|py)|(environment|conda)\S*\.ya?ml"
    r"|(\S+[-_.])?(requirements|constraints)\S*\.(txt|in)"
)
_INCLUDE = re.compile(rb"^[ \t]*(?:-r|-c|--requirement|--constraint)[ \t=]*([^\s#]+)", re.MULTILINE)
_INSTALLED = re.compile(
    r"(?P<name>(intel_)?tensorflow(_\w+)?|tf_nightly\w*|tf_keras\w*|keras(_nightly)?"
    r"|tf_model_optimization_nightly)"
    r"-(?P<version>[^-]+)(-py[^-]*)?\.(dist|egg)-info",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sources:
    """The files and the environment that tell what a project in `root` depends on."""

    root: Path
    interpreter: Interpreter | None

    @classmethod
    def of(cls, root: Path, python: str | None = None) -> Sources:
        """Those of a project. Raises `QlspError` if `python` does not exist."""
        return cls(root, find_interpreter(python, root))

    @cached_property
    def manifests(self) -> tuple[Path, ...]:
        """Files that may name dependencies, those that they include after them."""
        found: dict[Path, None] = {}
        waiting = [*_listed(self.root), *_listed(self.root / "requirements", every=True)]
        while waiting:
            file = waiting.pop(0)
            if file in found:
                continue
            found[file] = None
            if file.suffix in {".txt", ".in"}:
                waiting += [Path(os.path.normpath(file.parent / name)) for name in _included(file)]
        return tuple(found)

    @cached_property
    def installed(self) -> tuple[tuple[str, str], ...]:
        """Names and versions of what is installed of TensorFlow, Keras and tfmot."""
        found = {}
        for folder in self._site_packages():
            for name in _names(folder):
                match = _INSTALLED.fullmatch(name)
                if match:
                    found[match["name"].lower().replace("_", "-")] = match["version"]
        return tuple(sorted(found.items()))

    def _site_packages(self) -> Iterator[Path]:
        if self.interpreter is None:
            return
        for prefix in (self.interpreter.prefix, _base(self.interpreter.prefix)):
            if prefix is not None:
                yield from sorted(prefix.glob("lib*/python3*/*-packages"), reverse=True)
                yield prefix / "Lib" / "site-packages"


def fingerprint(config: Config, python: str | None = None) -> str:
    """A digest of everything that decides which settings a config leads to."""
    sources = Sources.of(config.root, python)
    state = hashlib.blake2b(repr((config, sources.installed)).encode(), digest_size=16)
    for file in sources.manifests:
        state.update(os.fsencode(file) + b"\0" + _bytes(file))
    return state.hexdigest()


def _listed(folder: Path, *, every: bool = False) -> list[Path]:
    return [
        folder / name
        for name in _names(folder)
        if (every and name.endswith((".txt", ".in"))) or _MANIFEST.fullmatch(name)
    ]


def _included(file: Path) -> list[str]:
    return [os.fsdecode(name) for name in _INCLUDE.findall(_bytes(file))]


def _base(prefix: Path) -> Path | None:
    """The environment below a virtual one that sees its packages."""
    try:
        settings = (prefix / "pyvenv.cfg").read_text(errors="replace")
    except OSError:
        return None
    values = dict(re.findall(r"(?m)^\s*([\w-]+)\s*=\s*(.*?)\s*$", settings))
    sees = values.get("include-system-site-packages", "").lower() == "true"
    return Path(values["home"]).parent if sees and "home" in values else None


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return []


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
