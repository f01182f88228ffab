"""initialize and initialized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.uris import from_fs_path

from qlsp.server.features import configuration, watched_files, workspace_folders
from qlsp.server.positions import PositionCodec

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer


def initialize(ls: QlspServer, params: types.InitializeParams) -> None:
    """Learn who the client is, where it works and what it wants."""
    session = ls.session
    session.capabilities = params.capabilities
    encoding = ls.workspace.position_encoding or types.PositionEncodingKind.Utf16
    session.codec = PositionCodec(types.PositionEncodingKind(encoding))
    for folder in params.workspace_folders or _root(params):
        workspace_folders.add(session, folder)
    given = params.initialization_options
    if isinstance(given, dict):
        session.trusted = given.get("trusted") is not False
    configuration.take(ls, given)


async def initialized(ls: QlspServer, params: types.InitializedParams) -> None:
    """Ask for what the client must be asked for after the handshake."""
    watched_files.register(ls)
    await configuration.ask(ls)


def _root(params: types.InitializeParams) -> list[types.WorkspaceFolder]:
    """The one folder of a client that does not know workspace folders."""
    uri = params.root_uri or (params.root_path and from_fs_path(params.root_path))
    return [types.WorkspaceFolder(uri, "root")] if uri else []
