"""textDocument/inlayHint: behind each layer, what it becomes in the converted model."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer


async def inlay_hint(ls: QlspServer, params: types.InlayHintParams) -> list[types.InlayHint]:
    """The hints in a range, at the ends of their lines."""
    buffer = ls.session.buffers.get(params.text_document.uri)
    if buffer is None or not ls.session.options_for(buffer.document.path).inlay_hints:
        return []
    outline = await ls.analyses.outline(buffer)
    document, codec = buffer.document, ls.session.codec
    start, end = codec.offsets(document, params.range)
    lines = {hint: document.position(hint.mark.end)[0] for hint in outline.hints}
    many = Counter(lines.values())
    return [
        types.InlayHint(
            codec.position(document, document.line_starts[line - 1] + len(document.line(line))),
            f"{hint.layer}: {hint.label}" if many[line] > 1 else hint.label,
            tooltip=types.MarkupContent(types.MarkupKind.Markdown, hint.table),
            padding_left=True,
        )
        for hint, line in lines.items()
        if start <= hint.mark.end <= end
    ]
