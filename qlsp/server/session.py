"""What the server knows: the client, the folders, the settings and the open documents."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.uris import from_fs_path, to_fs_path

from qlsp.server.buffer import Buffer
from qlsp.server.linting import Linting
from qlsp.server.options import Options
from qlsp.server.positions import PositionCodec
from qlsp.source.document import Document, SourceError


@dataclass
class Session:
    """The state that the handlers share; touched from the event loop only."""

    capabilities: types.ClientCapabilities = field(default_factory=types.ClientCapabilities)
    codec: PositionCodec = field(default_factory=PositionCodec)
    options: Options = field(default_factory=Options)
    folder_options: dict[str, Options] = field(default_factory=dict)
    """Options by folder URI, from clients that can be asked for them."""
    trusted: bool = True
    """Whether the user trusts the workspace; if not, none of its code is ever run."""
    folders: dict[str, Path] = field(default_factory=dict)
    """Workspace folders that are on disk, by URI."""
    buffers: dict[str, Buffer] = field(default_factory=dict)
    """Open Python documents by URI."""
    generation: int = 0
    """Grows when something besides a document's own text changes what is found in it."""
    texts: dict[str, Document] = field(default_factory=dict)
    """The last text that parsed of each open document, by path, for others that import it."""
    _lintings: dict[tuple[Options, Path], Linting] = field(default_factory=dict)

    def open(self, item: types.TextDocumentItem) -> Buffer:
        """Take over a document that the editor opened."""
        document = Document(self._path(item.uri), item.text)
        buffer = Buffer(item.uri, document, item.version, item.language_id)
        self.buffers[item.uri] = buffer
        return buffer

    def analysed(self, buffer: Buffer) -> None:
        """Let other documents see a text that parses."""
        if buffer.syntax_error is None:
            self.texts[os.path.realpath(buffer.document.path)] = buffer.document

    def close(self, uri: str) -> Buffer | None:
        """Forget a document that the editor closed."""
        buffer = self.buffers.pop(uri, None)
        if buffer is not None:
            self.texts.pop(os.path.realpath(buffer.document.path), None)
        return buffer

    def linting(self, document: Document) -> Linting:
        """The linter under the editor's settings for a document."""
        options, folder = self.options_for(document.path), self._folder(document.path)[1]
        key = options, folder
        if key not in self._lintings:
            self._lintings[key] = Linting(options, folder, self.texts)
        return self._lintings[key]

    def renew(self) -> None:
        """Forget what was read from disk."""
        self.generation += 1
        self._lintings = {}

    def options_for(self, path: str) -> Options:
        """The editor's settings for the file at `path`."""
        return self.folder_options.get(self._folder(path)[0], self.options)

    def _folder(self, path: str) -> tuple[str, Path]:
        """URI and path of the innermost workspace folder around a file, else of the first."""
        around = [
            (uri, folder)
            for uri, folder in self.folders.items()
            if Path(path).is_relative_to(folder)
        ]
        if around:
            return max(around, key=lambda each: len(each[1].parts))
        return next(iter(self.folders.items()), ("", Path.cwd()))

    def _path(self, uri: str) -> str:
        """The path of a document; one that is not on disk counts as a file in the first folder."""
        return to_fs_path(uri) or str(self._folder("")[1] / Path(uri.rpartition(":")[2]).name)

    def uri(self, path: str) -> str:
        """The URI of a file: the editor's own spelling if it has the file open."""
        for buffer in self.buffers.values():
            if buffer.document.path == path:
                return buffer.uri
        return from_fs_path(path) or path

    def document(self, path: str) -> Document | None:
        """The text of a file, as edited or as saved; None if it can't be read."""
        for buffer in self.buffers.values():
            if buffer.document.path == path:
                return buffer.document
        try:
            return Document.read(path)
        except (OSError, SourceError):
            return None

    @property
    def pulls(self) -> bool:
        """Whether the client asks for diagnostics itself; it is then sent none unasked."""
        return get_capability(self.capabilities, "text_document.diagnostic") is not None
