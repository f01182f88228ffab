"""Path patterns with the syntax of `.gitignore`, as used in settings and by git."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


def is_pattern(text: str) -> bool:
    """Whether git would take `text` as a pattern."""
    return bool(text.strip("! ")) and not text.endswith("\\")


class Patterns:
    """A list of patterns relative to a folder; of those that match, the last decides."""

    def __init__(self, root: Path, patterns: Iterable[str]) -> None:
        self._root = root
        self._patterns = [each for each in patterns if is_pattern(each)]

    def match(self, path: str, is_folder: bool = False) -> bool | None:
        """Whether an absolute path, or a folder above it, matches; None if nothing is said."""
        if not self._patterns:
            return None
        relative = os.path.relpath(path, self._root).replace(os.sep, "/")
        return self._spec.check_file(relative + "/" * is_folder).include

    @cached_property
    def _spec(self) -> GitIgnoreSpec:
        from pathspec import GitIgnoreSpec  # 40 ms to import: most runs don't need it

        return GitIgnoreSpec.from_lines(self._patterns)
