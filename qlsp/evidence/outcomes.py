"""What cases come to, by toolchain: a JSON file with a line per case."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from qlsp.evidence.toolchains import Setup

_LENGTH = 200
"""Characters kept of a message."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d [\d:.]+: ")
"""What a line of the log begins with."""


@cache
def load(file: str) -> Mapping[str, Mapping[str, str]]:
    """By case, and by toolchain as it is named on the command line: what comes out."""
    data: dict[str, dict[str, str]] = json.loads(_path(file).read_text(encoding="utf-8"))
    return data


def write(file: str, cases: Collection[str], name: str, found: Mapping[str, str]) -> None:
    """Put the column of the toolchain `name` into `file`, rows in the order of `cases`."""
    path = _path(file)
    known: dict[str, dict[str, str]] = {}
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
    for case, outcome in found.items():
        known.setdefault(case, {})[name] = outcome
    rows = (
        f"{json.dumps(case)}: "
        + json.dumps(dict(sorted(known.get(case, {}).items())), ensure_ascii=False)
        for case in cases
    )
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def raised(kind: str, message: str) -> str:
    """An error as an outcome: the end of a long message, where a stack of notes tells the cause."""
    if message.startswith("You need to provide"):
        message = message.partition(".")[0]
    message = message.partition(" Fatal Python error")[0]  # what TOCO says before it aborts
    message = _TIME.sub("", message)
    if len(message) > _LENGTH:
        message = "..." + message[-_LENGTH:]
    return f"raises {kind}: {message}"


def environment(chosen: Setup, interpreter: str, folder: str | None) -> dict[str, str]:
    """The environment variables to measure with; `folder` has the tfmot, if any apart."""
    variables = {
        **os.environ,
        **chosen.environment,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        # The old converter is a program beside the interpreter.
        "PATH": os.pathsep.join([str(Path(interpreter).parent), os.environ.get("PATH", "")]),
    }
    if folder:
        variables["PYTHONPATH"] = folder
    return variables


def _path(file: str) -> Path:
    return Path(str(files("qlsp.evidence") / "data" / file))
