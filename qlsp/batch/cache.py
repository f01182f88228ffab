"""Results of earlier runs, one small JSON file per linted file.

An entry holds as long as the program, the settings, the file and every other file that was read
or looked for while it was traced are the same. Nothing here imports the tracer.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import qlsp
from qlsp.diagnostic import Applicability, Diagnostic, Fix, Related, Severity
from qlsp.source.edit import Edit
from qlsp.source.span import Site, Span
from qlsp.source.writing import write_whole

FOLDER = ".qlsp_cache"
_PRESENT = "present"


def digest(data: bytes) -> str:
    """A short hash of `data`."""
    return blake2b(data, digest_size=16).hexdigest()


class Cache:
    """The results of one project under one set of settings."""

    def __init__(self, root: Path | None, settings: str) -> None:
        """A cache in `root`, or without one a cache that forgets all; `settings` is a digest."""
        self._folder = root and root / FOLDER
        self._key = f"{_program()} {settings}" if root else ""
        self._states: dict[str, str | None] = {}

    def get(self, path: str, data: bytes) -> tuple[Diagnostic, ...] | None:
        """What was found in the file at `path` (absolute) when it held `data`."""
        if self._folder is None:
            return None
        try:
            entry = json.loads((self._folder / _name(path)).read_bytes())
            if entry["key"] != self._key or entry["file"] != digest(data):
                return None
            if any(self._state(other, was) != was for other, was in entry["others"].items()):
                return None
            return tuple(_diagnostic(each) for each in entry["diagnostics"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def put(
        self,
        path: str,
        data: bytes,
        others: Mapping[str, str | None],
        diagnostics: Sequence[Diagnostic],
    ) -> None:
        """Remember a result, if that can be written; `others` as `state` gives them."""
        if self._folder is None:
            return
        entry = {
            "key": self._key,
            "file": digest(data),
            "others": others,
            "diagnostics": [_plain(each) for each in diagnostics],
        }
        with contextlib.suppress(OSError):
            if not self._folder.is_dir():
                self._folder.mkdir()
                (self._folder / ".gitignore").write_text("# Made by qlsp.\n*\n")
            write_whole(self._folder / _name(path), json.dumps(entry).encode())

    def _state(self, path: str, like: str | None) -> str | None:
        """The present state of another file, read no closer than the one it is compared with."""
        kind = f"{path}\0" if like in (None, _PRESENT) else path
        if kind not in self._states:
            self._states[kind] = state(path, read=kind == path)
        return self._states[kind]


def _name(path: str) -> str:
    return f"{digest(os.fsencode(path))}.json"


def state(path: str, *, read: bool) -> str | None:
    """The hash of a file's bytes, or without `read` that it is there; None where it is not."""
    try:
        if read:
            return digest(Path(path).read_bytes())
        return _PRESENT if Path(path).is_file() else None
    except OSError:
        return None


@cache
def _program() -> str:
    """Tells two states of this program apart, also while it is being worked on."""
    newest = max(entry.stat().st_mtime_ns for entry in _files(Path(qlsp.__file__).parent))
    return f"{qlsp.__version__} {newest} {sys.version}"


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "__pycache__":
                    yield from _files(Path(entry.path))
            else:
                yield entry


def _plain(diagnostic: Diagnostic) -> dict[str, object]:
    fix = diagnostic.fix
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "message": diagnostic.message,
        "severity": diagnostic.severity.value,
        "path": diagnostic.path,
        "span": _numbers(diagnostic.span),
        "related": [
            (each.site.path, _numbers(each.site.span), each.message) for each in diagnostic.related
        ],
        "fix": fix
        and (
            fix.title,
            fix.applicability.value,
            [(edit.start, edit.end, edit.text) for edit in fix.edits],
        ),
    }


def _numbers(span: Span) -> tuple[int, int, int, int]:
    return span.line, span.column, span.end_line, span.end_column


def _diagnostic(plain: dict[str, Any]) -> Diagnostic:
    fix = plain["fix"]
    return Diagnostic(
        plain["code"],
        plain["name"],
        plain["message"],
        Severity(plain["severity"]),
        plain["path"],
        Span(*plain["span"]),
        tuple(
            Related(Site(path, Span(*span)), message) for path, span, message in plain["related"]
        ),
        fix and Fix(fix[0], Applicability(fix[1]), tuple(Edit(*edit) for edit in fix[2])),
    )
