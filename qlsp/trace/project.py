"""The files of a project: which file a module name means, parsed once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from qlsp.source.document import Document, SourceError
from qlsp.trace.scope import Module

_MAX_BYTES = 2_000_000


class Project:
    """Resolves module names to files below `root`, below `search`, or in the importing package.

    Nothing is imported. Modules that are Keras's or TensorFlow's own, or that lie nowhere below
    these folders, are not followed. `documents` (by path) take precedence over the disk, e.g. the
    texts that an editor holds.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        search: Iterable[str | os.PathLike[str]] = (),
        documents: dict[str, Document] | None = None,
    ) -> None:
        self.roots = [str(Path(folder).resolve()) for folder in ([root] if root else [])]
        self.roots += [str(Path(folder).resolve()) for folder in search]
        self.documents = documents if documents is not None else {}
        self._parsed: dict[str, tuple[float, Document | None]] = {}
        self._exists: dict[str, bool] = {}
        self._packages: dict[str, tuple[str, str]] = {}

    def refresh(self) -> None:
        """Forget which files exist; changed files are noticed by their time stamp anyway."""
        self._exists.clear()
        self._packages.clear()

    def package_of(self, path: str) -> tuple[str, str]:
        """The folder that holds the file's top package, and the file's dotted module name."""
        known = self._packages.get(path)
        if known is not None:
            return known
        file = Path(path).resolve()
        parts = [] if file.stem == "__init__" else [file.stem]
        folder = file.parent
        while self._is_file(str(folder / "__init__.py")):
            parts.insert(0, folder.name)
            if folder.parent == folder:
                break
            folder = folder.parent
        found = self._packages[path] = (str(folder), ".".join(parts))
        return found

    def find(self, name: str, importer: Module) -> str | None:
        """The file of the module called `name`, as `importer` sees it."""
        if not all(part.isidentifier() for part in name.split(".")):
            return None
        for folder in self._folders(name, importer):
            base = os.path.join(folder, *name.split("."))  # noqa: PTH118 (much faster)
            for candidate in (f"{base}.py", f"{base}/__init__.py"):
                if self._is_file(candidate):
                    return candidate
        return None

    def _folders(self, name: str, importer: Module) -> list[str]:
        """Where to look for a module: a file in a package sees its own package."""
        top, module = self.package_of(importer.path)
        package = module.partition(".")[0] if "." in module else ""
        if package in ("", name.partition(".")[0]):
            return [top, *self.roots]
        return self.roots

    def document(self, path: str) -> Document | None:
        """The document of a file; None if it can't be read or parsed."""
        held = self.documents.get(path)
        if held is not None:
            return held
        try:
            status = Path(path).stat()
        except OSError:
            return None
        known = self._parsed.get(path)
        if known is not None and known[0] == status.st_mtime:
            return known[1]
        document: Document | None = None
        if status.st_size <= _MAX_BYTES:
            try:
                document = Document.read(path)
                _ = document.tree
            except (OSError, SourceError):
                document = None
        self._parsed[path] = (status.st_mtime, document)
        return document

    def _is_file(self, path: str) -> bool:
        if path in self.documents:
            return True
        known = self._exists.get(path)
        if known is None:
            known = self._exists[path] = Path(path).is_file()
        return known
