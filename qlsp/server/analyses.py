"""When documents are analysed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from qlsp.diagnostic import Diagnostic
from qlsp.error import QlspError
from qlsp.server.buffer import Buffer, Outline
from qlsp.server.linting import Linting
from qlsp.server.worker import Worker
from qlsp.source.document import Document

logger = logging.getLogger(__name__)

MAX_PAUSE = 0.3
"""Longest wait, in seconds, for a pause in the typing."""


class Analyses:
    """Keeps what is known of each open document up to date with its text.

    A new text supersedes the analysis under way, whose result is dropped. The wait before
    an analysis is as long as the last one of that document took: quick ones follow
    every keystroke, and slow ones wait for a pause in the typing.
    """

    def __init__(
        self,
        linting: Callable[[Document], Linting],
        done: Callable[[Buffer], None],
        failed: Callable[[QlspError], None],
    ) -> None:
        """`done` is called after each analysis, `failed` where settings make none possible."""
        self._worker = Worker()
        self._linting = linting
        self._done = done
        self._failed = failed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._fixed: dict[str, asyncio.Future[list[Diagnostic]]] = {}
        self._outlined: dict[str, Document] = {}
        self._cost: dict[str, float] = {}
        """Seconds that the last analysis took."""

    def start(self, buffer: Buffer) -> None:
        """Analyse the text that `buffer` has now, instead of any it had before."""
        self._cancel(buffer.uri)
        self._tasks[buffer.uri] = asyncio.get_running_loop().create_task(self._run(buffer))

    def stop(self, buffer: Buffer) -> None:
        """Forget a document that was closed."""
        self._cancel(buffer.uri)
        self._tasks.pop(buffer.uri, None)
        self._cost.pop(buffer.uri, None)

    async def finished(self, buffer: Buffer) -> bool:
        """Wait for the newest text's analysis; False if the document was closed meanwhile."""
        while (task := self._tasks.get(buffer.uri)) is not None and not task.done():
            await asyncio.wait({task})
        return task is not None

    async def with_fixes(self, buffer: Buffer) -> list[Diagnostic]:
        """The findings in the text that `buffer` has now, with their fixes."""
        if buffer.uri not in self._fixed:
            document, linting = buffer.document, self._linting(buffer.document)
            self._fixed[buffer.uri] = self._worker.run(lambda: linting.lint(document, fixes=True))
        return await asyncio.shield(self._fixed[buffer.uri])

    async def outline(self, buffer: Buffer) -> Outline:
        """The models in a text; in the last one that parsed if this one does not."""
        await self.finished(buffer)
        document, linting = buffer.document, self._linting(buffer.document)
        if buffer.syntax_error is None and self._outlined.get(buffer.uri) is not document:
            try:
                outline = await self._worker.run(lambda: linting.outline(document))
            except Exception:
                logger.exception("could not predict the layers of %s", document.path)
                return buffer.outline
            if buffer.document is document:
                buffer.outline = outline
                self._outlined[buffer.uri] = document
        return buffer.outline

    async def fixed(self, document: Document, code: str | None, unsafe: bool) -> str:
        """The text with all fixes of rule `code` (None: of all rules) applied."""
        linting = self._linting(document)
        return await self._worker.run(lambda: linting.fix(document, code, unsafe))

    def later(self, job: Callable[[], None]) -> None:
        """Run `job` in the worker, after what was asked for before."""
        self._worker.run(job)

    def _cancel(self, uri: str) -> None:
        self._fixed.pop(uri, None)
        self._outlined.pop(uri, None)
        if task := self._tasks.get(uri):
            task.cancel()

    async def _run(self, buffer: Buffer) -> None:
        await asyncio.sleep(min(self._cost.get(buffer.uri, 0), MAX_PAUSE))
        document, linting = buffer.document, self._linting(buffer.document)

        def analyse() -> list[Diagnostic]:
            begin = time.monotonic()
            diagnostics = linting.lint(document, fixes=False)
            self._cost[buffer.uri] = time.monotonic() - begin
            return diagnostics

        try:
            buffer.settle(document, await self._worker.run(analyse))
            self._done(buffer)
        except QlspError as error:
            self._failed(error)
        except Exception:
            logger.exception("could not analyse %s", document.path)
