"""Findings as SARIF 2.1.0, for code scanning.

See https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html. Columns are counted in
Unicode code points, which `columnKind` says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import qlsp
from qlsp.batch.report import Report
from qlsp.diagnostic import Applicability, Diagnostic, Fix, Severity
from qlsp.output import places
from qlsp.rules.catalogue import RULES
from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Site, Span

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFORMATION: "note"}


def render(reports: Sequence[Report]) -> str:
    """All findings as one run."""
    found = [(report, each) for report in reports for each in report.diagnostics]
    broken = {each.code for _, each in found}
    rules = [rule for rule in RULES if rule.code in broken]
    driver = {
        "name": "qlsp",
        "version": qlsp.__version__,
        "rules": [
            {"id": rule.code, "name": rule.name, "shortDescription": {"text": rule.summary()}}
            for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(report, each) for report, each in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(report: Report, diagnostic: Diagnostic) -> dict[str, object]:
    result: dict[str, object] = {
        "ruleId": diagnostic.code,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": diagnostic.message},
        "locations": [_location(report, Site(report.document.path, diagnostic.span))],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {**_location(report, each.site), "message": {"text": each.message}}
            for each in diagnostic.related
        ]
    fix = diagnostic.fix
    if fix is not None and fix.applicability is not Applicability.DISPLAY:
        result["fixes"] = [_fix(report, fix)]
    return result


def _location(report: Report, site: Site) -> dict[str, object]:
    path, document = places.file_of(report, site)
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(path),
            "region": _region(document or Document(path, ""), site.span),
        }
    }


def _artifact(path: str) -> dict[str, str]:
    return {"uri": Path(path).as_uri() if Path(path).is_absolute() else quote(os.fsencode(path))}


def _region(document: Document, span: Span) -> dict[str, int]:
    (line, column), (end_line, end_column) = (
        places.start(document, span),
        places.end(document, span),
    )
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": end_line,
        "endColumn": end_column,
    }


def _fix(report: Report, fix: Fix) -> dict[str, object]:
    change = {
        "artifactLocation": _artifact(report.path),
        "replacements": [_replacement(report.document, edit) for edit in fix.edits],
    }
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _replacement(document: Document, edit: Edit) -> dict[str, object]:
    (line, column), (end_line, end_column) = map(document.position, (edit.start, edit.end))
    return {
        "deletedRegion": {
            "startLine": line,
            "startColumn": column + 1,
            "endLine": end_line,
            "endColumn": end_column + 1,
        },
        "insertedContent": {"text": edit.text},
    }
