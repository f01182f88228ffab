"""The language server: which handler serves which message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from qlsp import __version__
from qlsp.error import QlspError
from qlsp.server import pages
from qlsp.server.analyses import Analyses
from qlsp.server.buffer import Buffer
from qlsp.server.features import (
    code_action,
    code_lens,
    configuration,
    diagnostics,
    hover,
    inlay_hint,
    lifecycle,
    text_sync,
    verification,
    watched_files,
    workspace_folders,
)
from qlsp.server.protocol import Protocol
from qlsp.server.session import Session

logger = logging.getLogger(__name__)

_HANDLERS: dict[str, tuple[Callable[..., Any], Any]] = {
    types.INITIALIZE: (lifecycle.initialize, None),
    types.INITIALIZED: (lifecycle.initialized, None),
    types.TEXT_DOCUMENT_DID_OPEN: (text_sync.did_open, None),
    types.TEXT_DOCUMENT_DID_CHANGE: (text_sync.did_change, None),
    types.TEXT_DOCUMENT_DID_SAVE: (text_sync.did_save, None),
    types.TEXT_DOCUMENT_DID_CLOSE: (text_sync.did_close, None),
    types.TEXT_DOCUMENT_DIAGNOSTIC: (diagnostics.diagnostic, diagnostics.OPTIONS),
    types.TEXT_DOCUMENT_HOVER: (hover.hover, None),
    types.TEXT_DOCUMENT_INLAY_HINT: (inlay_hint.inlay_hint, None),
    types.TEXT_DOCUMENT_CODE_LENS: (code_lens.code_lens, None),
    types.TEXT_DOCUMENT_CODE_ACTION: (code_action.code_action, code_action.OPTIONS),
    types.CODE_ACTION_RESOLVE: (code_action.resolve, None),
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: (configuration.did_change_configuration, None),
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: (watched_files.did_change_watched_files, None),
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: (
        workspace_folders.did_change_workspace_folders,
        None,
    ),
}
"""Handler and options by method; a handler takes the server and the message's parameters."""


class QlspServer(LanguageServer):
    """A session with one client."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__("qlsp", __version__, protocol_cls=Protocol)
        self.exit_code: int | None = None
        """Set when the server is to end."""
        self.session = Session()
        self.verifying = asyncio.Lock()
        """Held while a model is converted: one at a time, for it takes much memory."""
        self._warned = ""
        self._pages: set[str] = set()
        """Rules whose pages are written."""
        self.analyses = Analyses(self.session.linting, self._analysed, self._failed)
        for method, (handler, options) in _HANDLERS.items():
            self.feature(method, options)(handler)

        async def verify(*arguments: str) -> object:
            return await verification.verify(self, arguments)

        self.command(verification.COMMAND)(verify)

    def _analysed(self, buffer: Buffer) -> None:
        self.session.analysed(buffer)
        diagnostics.publish(self, buffer)
        for code in {finding.diagnostic.code for finding in buffer.findings} - self._pages:
            self._pages.add(code)
            self.analyses.later(partial(pages.write, code))

    def _failed(self, error: QlspError) -> None:
        self.warn(str(error))

    def refresh(self) -> None:
        """Analyse all open documents again: something besides their text has changed."""
        self.session.renew()
        for buffer in self.session.buffers.values():
            self.analyses.start(buffer)
        self._ask_to_pull()
        if get_capability(self.session.capabilities, "workspace.inlay_hint.refresh_support", False):
            self.workspace_inlay_hint_refresh(None)

    def announce(self, buffer: Buffer) -> None:
        """Let the client know diagnostics of a text that was analysed before."""
        self.session.generation += 1
        diagnostics.publish(self, buffer)
        self._ask_to_pull()

    def _ask_to_pull(self) -> None:
        path = "workspace.diagnostics.refresh_support"
        if self.session.pulls and get_capability(self.session.capabilities, path, False):
            self.workspace_diagnostic_refresh(None)

    def warn(self, message: str) -> None:
        """Tell the user; the same thing only once in a row."""
        if message == self._warned:
            return
        self._warned = message
        logger.warning("%s", message)
        self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, message))

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log what a handler raised; the client is told only in the answer to its request."""
        if not isinstance(error, JsonRpcException) or error.code == JsonRpcException.CODE:
            logger.error("%s", error)
