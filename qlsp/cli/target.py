"""`FILE.py::BUILDER` and `--set KEY=VALUE`, as several commands take them."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from qlsp.config import absolute
from qlsp.error import QlspError
from qlsp.source.document import Document, SourceError
from qlsp.trace.graph import Symbol


def parse_target(text: str) -> tuple[Path, str]:
    """The file and the builder. Raises `QlspError`."""
    name, separator, builder = text.rpartition("::")
    if not separator or not name or not builder:
        raise QlspError(f"'{text}' names no builder: write FILE.py::BUILDER")
    file = absolute(Path(name))
    if file.is_dir():
        raise QlspError(f"{name} is a folder: write FILE.py::BUILDER")
    return file, builder


def parse_settings(texts: Iterable[str]) -> dict[str, object]:
    """Arguments of the builder: Python literals, `@dotted.name` for a module, else text.

    Raises `QlspError`.
    """
    return dict(map(_setting, texts))


def _setting(text: str) -> tuple[str, object]:
    key, separator, value = text.partition("=")
    if not separator or not key.isidentifier():
        raise QlspError(f"--set {text}: write KEY=VALUE")
    if value.startswith("@"):
        return key, Symbol(value[1:])
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def read_document(file: Path) -> Document:
    """The document of a file, parsed. Raises `QlspError`."""
    try:
        document = Document.read(file)
        _ = document.tree
    except OSError as error:
        raise QlspError(f"{file}: {error.strerror}") from None
    except SourceError as error:
        raise QlspError(f"{file}:{error.line}: {error.message}") from None
    return document
