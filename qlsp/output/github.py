"""Findings as workflow commands, which GitHub shows beside the changed lines.

See https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
"""

from __future__ import annotations

from collections.abc import Sequence

from qlsp.batch.report import Report
from qlsp.diagnostic import Diagnostic, Severity
from qlsp.output import places

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFORMATION: "notice"}


def render(reports: Sequence[Report]) -> str:
    """A line per finding."""
    return "".join(_line(report, each) for report in reports for each in report.diagnostics)


def _line(report: Report, diagnostic: Diagnostic) -> str:
    line, column = places.start(report.document, diagnostic.span)
    end_line, end_column = places.end(report.document, diagnostic.span)
    properties = {
        "title": f"qlsp {diagnostic.code} ({diagnostic.name})",
        "file": report.path,
        "line": line,
        "endLine": end_line,
    }
    if line == end_line:  # GitHub refuses columns of a span of several lines
        properties |= {"col": column, "endColumn": end_column}
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{_COMMANDS[diagnostic.severity]} {listed}::{_data(diagnostic.message)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
