"""A project that remembers what it was asked for: what a cached result rests on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qlsp.batch.cache import state
from qlsp.source.document import Document
from qlsp.trace.project import Project


class RecordingProject(Project):
    """Remembers which files were looked for and which were read, since `begin`."""

    def __init__(self, root: Path, search: Iterable[Path] = ()) -> None:
        super().__init__(root, search)
        self._looked_for: dict[str, bool] = {}
        self._read: set[str] = set()

    def begin(self) -> None:
        """Forget what was asked for so far, and what is known about which files exist."""
        self.refresh()
        self._looked_for.clear()
        self._read.clear()

    def others(self) -> dict[str, str | None]:
        """The state of every file that was asked for; see `cache.state`."""
        return {
            path: state(path, read=path in self._read) if found else None
            for path, found in self._looked_for.items()
        }

    def document(self, path: str) -> Document | None:
        """As `Project.document`."""
        self._read.add(path)
        return super().document(path)

    def _is_file(self, path: str) -> bool:
        found = self._looked_for[path] = super()._is_file(path)
        return found
