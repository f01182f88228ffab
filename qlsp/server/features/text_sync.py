"""textDocument/didOpen, didChange, didSave and didClose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from qlsp.server.features.diagnostics import clear

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer


def did_open(ls: QlspServer, params: types.DidOpenTextDocumentParams) -> None:
    """Take over a document and analyse it."""
    if params.text_document.language_id == "python":
        ls.analyses.start(ls.session.open(params.text_document))


def did_change(ls: QlspServer, params: types.DidChangeTextDocumentParams) -> None:
    """Take over what was typed; supersedes the analysis under way."""
    buffer = ls.session.buffers.get(params.text_document.uri)
    if buffer is not None:
        buffer.change(params.content_changes, params.text_document.version, ls.session.codec)
        ls.analyses.start(buffer)


def did_save(ls: QlspServer, params: types.DidSaveTextDocumentParams) -> None:
    """Analyse everything again: the other documents may import this one."""
    if params.text_document.uri in ls.session.buffers:
        ls.refresh()


def did_close(ls: QlspServer, params: types.DidCloseTextDocumentParams) -> None:
    """Forget the document and take its diagnostics away."""
    buffer = ls.session.close(params.text_document.uri)
    if buffer is not None:
        ls.analyses.stop(buffer)
        clear(ls, buffer)
