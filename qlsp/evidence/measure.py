"""Runs the patterns through a toolchain's interpreter, keeping every result in a journal.

The journal (JSON lines) makes a measurement resumable: cells that it has are not measured
again unless the pattern's source changed. A pattern that takes the process down, or doesn't
end, is a measured result too, and the rest goes on in a new process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qlsp import verify
from qlsp.error import QlspError
from qlsp.evidence.patterns import Pattern
from qlsp.evidence.toolchains import Setup

_RUNNER = Path(__file__).with_name("runner.py")
_VERIFY_RUNNER = Path(verify.__file__).with_name("runner")
_BATCH = 50
"""Patterns per process: an import of TensorFlow costs seconds, its memory only grows."""

Key = tuple[str, str]
"""A pattern's name and a workflow."""


@dataclass(frozen=True)
class Journal:
    """What was measured so far."""

    path: Path

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """Every whole line, in the order written."""
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):  # the last line may be half written
                    yield json.loads(line)

    def cells(self) -> dict[Key, Mapping[str, Any]]:
        """The last measurement of every cell."""
        return {
            (line["pattern"], line["workflow"]): line for line in self.lines() if "pattern" in line
        }

    def versions(self) -> Mapping[str, str | None]:
        """What the interpreter said it has, last."""
        return next(
            (line["versions"] for line in reversed([*self.lines()]) if "versions" in line), {}
        )

    def begun(self) -> Key | None:
        """The cell under way when the last process ended."""
        begun: Key | None = None
        for line in self.lines():
            if "begin" in line:
                begun = (line["begin"][0], line["begin"][1])
            elif "pattern" in line or "versions" in line:
                begun = None
        return begun

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write("\n" + json.dumps(line) + "\n")


def measure(
    setup: Setup,
    interpreter: str,
    journal: Journal,
    patterns: Sequence[Pattern],
    progress: Callable[[int, int], None] = lambda done, total: None,
    timeout: float = 120,
) -> None:
    """Measure what the journal lacks. `timeout` is in seconds per cell.

    Raises `QlspError` if the interpreter can't be run, or hasn't the setup's versions.
    """
    journal.path.parent.mkdir(parents=True, exist_ok=True)
    wanted = [_job(setup, pattern) for pattern in patterns]
    total = sum(len(job["workflows"]) for job in wanted)
    while True:
        done = journal.cells()
        jobs = list(_missing(wanted, done))
        missing = sum(len(job["workflows"]) for job in jobs)
        progress(total - missing, total)
        if not jobs:
            return
        batch = jobs[:_BATCH]
        fate = _run(setup, interpreter, journal, batch, timeout)
        _check_versions(setup, interpreter, journal, fate)
        begun = journal.begun()
        if begun and fate:
            digest = next(job["digest"] for job in batch if job["pattern"] == begun[0])
            journal.write(
                {
                    "pattern": begun[0],
                    "workflow": begun[1],
                    "digest": digest,
                    "error": [fate.type, "convert", fate.message],
                }
            )
        elif fate:
            raise QlspError(f"{interpreter} ended with {fate.type}: {fate.message[-300:]}")


def _job(setup: Setup, pattern: Pattern) -> dict[str, Any]:
    source = pattern.source(setup.flavour)
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    return {
        "pattern": pattern.name,
        "source": source,
        "digest": digest,
        "workflows": list(setup.workflows),
    }


def _missing(
    jobs: Iterable[dict[str, Any]], done: Mapping[Key, Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    for job in jobs:
        workflows = [
            workflow
            for workflow in job["workflows"]
            if done.get((job["pattern"], workflow), {}).get("digest") != job["digest"]
        ]
        if workflows:
            yield {**job, "workflows": workflows}


@dataclass(frozen=True)
class _Fate:
    """How a process ended that did not end well."""

    type: str
    message: str


def _run(
    setup: Setup, interpreter: str, journal: Journal, jobs: Sequence[Any], timeout: float
) -> _Fate | None:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **setup.environment}
    command = [interpreter, str(_RUNNER), str(_VERIFY_RUNNER), str(journal.path.resolve())]
    with tempfile.TemporaryFile() as stderr, tempfile.TemporaryDirectory() as folder:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        except OSError as error:
            raise QlspError(f"can't run {interpreter}: {error.strerror}") from None
        try:
            assert process.stdin
            with contextlib.suppress(BrokenPipeError), process.stdin:
                process.stdin.write(json.dumps(list(jobs)).encode())
            alive = _wait(process, journal.path, timeout)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if not alive:
            return _Fate("Timeout", f"no result within {timeout:g} s")
        if process.returncode == 0:
            return None
        stderr.seek(0)
        text = stderr.read().decode("utf-8", "replace")
        if process.returncode < 0:
            return _Fate(signal.Signals(-process.returncode).name, text[-4000:])
        return _Fate(f"exit {process.returncode}", text[-4000:])


def _wait(process: subprocess.Popen[bytes], journal: Path, timeout: float) -> bool:
    """Wait for the end; False if the journal stopped growing for `timeout` seconds."""
    size, since = -1, time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
            return True
        now = journal.stat().st_size if journal.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > timeout:
            return False


def _check_versions(setup: Setup, interpreter: str, journal: Journal, fate: _Fate | None) -> None:
    found = journal.versions()
    wanted = setup.toolchain
    if not found:
        message = fate.message.strip().splitlines()[-1] if fate and fate.message.strip() else ""
        raise QlspError(f"{interpreter} did not begin to measure: {message}")
    for package, version in (("tensorflow", wanted.tensorflow), ("tfmot", wanted.tfmot)):
        if version is not None and found[package] != version:
            raise QlspError(
                f"{interpreter} has {package} {found[package]}, but {setup.name} needs {version}"
            )
