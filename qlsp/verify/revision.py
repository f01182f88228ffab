"""The sources of an older revision, from git."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from qlsp.error import QlspError
from qlsp.verify.target import Target


def at_revision(target: Target, revision: str) -> Target:
    """`target` as it was: Python files that have changed since get the text they had.

    Other files, such as data, stay as they are. Raises `QlspError`.
    """
    folder = target.file.parent
    commit = _git(
        folder, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"
    )
    if commit is None:
        raise QlspError(
            f"--against {revision}: neither FILE.py::BUILDER nor a git revision known in {folder}"
        )
    top = Path(_needed(folder, "rev-parse", "--show-toplevel").strip())
    name = commit.strip()
    listed = _needed(
        top, "diff", "--name-only", "--no-renames", "--diff-filter=MDT", "-z", name, "--", "*.py"
    )
    texts = {
        top / path: _bytes(top, "show", f"{name}:{path}") for path in listed.split("\0") if path
    }
    relative = target.file.resolve().relative_to(top.resolve())
    if _git(top, "cat-file", "-e", f"{name}:{relative.as_posix()}") is None:
        raise QlspError(f"--against {revision}: {relative} was not there yet")
    return replace(target, texts=texts)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None if it fails."""
    try:
        return _bytes(folder, *arguments).decode(errors="surrogateescape")
    except subprocess.CalledProcessError:
        return None


def _needed(folder: Path, *arguments: str) -> str:
    found = _git(folder, *arguments)
    if found is None:
        raise QlspError(f"git {arguments[0]} failed in {folder}")
    return found


def _bytes(folder: Path, *arguments: str) -> bytes:
    try:
        return subprocess.run(
            ["git", "-C", folder, *arguments], check=True, capture_output=True
        ).stdout
    except FileNotFoundError:
        raise QlspError("--against with a revision needs git") from None
