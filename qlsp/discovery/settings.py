"""From what a project says to the settings that the linter takes."""

from __future__ import annotations

from qlsp.config import Config
from qlsp.discovery.discover import discover
from qlsp.settings import Settings


def settings_for(config: Config, python: str | None = None) -> Settings:
    """The settings of a project. Raises `QlspError` if `python` does not exist."""
    discovery = discover(config, python)
    return Settings(
        root=config.root,
        select=config.select,
        ignore=config.ignore,
        per_file_ignores=config.per_file_ignores,
        workflows=config.workflows,
        toolchains=discovery.toolchains,
        uses_tfmot=discovery.uses_tfmot,
        device=config.device,
    )
