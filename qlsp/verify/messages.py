"""What happened in the user's interpreter, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qlsp.toml import shown


def exception_message(error: Mapping[str, Any], doing: str, folders: Sequence[Path]) -> str:
    """What the user's code or TensorFlow raised, and where in the project's `folders`."""
    text = first_line(error["message"])
    if error["type"] == "SystemExit":
        what = f"sys.exit({text}) was called"
    else:
        what = error["type"] + (f": {text}" if text else "")
    own = [frame for frame in error["trace"] if _is_project(frame[0], folders)]
    at = f" ({shown(Path(own[-1][0]))}:{own[-1][1]})" if own else ""
    return f"while {doing}, {what}{at}"


def _is_project(file: str, folders: Sequence[Path]) -> bool:
    return "site-packages" not in file and any(Path(file).is_relative_to(each) for each in folders)


def first_line(text: str) -> str:
    """The first line of `text` that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def last_line(text: str) -> str:
    """The last line of `text` that says something."""
    return first_line("\n".join(reversed(text.splitlines())))
