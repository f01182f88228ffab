"""The state of files that a result depends on, and whether it has changed since."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

State = tuple[int, int, str]
"""Size, time of the last change in ns, and digest of the content: bytes, or names in a folder."""
States = Mapping[str, State | None]
"""By path; None for what is not there."""


def states(paths: Iterable[Path]) -> States:
    """The present state of files, and of folders with all that is in them."""
    return {str(each): _state(each) for path in paths for each in (path, *_inside(path))}


def changed(before: States) -> bool:
    """Whether any file is not as it was; a new time alone is no change."""
    for path, was in before.items():
        found = _stat(Path(path))
        if found is None or was is None:
            if found is not None or was is not None:
                return True
        elif (found.st_size, found.st_mtime_ns) != (was[0], was[1]):
            now = _state(Path(path))
            if now is None or now[2] != was[2]:
                return True
    return False


def newest(found: States) -> int:
    """When the last of the files was changed, in ns."""
    return max((state[1] for state in found.values() if state), default=0)


def _inside(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(path.rglob("*"))


def _stat(file: Path) -> os.stat_result | None:
    try:
        return file.stat()
    except OSError:
        return None


def _state(file: Path) -> State | None:
    found = _stat(file)
    if found is None:
        return None
    digest = blake2b(digest_size=16)
    try:
        if file.is_dir():
            digest.update(repr(sorted(each.name for each in file.iterdir())).encode())
            return found.st_size, found.st_mtime_ns, digest.hexdigest()
        with file.open("rb") as stream:
            while piece := stream.read(1 << 20):
                digest.update(piece)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, digest.hexdigest()
