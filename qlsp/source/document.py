"""One source text, decoded as Python would decode it, and written back the same way."""

from __future__ import annotations

import ast
import bisect
import io
import os
import re
import tokenize
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from qlsp.source.span import Span
from qlsp.source.writing import write_whole

_NEWLINE = re.compile(r"\r\n|\r|\n")
_BOM = "\ufeff"


class SourceError(Exception):
    """A text that is not Python: unreadable bytes or a syntax error.

    `line` counts from 1 and `column` from 0, in characters.
    """

    def __init__(self, message: str, line: int = 1, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Document:
    """A source text with its path; immutable, so results may be cached by identity.

    `text` keeps the newlines of the file and has no byte order mark; `encoding` is the one
    declared by the file (`utf-8-sig` with a mark).
    """

    path: str
    text: str
    encoding: str = "utf-8"
    _tree: list[ast.Module | SourceError] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Document:
        """Read a file. Raises `OSError`, or `SourceError` if its bytes are not text."""
        return cls.decode(os.fspath(path), Path(path).read_bytes())

    @classmethod
    def decode(cls, path: str, data: bytes) -> Document:
        """Decode `data` by its mark or coding cookie. Raises `SourceError`."""
        if b"\0" in data:
            raise SourceError("source contains null bytes; this is not a Python file")
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            text = data.decode(encoding)
        except SyntaxError as error:
            raise SourceError(str(error.msg)) from None
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise SourceError(f"bytes are not valid {error.encoding}", line) from None
        return cls(path, text.removeprefix(_BOM), encoding)

    def forget_tree(self) -> None:
        """Let go of the parsed module, which is many times the text."""
        self._tree.clear()

    def encode(self, text: str) -> bytes:
        """`text` in this document's encoding. Raises `UnicodeEncodeError`."""
        return text.encode(self.encoding)

    def write(self, text: str) -> None:
        """Replace the file's content in one step; a crash leaves the old or the new file.

        Keeps the file's permissions and writes through symbolic links. Raises `OSError`.
        """
        target = Path(self.path).resolve()
        data = self.encode(text)
        write_whole(target, data, mode=target.stat().st_mode & 0o7777, sync=True)

    @property
    def tree(self) -> ast.Module:
        """The parsed module. Raises `SourceError`; parsed once."""
        if not self._tree:
            self._tree.append(_parse(self.text))
        tree = self._tree[0]
        if isinstance(tree, SourceError):
            raise tree
        return tree

    @cached_property
    def line_starts(self) -> list[int]:
        """Character offset at which each line begins; lines end at LF, CRLF or CR only."""
        return [0, *(match.end() for match in _NEWLINE.finditer(self.text))]

    def line(self, number: int) -> str:
        """Line `number` (from 1), without its newline; empty past the end."""
        if not 1 <= number <= len(self.line_starts):
            return ""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    @cached_property
    def newline(self) -> str:
        """The newline this text uses: that of its first line, or LF."""
        match = _NEWLINE.search(self.text)
        return match.group() if match else "\n"

    def column(self, line: int, byte_column: int) -> int:
        """Character column for a column in UTF-8 bytes."""
        text = self.line(line)
        if text.isascii():
            return byte_column
        return len(text.encode()[:byte_column].decode(errors="ignore"))

    def offset(self, line: int, byte_column: int) -> int:
        """Character offset in `text` for a position of `ast`."""
        return self.line_starts[line - 1] + self.column(line, byte_column)

    def offsets(self, span: Span) -> tuple[int, int]:
        """Start and end character offsets of `span`."""
        return (
            self.offset(span.line, span.column),
            self.offset(span.end_line, span.end_column),
        )

    def position(self, offset: int) -> tuple[int, int]:
        """Line (from 1) and character column (from 0) of a character offset."""
        index = bisect.bisect_right(self.line_starts, offset) - 1
        return index + 1, offset - self.line_starts[index]

    def at(self, span: Span) -> str:
        """The source text of `span`."""
        start, end = self.offsets(span)
        return self.text[start:end]


def _parse(text: str) -> ast.Module | SourceError:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        return SourceError(error.msg, error.lineno or 1, max((error.offset or 1) - 1, 0))
    except (RecursionError, MemoryError):
        return SourceError("source is nested too deeply to parse")
    except ValueError as error:
        return SourceError(str(error))
