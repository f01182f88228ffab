"""textDocument/hover: the rule's text on a finding, and what becomes of a layer or became of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol, TypeVar

from lsprotocol import types

from qlsp.diagnostic import Diagnostic
from qlsp.server.buffer import Mark

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer

_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


async def hover(ls: QlspServer, params: types.HoverParams) -> types.Hover | None:
    """What is known of the place under the cursor."""
    buffer = ls.session.buffers.get(params.text_document.uri)
    if buffer is None:
        return None
    outline = await ls.analyses.outline(buffer)
    offset = ls.session.codec.offset(buffer.document, params.position)
    finding = _innermost(buffer.findings, offset)
    hint = _innermost(outline.hints, offset)
    measured = [
        each
        for found in buffer.measured.values()
        for each in found.hints
        if each.mark.start <= offset <= each.mark.end
    ]
    marks = [each.mark for each in (finding, hint, *measured) if each is not None]
    if not marks:
        return None
    parts = [each.table for each in measured]
    parts += [hint.table] if hint else []
    parts += [_about(finding.diagnostic)] if finding else []
    return types.Hover(
        types.MarkupContent(types.MarkupKind.Markdown, "\n\n---\n\n".join(parts)),
        ls.session.codec.range(buffer.document, marks[0].start, marks[0].end),
    )


class _Marked(Protocol):
    @property
    def mark(self) -> Mark: ...


_M = TypeVar("_M", bound=_Marked)


def _innermost(marked: Iterable[_M], offset: int) -> _M | None:
    """The shortest of those that are at `offset`."""
    under = [each for each in marked if each.mark.start <= offset <= each.mark.end]
    return min(under, key=lambda each: each.mark.end - each.mark.start, default=None)


def _about(found: Diagnostic) -> str:
    """The text of the rule; the message is for the editor to show."""
    from qlsp.rules.catalogue import find

    rule = find(found.code)
    text = f"**{found.code} {found.name}**"
    if rule is None:
        return f"{text}\n\n{found.message}"
    body = _HEADING.sub(r"**\1**\n", rule.body())  # headings are larger than code in a hover
    return f"{text}\n\n{rule.summary()}\n\n{body}"
