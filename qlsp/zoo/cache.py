"""Results of earlier runs, one JSON file per case, in the user's cache folder.

An entry holds as long as the case is the same (builder, arguments, data, workflow, the
interpreter's packages, this version of qlsp) and so is the content of every file that was read
while the model was built. Only reports are kept: what could not be verified is tried again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from qlsp import __version__
from qlsp.source.writing import write_whole
from qlsp.verify.report.json import VERSION
from qlsp.zoo.case import Case
from qlsp.zoo.result import Result
from qlsp.zoo.state import changed

_FORM: Final = 1
"""Changes with the form of an entry."""


def cache_folder() -> Path:
    """Where results are kept unless told otherwise."""
    from platformdirs import user_cache_path

    return user_cache_path("qlsp", appauthor=False) / "verify"


@dataclass(frozen=True, slots=True)
class Cache:
    """Kept results; without a folder none."""

    folder: Path | None
    refresh: bool = False
    """Whether earlier results are ignored, and replaced."""

    def get(self, case: Case) -> Result | None:
        """The result of an earlier run that still holds. An entry that can't be read doesn't."""
        if self.folder is None or self.refresh or not case.installed:
            return None
        key = _key(case)
        try:
            entry = json.loads((self.folder / _name(key)).read_bytes())
            files = {
                str(path): None if state is None else (state[0], state[1], state[2])
                for path, state in entry["files"].items()
            }
            if entry["key"] != key or changed(files):
                return None
            result = Result(case, entry["report"], "", "", entry["seconds"], files, kept=True)
            _ = result.verdict, result.failure, result.workflow
            return result
        except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None

    def put(self, result: Result) -> None:
        """Keep a result, if it can be told when it holds. Raises `OSError`."""
        case = result.case
        if self.folder is None or result.report is None or result.files is None:
            return
        if not case.installed or result.kept:
            return
        key = _key(case)
        entry = {
            "key": key,
            "files": result.files,
            "report": result.report,
            "seconds": result.seconds,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self.folder / _name(key), json.dumps(entry).encode())


def _key(case: Case) -> dict[str, Any]:
    """Everything that decides the result but the content of files, of JSON types only."""
    target = case.target
    return {
        "qlsp": [__version__, VERSION, _FORM],
        "file": str(target.file),
        "builder": target.builder,
        "arguments": repr(sorted(target.arguments.items())),
        "roots": [str(root) for root in target.roots],
        "data": target.data,
        "ends": [list(target.inputs), list(target.outputs)],
        "depends_on": [str(path) for path in case.depends_on],
        "workflow": case.workflow,
        "interpreter": str(case.interpreter.path),
        "installed": case.installed,
    }


def _name(key: dict[str, Any]) -> str:
    text = json.dumps(key, sort_keys=True)
    return f"{blake2b(text.encode(), digest_size=16).hexdigest()}.json"
