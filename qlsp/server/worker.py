"""Work off the event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")


class Worker:
    """Runs jobs one after the other in a thread, so that the server stays responsive.

    The thread never keeps the process alive (that of an executor would). A job whose future is
    cancelled before its turn is skipped.
    """

    def __init__(self) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="analysis", daemon=True).start()

    def run(self, job: Callable[[], _Result]) -> asyncio.Future[_Result]:
        """The future result of `job()`; call from the event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Result] = loop.create_future()

        def settle(result: _Result | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            if future.cancelled() or loop.is_closed():
                return
            outcome: tuple[_Result | None, BaseException | None]
            try:
                outcome = job(), None
            except BaseException as error:
                outcome = None, error
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, *outcome)

        self._jobs.put(work)
        return future

    def _work(self) -> None:
        while True:
            self._jobs.get()()
