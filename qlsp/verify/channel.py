"""The runner in the user's interpreter, and the commands and answers between it and qlsp."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.verify.messages import exception_message, last_line
from qlsp.verify.process import MEGABYTE, Child, ExitError, LimitError, Limits
from qlsp.verify.target import Target

_RUNNER: Final = Path(__file__).parent / "runner" / "main.py"
_KERAS_PACKAGES: Final = {"tensorflow", "keras", "tf_keras"}

LEAST_ROOM: Final = 4 * MEGABYTE
"""Bytes that have to be free for temporary files."""

NO_SPACE: Final = os.strerror(errno.ENOSPC)
ROOM: Final = "make room, or set TMPDIR"

_STAGES: Final = {"build": "building", "merge": "merging"}
_HINTS: Final = {
    "seconds": "--timeout gives it more",
    "memory": "--memory gives it more",
    "output": "does it print for ever?",
    "processes": "does it fork for ever?",
    "cancelled": "its result is not wanted any more",
}

Progress = Callable[[str], None]
"""Told what is being done, e.g. `building`."""


class Channel:
    """A runner process, from start to kill."""

    def __init__(
        self,
        interpreter: Interpreter,
        limits: Limits,
        progress: Progress = lambda doing: None,
    ) -> None:
        """Start the interpreter. Raises `QlspError`."""
        self._interpreter = interpreter
        self._progress = progress
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="qlsp-verify-"))
        except OSError as error:
            raise QlspError(f"no temporary folder can be made: {error}") from None
        self.needed = LEAST_ROOM
        """Bytes that have to be free for temporary files."""
        self.doing = "starting"
        """What the runner is at, in words for a message."""
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}
        """Time spent so far, by what was done."""
        try:
            self._child = Child(
                [interpreter.path, _RUNNER, self._folder], limits, self._environment()
            )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise QlspError(f"{interpreter.path} can't be run: {error.strerror or error}") from None
        try:
            self.python = self._greeting()
            """The version of Python that answers."""
        except BaseException:
            self.close()
            raise

    def _greeting(self) -> str:
        """The version of Python that answers. Raises `QlspError` if it is none, or too old."""
        answer = self._receive()
        if "too_old" in answer:
            raise QlspError(
                f"{self._interpreter.path} is Python {answer['too_old']}, and 3.7 is the oldest "
                "that can be verified in; choose another interpreter with --python"
            )
        return str(answer["python"])

    def _environment(self) -> dict[str, str]:
        environment = {
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "CUDA_VISIBLE_DEVICES": "-1",  # a training under way keeps its memory
            **os.environ,
            "TMPDIR": str(self._folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **dict(self._interpreter.environment),
        }
        environment.pop("PYTHONHOME", None)
        environment.pop("__PYVENV_LAUNCHER__", None)
        return environment

    def close(self) -> None:
        """Kill the runner and all it started, and remove its folder."""
        self._child.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def output(self) -> str:
        """The end of what the user's code and TensorFlow printed."""
        return self._child.output

    @property
    def folder(self) -> Path:
        """For files that go with the runner."""
        return self._folder

    @property
    def over(self) -> bool:
        """Whether the runner has ended."""
        return self._child.ended

    def write(self, name: str, content: bytes) -> str:
        """Put a file into the folder; gives its path."""
        file = self._folder / name
        file.write_bytes(content)
        return str(file)

    def check_room(self) -> None:
        """Say so before the disk is full: converters take other ways, or end, where it is."""
        place = self._folder.parent  # the folder goes with the runner
        free = shutil.disk_usage(place).free
        if free < self.needed:
            raise QlspError(
                f"{free / MEGABYTE:.1f} MB are free in {place}, and this model needs "
                f"{self.needed / MEGABYTE:.0f} MB for temporary files: {ROOM}"
            )

    def ask(self, doing: str, **command: object) -> Any:
        """The result of a command. Raises `QlspError`."""
        return self.result(self.call(doing, **command))

    def call(self, doing: str, **command: object) -> dict[str, Any]:
        """The answer to a command. Raises `QlspError`, and `ExitError` of a conversion."""
        self.check_room()
        self._enter(doing)
        self._child.send(json.dumps(command).encode())
        while "stage" in (answer := self._receive()):
            self._enter(_STAGES[answer["stage"]])
        self._clock()
        return answer

    def _enter(self, doing: str) -> None:
        self._clock()
        self.doing = doing
        self._progress(doing)

    def _clock(self) -> None:
        """Book the time since the last call to what was being done."""
        now = time.monotonic()
        self.seconds[self.doing] = self.seconds.get(self.doing, 0.0) + now - self._since
        self._since = now

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._child.receive()
        except LimitError as error:
            hint = _HINTS[error.limit]
            message = f"while {self.doing}, the process {error}; {hint}"
            raise LimitError(error.limit, message) from None
        except ExitError as error:
            if self.doing.startswith("converting"):
                raise
            if self.doing == "starting" and error.code == 0:
                raise QlspError(f"{self._interpreter.path} is not a Python interpreter") from None
            last = last_line(error.output)
            raise QlspError(
                f"while {self.doing}, the process {error}" + (f": {last}" if last else "")
            ) from None
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise QlspError(f"{self._interpreter.path} is not a Python interpreter")
        return answer

    def result(self, answer: Mapping[str, Any], target: Target | None = None) -> Any:
        """The result that an answer brings. Raises the `QlspError` that it brings."""
        if "result" in answer:
            return answer["result"]
        error = answer["error"]
        if error["kind"] == "builder":
            raise QlspError(error["message"])
        if error["type"] == "ModuleNotFoundError" and error["module"] in _KERAS_PACKAGES:
            raise QlspError(self.without(error["module"]))
        folders = () if target is None else (target.file.parent, *target.roots)
        message = exception_message(error, self.doing, folders)
        raise QlspError(f"{message}; {ROOM}" if NO_SPACE in message else message)

    def without(self, package: str) -> str:
        """That the interpreter lacks `package`, and what to do about it."""
        path, origin = self._interpreter.path, self._interpreter.origin
        return (
            f"no {package} in {path} ({origin}); "
            f"choose another interpreter with --python, or: {path} -m pip install {package}"
        )
