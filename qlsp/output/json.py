"""Findings as JSON; documented in `docs/lint.md`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import qlsp
from qlsp.batch.report import Report
from qlsp.diagnostic import Diagnostic, Fix, Related
from qlsp.output import places
from qlsp.source.document import Document
from qlsp.source.span import Span

VERSION = 1
"""Raised when a reader of the old form could misread the new one; new keys don't count."""


def render(reports: Sequence[Report]) -> str:
    """All findings as one object; positions are lines and characters, both from 1."""
    content = {
        "version": VERSION,
        "qlsp": qlsp.__version__,
        "diagnostics": [
            _diagnostic(report, each) for report in reports for each in report.diagnostics
        ],
    }
    return json.dumps(content, indent=2) + "\n"


def _diagnostic(report: Report, diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **_range(report.path, report.document, diagnostic.span),
        "related": [_related(report, each) for each in diagnostic.related],
        "fix": diagnostic.fix and _fix(report.document, diagnostic.fix),
    }


def _related(report: Report, related: Related) -> dict[str, object]:
    path, document = places.file_of(report, related.site)
    return {**_range(path, document, related.site.span), "message": related.message}


def _fix(document: Document, fix: Fix) -> dict[str, object]:
    return {
        "message": fix.title,
        "applicability": fix.applicability.value,
        "edits": [
            {
                "location": _location(*_counted(document, edit.start)),
                "end_location": _location(*_counted(document, edit.end)),
                "content": edit.text,
            }
            for edit in fix.edits
        ],
    }


def _range(path: str, document: Document | None, span: Span) -> dict[str, object]:
    document = document or Document(path, "")
    return {
        "filename": path,
        "location": _location(*places.start(document, span)),
        "end_location": _location(*places.end(document, span)),
    }


def _counted(document: Document, offset: int) -> tuple[int, int]:
    line, column = document.position(offset)
    return line, column + 1


def _location(row: int, column: int) -> dict[str, int]:
    return {"row": row, "column": column}
