"""workspace/didChangeWatchedFiles: settings, pins and sources that change on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.capabilities import get_capability

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer

PATTERNS = (
    "**/{pyproject,qlsp,uv,poetry,pdm,pylock}.{toml,lock}",
    "**/{requirements*.txt,requirements/*.txt,constraints*.txt}",
    "**/{setup.cfg,setup.py,Pipfile,Pipfile.lock,environment.yml,environment.yaml}",
    "**/*.py",
)
"""What the toolchain and the settings are read from, and what documents import."""


def register(ls: QlspServer) -> None:
    """Ask the client to watch, if it can."""
    path = "workspace.did_change_watched_files.dynamic_registration"
    if not get_capability(ls.session.capabilities, path, False):
        return
    ls.client_register_capability(
        types.RegistrationParams(
            [
                types.Registration(
                    id="qlsp-watched-files",
                    method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
                    register_options=types.DidChangeWatchedFilesRegistrationOptions(
                        [types.FileSystemWatcher(pattern) for pattern in PATTERNS]
                    ),
                )
            ]
        )
    )


def did_change_watched_files(ls: QlspServer, params: types.DidChangeWatchedFilesParams) -> None:
    """Analyse everything again, unless only open documents were written: they are known."""
    if any(change.uri not in ls.session.buffers for change in params.changes):
        ls.refresh()
