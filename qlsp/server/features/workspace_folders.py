"""workspace/didChangeWorkspaceFolders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.uris import to_fs_path

from qlsp.server.features import configuration

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer
    from qlsp.server.session import Session


def add(session: Session, folder: types.WorkspaceFolder) -> None:
    """Take up a folder, if it is on disk."""
    path = to_fs_path(folder.uri)
    if path:
        session.folders[folder.uri] = Path(path)


async def did_change_workspace_folders(
    ls: QlspServer, params: types.DidChangeWorkspaceFoldersParams
) -> None:
    """Take up and drop folders, and ask for the settings of the new ones."""
    for folder in params.event.removed:
        ls.session.folders.pop(folder.uri, None)
        ls.session.folder_options.pop(folder.uri, None)
    for folder in params.event.added:
        add(ls.session, folder)
    ls.refresh()
    await configuration.ask(ls)
