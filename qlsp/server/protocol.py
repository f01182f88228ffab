"""JSON-RPC that stands up to clients that send nonsense."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.protocol import LanguageServerProtocol, lsp_method

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs import Converter

    from qlsp.server.server import QlspServer

logger = logging.getLogger(__name__)

_OWN = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS,
)
"""Notifications whose built-in handlers would keep a second copy of what the session holds."""


class Protocol(LanguageServerProtocol):
    """pygls's protocol, with an answer to every request, however malformed."""

    _server: QlspServer

    def __init__(self, server: QlspServer, converter: Converter) -> None:
        super().__init__(server, converter)
        self._initialized = False
        for method in _OWN:
            self.fm.builtin_features.pop(method)

    def receive(self, body: bytes) -> None:
        """Handle one message."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._refuse(None, types.ErrorCodes.ParseError, f"not JSON: {error}")
            return
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self._refuse(None, types.ErrorCodes.InvalidRequest, "not JSON-RPC 2.0")
        elif "method" in message:
            self._receive_call(message)
        else:
            self._handle(message, lambda error: self._fail(message.get("id"), error))

    def _receive_call(self, message: dict[str, Any]) -> None:
        method, is_request = message["method"], "id" in message
        identifier = message.get("id")

        def refuse(code: int, reason: str) -> None:
            if is_request:
                self._refuse(identifier, code, reason)
            else:
                logger.warning("ignored %s: %s", method, reason)

        if is_request and type(identifier) not in (int, str):
            identifier = None
            refuse(types.ErrorCodes.InvalidRequest, "`id` is neither a number nor a string")
        elif not isinstance(method, str):
            refuse(types.ErrorCodes.InvalidRequest, "`method` is not a string")
        elif self._shutdown and method != types.EXIT:
            refuse(types.ErrorCodes.InvalidRequest, "the server is shutting down")
        elif method not in {*self.fm.features, *self.fm.builtin_features, types.CANCEL_REQUEST}:
            refuse(types.ErrorCodes.MethodNotFound, f"unknown method {method!r}")
        elif self._initialized == (method == types.INITIALIZE) and method != types.EXIT:
            code = types.ErrorCodes.InvalidRequest
            if not self._initialized:
                code = types.ErrorCodes.ServerNotInitialized
            refuse(code, f"{method!r} may come only once and must come first")
        else:
            self._handle(
                message, lambda error: refuse(types.ErrorCodes.InvalidParams, _reason(error))
            )

    def _handle(self, message: dict[str, Any], refuse: Callable[[Exception], None]) -> None:
        try:
            structured = self.structure_message(message)
        except Exception as error:
            refuse(error)
        else:
            self._initialized = True
            try:
                self.handle_message(structured)
            except Exception:
                logger.exception("could not handle a message")

    def _fail(self, identifier: object, error: Exception) -> None:
        """Let the request fail whose response makes no sense."""
        logger.warning("bad response: %s", _reason(error))
        if isinstance(identifier, int | str):
            future = self._request_futures.pop(identifier, None)
            if future is not None:
                future.set_exception(error)

    def _refuse(self, identifier: int | str | None, code: int, reason: str) -> None:
        error = {"code": int(code), "message": reason}
        self._send_data({"jsonrpc": self.VERSION, "id": identifier, "error": error})

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> None:  # type: ignore[override]
        """Cancel what is under way (pygls trips over requests that end meanwhile)."""
        for future in list(self._request_futures.values()):
            future.cancel()
        self._shutdown = True

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        """End the server: in order after `shutdown`, else as a failure."""
        self._server.exit_code = 0 if self._shutdown else 1


def _reason(error: Exception) -> str:
    """What is wrong with a message's parameters, and where."""
    from cattrs import transform_error

    cause = error.__cause__ or error
    try:
        return "; ".join(transform_error(cause)) or str(cause)
    except Exception:
        return str(cause) or type(cause).__name__
