"""A program run apart: in its own process group, under limits, and killed whole.

User code may loop, fork, allocate, print or exit; whatever it does, `Child.close` leaves none
of its processes behind. On Linux a process whose parent has ended is handed to this one, which
knows it again by a mark in its environment; elsewhere only those seen in time are found.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import psutil

from qlsp.error import QlspError

MEGABYTE: Final = 1 << 20
_POLL_SECONDS: Final = 0.1
_SETTLE_SECONDS: Final = 0.02
_TAIL: Final = 64 * 1024
_LINE: Final = 16 * MEGABYTE
_PR_SET_CHILD_SUBREAPER: Final = 36
_MARK: Final = "QLSP_RUNNER"


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use before it is killed."""

    seconds: float = 600.0
    """Per message awaited: one build, one conversion."""
    memory: int = 0
    """Bytes resident over all its processes; 0: four fifths of what is free at the start."""
    output: int = 64 * MEGABYTE
    """Bytes printed."""
    processes: int = 256
    cancelled: Callable[[], bool] = _never
    """Asked all the time: whether its result is of no use any more."""


class LimitError(QlspError):
    """The child went over a limit and was killed; `limit` is the field of `Limits`."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


class ExitError(QlspError):
    """The child ended without an answer: `code` as of `Popen.returncode`, `output` its last."""

    def __init__(self, code: int, output: str) -> None:
        super().__init__(describe_exit(code))
        self.code = code
        self.output = output


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exited with code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (out of memory?)" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"


class Child:
    """A running program that answers in lines on its standard output.

    What it prints on standard error is kept apart: the last 64 KB of it are `output`. Closing
    its standard input tells it to end; so does the end of this process, however it comes.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        limits: Limits,
        environment: Mapping[str, str],
        folder: Path | None = None,
    ) -> None:
        """Start `command`. Raises `OSError`."""
        self._limits = limits
        self._memory = limits.memory or psutil.virtual_memory().available * 4 // 5
        self._mark = uuid.uuid4().hex
        _adopt_orphans()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, _MARK: self._mark},
            cwd=folder,
            start_new_session=True,
        )
        self._known: set[psutil.Process] = set()
        with contextlib.suppress(psutil.Error):
            self._known.add(psutil.Process(self._process.pid))
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._printed = 0
        self._tail = bytearray()
        for target, stream in (
            (self._read_lines, self._process.stdout),
            (self._read_output, self._process.stderr),
        ):
            threading.Thread(target=target, args=(stream,), daemon=True).start()

    @property
    def output(self) -> str:
        """The end of what the program printed."""
        return self._tail.decode(errors="replace")

    @property
    def ended(self) -> bool:
        """Whether the program has ended, of itself or not."""
        return self._process.poll() is not None

    @property
    def printed(self) -> int:
        """Bytes printed so far."""
        return self._printed

    def send(self, line: bytes) -> None:
        """Write a line to its standard input; if it has ended, `receive` says so."""
        stream = self._process.stdin
        assert stream is not None
        with contextlib.suppress(BrokenPipeError):
            stream.write(line + b"\n")
            stream.flush()

    def receive(self) -> bytes:
        """Its next line. Raises `LimitError` or `ExitError`; the program is then gone."""
        deadline = time.monotonic() + self._limits.seconds
        while True:
            try:
                return self._lines.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                pass
            try:
                self._check(deadline)
            except QlspError:
                self.close()
                raise

    def _check(self, deadline: float) -> None:
        family = self._family()
        code = self._process.poll()
        if code is not None and self._lines.empty():
            time.sleep(_POLL_SECONDS)  # for the last of its output
            if self._lines.empty():
                raise ExitError(code, self.output)
        limits = self._limits
        if limits.cancelled():
            raise LimitError("cancelled", "was cancelled")
        if time.monotonic() > deadline:
            raise LimitError("seconds", f"gave no answer within {limits.seconds:g} s")
        if self._printed > limits.output:
            raise LimitError("output", f"printed more than {limits.output // MEGABYTE} MB")
        if len(family) > limits.processes:
            raise LimitError("processes", f"started more than {limits.processes} processes")
        used = sum(_resident(process) for process in family)
        if used > self._memory:
            raise LimitError("memory", f"used more than {self._memory // MEGABYTE} MB of memory")

    def _family(self) -> set[psutil.Process]:
        """The program and its living descendants, orphans included."""
        roots = [*self._known, *self._orphans()]
        found: set[psutil.Process] = set()
        for process in sorted(roots, key=lambda root: root.pid != self._process.pid):
            if process not in found:
                found.add(process)
                with contextlib.suppress(psutil.Error):
                    found.update(process.children(recursive=True))
        self._known = {process for process in found if _alive(process)}
        return self._known

    def _orphans(self) -> Iterator[psutil.Process]:
        for orphan in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if orphan.environ().get(_MARK) == self._mark:
                    yield orphan

    def close(self) -> None:
        """Kill the program and all it started; wait until they are gone."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        # A fork bomb outruns single kills: stop all first, and repeat until none is new. A process
        # whose parent ends during a look is in nobody's hands yet: only two empty looks prove it.
        empty = 0
        for _ in range(100):
            family = self._family()
            if not family:
                empty += 1
                if empty == 2:
                    break
                time.sleep(_SETTLE_SECONDS)
                continue
            empty = 0
            for process in family:
                with contextlib.suppress(psutil.Error):
                    process.suspend()
            for process in family:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(family, timeout=1)
        self._process.wait()

    def _read_lines(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError), stream:
            while line := stream.readline(_LINE):
                self._lines.put(line)

    def _read_output(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError), stream:
            while piece := stream.read1(_TAIL):  # type: ignore[attr-defined]
                self._printed += len(piece)
                self._tail += piece
                del self._tail[:-_TAIL]


def _alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
