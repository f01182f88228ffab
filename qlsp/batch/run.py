"""Linting many files, in as many processes as that is worth."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from qlsp.batch.report import Report
from qlsp.batch.session import Options, Session
from qlsp.config import Config
from qlsp.error import QlspError
from qlsp.files import SourceFile

_WORTH_A_PROCESS = 200_000
"""Bytes of source to analyse; tracing them takes longer than starting a process."""
_CHUNK = 100_000
"""Bytes of source handed to a process at a time."""
_MANY_OBJECTS = 2_000_000
"""Objects that are left over before memory is tidied up; 100 to 200 bytes each."""


class Failure(NamedTuple):
    """A file that could not be linted, and why in one line."""

    path: str
    message: str


def run(
    files: Iterable[SourceFile], options: Options, jobs: int | None = None
) -> Iterator[Report | Failure]:
    """One outcome per file, in no particular order. Raises `QlspError` for errors of settings.

    `jobs` is how many processes to use at most; by default one per processor.
    """
    session = Session(options)
    waiting: list[tuple[SourceFile, int]] = []
    for file in files:
        try:
            data = Path(file.path).read_bytes()
        except OSError as error:
            yield Failure(file.path, f"{file.path}: {_reason(error)}")
            continue
        report = session.quick(file, data)
        if report is None:
            waiting.append((file, len(data)))
        else:
            yield report
    _check_configs(file.config for file, _ in waiting)
    size = sum(size for _, size in waiting)
    jobs = min(jobs or _processors(), size // _WORTH_A_PROCESS + 1)
    if jobs == 1:
        gc.disable()
        try:
            for chunk in _chunks(waiting):
                yield from _lint_all(session, chunk)
        finally:
            gc.freeze()  # or all that is left would be looked through at once
            gc.enable()
    else:
        yield from _in_processes(waiting, options, jobs)


def lint_text(file: SourceFile, data: bytes, options: Options) -> Report:
    """Lint a text as if it stood in `file`. Raises `QlspError`."""
    session = Session(options)
    report = session.quick(file, data)
    if report is None:
        _check_configs([file.config])
        report = session.lint(file, data)
    return report


def _in_processes(
    waiting: list[tuple[SourceFile, int]], options: Options, jobs: int
) -> Iterator[Report | Failure]:
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    import qlsp.linter.mend  # noqa: F401 - once, before the processes part

    try:
        with ProcessPoolExecutor(jobs, initializer=_begin, initargs=(options,)) as pool:
            chunks = [pool.submit(_lint_chunk, chunk) for chunk in _chunks(waiting)]
            for done in as_completed(chunks):
                yield from done.result()
    except BrokenProcessPool:
        raise QlspError("a process of qlsp was killed, perhaps for want of memory") from None


def _check_configs(configs: Iterable[Config]) -> None:
    """Raise `QlspError` for a selector that selects nothing."""
    different = {config.root: config for config in configs if config.file is not None}
    if different:
        from qlsp.batch.selectors import check_config

        for config in different.values():
            check_config(config)


_sessions: list[Session] = []


def _begin(options: Options) -> None:
    gc.disable()
    _sessions[:] = [Session(options)]


def _lint_chunk(files: list[SourceFile]) -> list[Report | Failure]:
    return list(_lint_all(_sessions[0], files))


def _lint_all(session: Session, files: list[SourceFile]) -> Iterator[Report | Failure]:
    """Lint files where Python's own garbage collection is switched off.

    What is traced is full of cycles, and needed only as long as its file is linted. Looking for
    them whenever objects are made would cost as much as tracing; they are looked for when there
    are many, among nothing but what was made since.
    """
    for file in files:
        done = _lint(session, file)
        if isinstance(done, Report):
            done.document.forget_tree()
        yield done
        if gc.get_count()[0] > _MANY_OBJECTS:
            gc.collect()
            gc.freeze()


def _lint(session: Session, file: SourceFile) -> Report | Failure:
    try:
        return session.lint(file, Path(file.path).read_bytes())
    except OSError as error:
        return Failure(file.path, f"{file.path}: {_reason(error)}")
    except QlspError as error:
        return Failure(file.path, str(error))
    except Exception as error:  # a fault of ours: the other files are linted all the same
        return Failure(file.path, f"{file.path}: internal error: {type(error).__name__}: {error}")


def _chunks(waiting: list[tuple[SourceFile, int]]) -> Iterator[list[SourceFile]]:
    """The files in portions of about equal work; neighbours, as they import the same files."""
    chunk: list[SourceFile] = []
    size = 0
    for file, bytes_ in waiting:
        chunk.append(file)
        size += bytes_
        if size >= _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _reason(error: OSError) -> str:
    text = error.strerror or str(error)
    return text[0].lower() + text[1:]
