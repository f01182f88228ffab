"""What fixes change, as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from click import style

from qlsp.batch.report import Report

_COLORS = {"+": "green", "-": "red", "@": "cyan"}


def unified(report: Report) -> str:
    """The difference between a file before and after its fixes; empty if there are none."""
    if report.before is None:
        return ""
    return "".join(_styled(line) for line in _lines(report, report.before))


def _lines(report: Report, before: str) -> Iterator[str]:
    after = report.document.text
    for line in difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), report.path, report.path
    ):
        if line.endswith(("\n", "\r")):
            yield line
        else:
            yield f"{line}\n"
            yield "\\ No newline at end of file\n"


def _styled(line: str) -> str:
    if line.startswith(("---", "+++")):
        return style(line, bold=True)
    color = _COLORS.get(line[0])
    return style(line, fg=color) if color else line
