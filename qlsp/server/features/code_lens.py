"""textDocument/codeLens: *Verify conversion* above what builds a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from qlsp.server.features.verification import COMMAND

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer


async def code_lens(ls: QlspServer, params: types.CodeLensParams) -> list[types.CodeLens]:
    """A lens for every builder; none in a workspace whose code must not be run."""
    buffer = ls.session.buffers.get(params.text_document.uri)
    if buffer is None or not ls.session.trusted:
        return []
    if not ls.session.options_for(buffer.document.path).code_lens:
        return []
    outline = await ls.analyses.outline(buffer)
    return [
        types.CodeLens(
            ls.session.codec.range(buffer.document, builder.mark.start, builder.mark.start),
            types.Command("Verify conversion", COMMAND, arguments=[buffer.uri, builder.name]),
        )
        for builder in outline.builders
    ]
