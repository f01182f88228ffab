"""Reports as text for people and as data for tools."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from qlsp.batch.report import Report

_WRITERS = {
    "full": ("text", "full"),
    "concise": ("text", "concise"),
    "grouped": ("text", "grouped"),
    "json": ("json", "render"),
    "sarif": ("sarif", "render"),
    "github": ("github", "render"),
    "gitlab": ("gitlab", "render"),
    "junit": ("junit", "render"),
}
FORMATS = tuple(_WRITERS)
FOR_PEOPLE = frozenset({"full", "concise", "grouped"})
"""The formats that are styled, and followed by a summary."""


def writer(name: str) -> Callable[[Sequence[Report]], str]:
    """The function that writes reports in the format called `name`."""
    module, function = _WRITERS[name]
    found: Callable[[Sequence[Report]], str] = getattr(
        importlib.import_module(f"qlsp.output.{module}"), function
    )
    return found
