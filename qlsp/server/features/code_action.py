"""textDocument/codeAction and codeAction/resolve.

Actions are computed from the document. `context.diagnostics` only tells which findings are meant:
some clients count the columns in it in bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.exceptions import JsonRpcException

from qlsp.diagnostic import SYNTAX_ERROR, Applicability, Diagnostic
from qlsp.server.buffer import Buffer, Finding
from qlsp.server.edits import line_edits, workspace_edit
from qlsp.server.features.diagnostics import finding_diagnostic
from qlsp.source.edit import Edit
from qlsp.source.suppression import suppress

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer

logger = logging.getLogger(__name__)

FIX_ALL = f"{types.CodeActionKind.SourceFixAll.value}.qlsp"

OPTIONS = types.CodeActionOptions(
    code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL], resolve_provider=True
)


@dataclass(frozen=True)
class Offer:
    """An action on the text that a buffer has now; its edits are made only when wanted."""

    title: str
    kind: str
    edits: Callable[[], Awaitable[list[Edit]]]
    diagnostic: Diagnostic | None = None
    preferred: bool = False


async def code_action(ls: QlspServer, params: types.CodeActionParams) -> list[types.CodeAction]:
    """The actions at a place, without their edits if the client resolves them later."""
    buffer = ls.session.buffers.get(params.text_document.uri)
    if buffer is None:
        return []
    offers = await _offers(ls, buffer)
    only = params.context.only
    if only is not None:
        offers = [offer for offer in offers if any(_within(offer.kind, kind) for kind in only)]
    at_place = [offer for offer in offers if _is_meant(ls, buffer, offer, params)]
    if at_place or only is not None:
        at_place += [offer for offer in offers if offer.diagnostic is None]
    return [await _action(ls, buffer, offer, complete=not _resolves(ls)) for offer in at_place]


async def resolve(ls: QlspServer, action: types.CodeAction) -> types.CodeAction:
    """Add the edits to an action that `code_action` gave."""
    data = action.data if isinstance(action.data, dict) else {}
    buffer = ls.session.buffers.get(data.get("uri", ""))
    if buffer is not None and buffer.version == data.get("version"):
        for offer in await _offers(ls, buffer):
            if offer.title == action.title and _place(offer) == data.get("place"):
                return await _action(ls, buffer, offer, complete=True)
    code = int(types.LSPErrorCodes.ContentModified)
    raise JsonRpcException("the document has changed since the action was offered", code=code)


async def _offers(ls: QlspServer, buffer: Buffer) -> list[Offer]:
    """Every action on the text of `buffer`."""
    document = buffer.document
    try:
        found = await ls.analyses.with_fixes(buffer)
    except Exception:
        logger.exception("could not make fixes for %s", document.path)
        return []
    if buffer.document is not document:
        return []
    offers: list[Offer] = []
    for diagnostic in found:
        if diagnostic.code == SYNTAX_ERROR:
            return []
        offers += _offers_for(ls, buffer, diagnostic, found)
    if any(_applicability(diagnostic) is Applicability.SAFE for diagnostic in found):
        offers.append(
            Offer(
                "Fix all that qlsp can fix safely",
                FIX_ALL,
                partial(_fix_all, ls, buffer, None, unsafe=False),
            )
        )
    return offers


def _offers_for(
    ls: QlspServer, buffer: Buffer, diagnostic: Diagnostic, found: list[Diagnostic]
) -> Iterator[Offer]:
    document, fix, code = buffer.document, diagnostic.fix, diagnostic.code
    applicability = _applicability(diagnostic)
    kind = types.CodeActionKind.QuickFix
    if fix is not None and applicability is not Applicability.DISPLAY:
        safe = applicability is Applicability.SAFE
        warning = "" if safe else " (changes the model)"
        edits = partial(_ready, list(fix.edits))
        title = fix.title + warning
        yield Offer(title, kind, edits, diagnostic, preferred=safe)
        alike = [
            other
            for other in found
            if other.code == code and _applicability(other) is applicability
        ]
        if len(alike) > 1:
            title = f"Fix all {code} ({diagnostic.name}) in this file{warning}"
            edits = partial(_fix_all, ls, buffer, code, unsafe=not safe)
            yield Offer(title, kind, edits, diagnostic)
    comment = suppress(document, diagnostic.span, code)
    if comment is not None:
        title = f"Ignore {code} ({diagnostic.name}) on this line"
        yield Offer(title, kind, partial(_ready, [comment]), diagnostic)


async def _ready(edits: list[Edit]) -> list[Edit]:
    return edits


async def _fix_all(ls: QlspServer, buffer: Buffer, code: str | None, unsafe: bool) -> list[Edit]:
    document = buffer.document
    return line_edits(document.text, await ls.analyses.fixed(document, code, unsafe))


def _applicability(diagnostic: Diagnostic) -> Applicability | None:
    return diagnostic.fix.applicability if diagnostic.fix else None


def _is_meant(ls: QlspServer, buffer: Buffer, offer: Offer, params: types.CodeActionParams) -> bool:
    """Whether an action's finding is at the place asked about, or among those asked about."""
    diagnostic = offer.diagnostic
    if diagnostic is None:
        return False
    start, end = ls.session.codec.offsets(buffer.document, params.range)
    mark = Finding.of(diagnostic, buffer.document).mark
    if mark.start <= end and start <= mark.end:
        return True
    return any(
        (given.source, given.code) == ("qlsp", diagnostic.code)
        and given.range.start.line == diagnostic.span.line - 1
        for given in params.context.diagnostics
    )


def _place(offer: Offer) -> list[int] | None:
    span = offer.diagnostic and offer.diagnostic.span
    return [span.line, span.column, span.end_line, span.end_column] if span else None


async def _action(ls: QlspServer, buffer: Buffer, offer: Offer, complete: bool) -> types.CodeAction:
    action = types.CodeAction(
        offer.title, kind=offer.kind, is_preferred=True if offer.preferred else None
    )
    if offer.diagnostic is not None:
        finding = Finding.of(offer.diagnostic, buffer.document)
        action.diagnostics = [finding_diagnostic(ls, buffer, finding)]
    if complete:
        action.edit = workspace_edit(ls.session, buffer, await offer.edits())
    else:
        action.data = {"uri": buffer.uri, "version": buffer.version, "place": _place(offer)}
    return action


def _within(kind: str, wanted: str) -> bool:
    """Whether `wanted` is `kind` or a kind that it belongs to."""
    return kind == wanted or kind.startswith(f"{wanted}.") or not wanted


def _resolves(ls: QlspServer) -> bool:
    path = "text_document.code_action.resolve_support.properties"
    return "edit" in (get_capability(ls.session.capabilities, path) or ())
