"""Edits as an editor applies them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from lsprotocol import types
from pygls.capabilities import get_capability

from qlsp.server.buffer import Buffer
from qlsp.server.session import Session
from qlsp.source.edit import Edit


def workspace_edit(session: Session, buffer: Buffer, edits: Iterable[Edit]) -> types.WorkspaceEdit:
    """Edits of the text that `buffer` has now; refused by the editor if it has another by then."""
    changes = [
        types.TextEdit(session.codec.range(buffer.document, edit.start, edit.end), edit.text)
        for edit in edits
    ]
    if get_capability(session.capabilities, "workspace.workspace_edit.document_changes", False):
        document = types.OptionalVersionedTextDocumentIdentifier(buffer.uri, buffer.version)
        return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, changes)])
    return types.WorkspaceEdit(changes={buffer.uri: changes})


def line_edits(old: str, new: str) -> list[Edit]:
    """Edits that make `new` of `old`, whole lines each, so that cursors and folds survive."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    return [
        Edit(starts[first], starts[last], "".join(after[start:end]))
        for tag, first, last, start, end in matcher.get_opcodes()
        if tag != "equal"
    ]
