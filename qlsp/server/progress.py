"""A progress bar in the editor."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lsprotocol import types
from pygls.capabilities import get_capability

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer

logger = logging.getLogger(__name__)


class Progress:
    """Shown while its context lasts; silent with clients that show none."""

    def __init__(self, ls: QlspServer, title: str) -> None:
        self.cancelled = False
        """Whether the user wanted an end."""
        self._progress = ls.work_done_progress
        self._title = title
        self._token = str(uuid.uuid4())
        self._shown: bool = bool(
            get_capability(ls.session.capabilities, "window.work_done_progress", False)
        )

    async def __aenter__(self) -> Self:
        if self._shown:
            try:
                await self._progress.create_async(self._token)
            except Exception as error:
                logger.warning("the client shows no progress: %s", error)
                self._shown = False
                return self
            begin = types.WorkDoneProgressBegin(self._title, cancellable=True)
            self._progress.begin(self._token, begin)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            self._progress.end(self._token, types.WorkDoneProgressEnd())
            del self._progress.tokens[self._token]

    def report(self, message: str) -> None:
        """Tell what is being done."""
        if self._shown:
            report = types.WorkDoneProgressReport(message=message, cancellable=True)
            self._progress.report(self._token, report)

    def on_cancel(self, cancel: Callable[[], object]) -> None:
        """Call `cancel` if the user wants an end."""

        def cancelled(_: object) -> None:
            self.cancelled = True
            cancel()

        if self._shown:
            self._progress.tokens[self._token].add_done_callback(cancelled)
