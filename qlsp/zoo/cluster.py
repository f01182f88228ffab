"""Run cases on a Dask cluster: the scheduler hands them out, and again where a worker dies.

Workers have this version of qlsp, and find the project and the interpreters under the same paths.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from qlsp.error import QlspError
from qlsp.verify.process import Limits
from qlsp.zoo.case import Case, Job
from qlsp.zoo.result import Result
from qlsp.zoo.share import Share
from qlsp.zoo.work import work

if TYPE_CHECKING:
    from distributed import Client

LOCAL: Final = "local"
_PATIENCE: Final = "10s"


def run_on_cluster(
    cases: Sequence[Case], address: str, share: Share, limits: Limits
) -> Generator[Result, None, None]:
    """The results of all cases, as they come: one task each. Raises `QlspError`.

    `address` is that of a scheduler, or `local` for one within this process with a worker process
    for every job of `share`. A case whose worker dies is run again by another, until it has
    brought down as many as the scheduler allows (`distributed.scheduler.allowed-failures`).
    """
    if not cases:
        return
    with _client(address, share) as client:
        from distributed import as_completed

        run = uuid.uuid4().hex
        futures = {
            client.submit(_work, case, limits, key=f"qlsp-{run}-{number}", pure=False): case
            for number, case in enumerate(cases)
        }
        try:
            for future in as_completed(list(futures)):
                yield _result(future, futures[future])
        finally:
            client.cancel(list(futures), force=True)


def _work(case: Case, limits: Limits) -> Result:
    """One case, in a worker; its TensorFlow is killed when the task is cancelled."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def cancelled() -> bool:
        task = worker.state.tasks.get(key)
        return task is None or task.state not in ("executing", "long-running")

    memory = limits.memory or (worker.memory_manager.memory_limit or 0) // worker.state.nthreads
    found: list[Result] = []
    limits = replace(limits, memory=memory, cancelled=cancelled)
    work(Job((case,)), limits, found.append, lambda doing: None)
    return found[0]


def _result(future: object, case: Case) -> Result:
    from distributed import Future

    assert isinstance(future, Future)
    try:
        result = future.result()
        assert isinstance(result, Result)
        return replace(result, case=case)
    except (Exception, CancelledError) as error:
        reason = " ".join(str(error).split())
        return Result(case, None, f"the cluster gave it up: {type(error).__name__}: {reason}")


@contextmanager
def _client(address: str, share: Share) -> Iterator[Client]:
    """A client of the scheduler at `address`. Raises `QlspError`."""
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise QlspError("--cluster needs Dask: pip install 'qlsp[cluster]'") from None
    if address != LOCAL:
        try:
            client = Client(address, timeout=_PATIENCE)
        except (OSError, ValueError) as error:
            raise QlspError(f"--cluster {address}: {' '.join(str(error).split())}") from None
        with client:
            yield client
        return
    with (
        LocalCluster(
            n_workers=share.jobs,
            threads_per_worker=1,
            memory_limit=share.memory,
            dashboard_address=None,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
