"""workspace/didChangeConfiguration, and workspace/configuration where the client answers it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.capabilities import get_capability

from qlsp.server.options import Options
from qlsp.toml import ConfigError

if TYPE_CHECKING:
    from qlsp.server.server import QlspServer

logger = logging.getLogger(__name__)


async def did_change_configuration(
    ls: QlspServer, params: types.DidChangeConfigurationParams
) -> None:
    """Take over the new settings, from the message itself or by asking."""
    if params.settings:
        take(ls, params.settings)
        ls.refresh()
    await ask(ls)


def take(ls: QlspServer, values: object) -> None:
    """Use `values` as the editor's settings; keep the old ones if they make no sense."""
    ls.session.options = _parse(ls, values, ls.session.options)


async def ask(ls: QlspServer) -> None:
    """Ask the client for the settings of the session and of each folder."""
    session = ls.session
    if not get_capability(session.capabilities, "workspace.configuration", False):
        return
    folders = list(session.folders)
    items = [types.ConfigurationItem(scope_uri=uri, section="qlsp") for uri in (None, *folders)]
    try:
        answer = await ls.workspace_configuration_async(types.ConfigurationParams(items))
    except Exception as error:
        logger.warning("the client did not tell its settings: %s", error)
        return
    if len(answer) != len(items):
        logger.warning("the client told %d settings for %d places", len(answer), len(items))
        return
    before = session.options, session.folder_options
    session.options = _parse(ls, answer[0], session.options)
    session.folder_options = {
        uri: _parse(ls, values, session.folder_options.get(uri, session.options))
        for uri, values in zip(folders, answer[1:], strict=True)
    }
    if before != (session.options, session.folder_options):
        ls.refresh()


def _parse(ls: QlspServer, values: object, otherwise: Options) -> Options:
    if values is None:
        return otherwise
    try:
        return Options.parse(values)
    except ConfigError as error:
        ls.warn(str(error))
        return otherwise
