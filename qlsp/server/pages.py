"""Pages of the rules on disk, for editors to link to."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from qlsp import __version__

logger = logging.getLogger(__name__)


def uri(code: str) -> str:
    """Where the page of rule `code` is once `write` was called."""
    return _path(code).as_uri()


def write(code: str) -> None:
    """Write the page of a rule; does nothing for what is no rule or where it can't be written."""
    from qlsp.rules.catalogue import find
    from qlsp.rules.document import markdown

    rule = find(code)
    if rule is None:
        return
    path = _path(code)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_text(markdown(rule), encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        logger.info("could not write %s: %s", path, error)


def _path(code: str) -> Path:
    if given := os.environ.get("XDG_CACHE_HOME"):
        cache = Path(given)
    elif sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path.home() / ".cache"
    return cache / "qlsp" / __version__ / "rules" / f"{code}.md"
