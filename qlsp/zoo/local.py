"""Run jobs on this machine, several at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

from qlsp.verify.process import Limits
from qlsp.zoo.case import Job
from qlsp.zoo.result import MEMORY, Result
from qlsp.zoo.share import Share
from qlsp.zoo.work import work

Told = Callable[[Job, str], None]
"""Told what is being done about a job; called from several threads."""


def run_here(
    jobs: Sequence[Job], share: Share, limits: Limits, told: Told
) -> Generator[Result, None, None]:
    """The results of all cases, as they come.

    Each job's TensorFlow is a process of its own; here there is but a thread that waits for it.
    What went over its share of the memory runs again when it has all of it. Closing the iterator,
    or an exception where it is read, kills what is under way.
    """
    again: list[Result] = []
    for result in _run(jobs, share.jobs, replace(limits, memory=share.memory), told):
        if result.limit == MEMORY and share.memory < share.most:
            again.append(result)
        else:
            yield result
    alone = [Job((each.case,)) for each in again]
    yield from _run(alone, 1, replace(limits, memory=share.most), told)


def _run(jobs: Sequence[Job], workers: int, limits: Limits, told: Told) -> Iterator[Result]:
    if not jobs:
        return
    stopped = threading.Event()
    results: SimpleQueue[Result] = SimpleQueue()
    limits = replace(limits, cancelled=stopped.is_set)
    pool = ThreadPoolExecutor(workers, "qlsp-zoo")

    def run(job: Job) -> None:
        work(job, limits, results.put, lambda doing: told(job, doing))

    try:
        for job in jobs:
            pool.submit(run, job)
        for _ in range(sum(len(job.cases) for job in jobs)):
            yield results.get()
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
