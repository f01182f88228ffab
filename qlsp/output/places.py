"""Where findings stand, as a person counts: lines and characters, both from 1."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from qlsp.batch.report import Report
from qlsp.source.document import Document, SourceError
from qlsp.source.span import Site, Span


def start(document: Document, span: Span) -> tuple[int, int]:
    """Line and column of a span's first character."""
    return span.line, document.column(span.line, span.column) + 1


def end(document: Document, span: Span) -> tuple[int, int]:
    """Line and column behind a span's last character."""
    return span.end_line, document.column(span.end_line, span.end_column) + 1


def file_of(report: Report, site: Site) -> tuple[str, Document | None]:
    """The path to show for a site, and its text; None where that can't be read."""
    if site.path == report.document.path:
        return report.path, report.document
    return shown_path(site.path), _document(site.path)


def shown_path(path: str) -> str:
    """An absolute path as a person would write it from the current folder."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


@lru_cache(maxsize=64)
def _document(path: str) -> Document | None:
    try:
        return Document.decode(path, Path(path).read_bytes())
    except (OSError, SourceError):
        return None
