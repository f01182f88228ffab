"""The last lines of a run: how much was found, and how much of it can be fixed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from click import style

from qlsp.batch.report import Report
from qlsp.diagnostic import Applicability, Severity

_NOUNS = {
    Severity.ERROR: ("error", "errors"),
    Severity.WARNING: ("warning", "warnings"),
    Severity.INFORMATION: ("hint", "hints"),
}


def summary(reports: Sequence[Report], *, unsafe: bool = False) -> str:
    """E.g. `Found 3 problems (1 error, 2 warnings).` and what can be fixed, and how.

    `unsafe` tells that unsafe fixes are asked for.
    """
    found = Counter(each.severity for report in reports for each in report.diagnostics)
    fixed = sum(len(report.fixed) for report in reports)
    if not found.total():
        if fixed:
            return f"Found {_problems(fixed)}, fixed all.\n"
        return style("All checks passed!", fg="green") + "\n"
    kinds = ", ".join(
        f"{found[severity]} {_NOUNS[severity][found[severity] != 1]}"
        for severity in Severity
        if found[severity]
    )
    mended = f", fixed {fixed}; {found.total()} left" if fixed else ""
    text = f"Found {_problems(found.total() + fixed)}{mended} ({kinds}).\n"
    return text + _fixes(reports, unsafe)


def would_fix(reports: Sequence[Report]) -> str:
    """What `--diff` says at its end."""
    count = sum(len(report.fixed) for report in reports)
    if not count:
        return "Nothing to fix.\n"
    files = sum(report.before is not None for report in reports)
    return f"Would fix {_problems(count)} in {files} file{'s' * (files != 1)}.\n"


def _fixes(reports: Sequence[Report], unsafe: bool) -> str:
    safe = sum(report.fixable(Applicability.SAFE) for report in reports)
    hidden = sum(report.fixable(Applicability.UNSAFE) for report in reports)
    if unsafe:
        safe, hidden = safe + hidden, 0
    parts = []
    if safe:
        parts.append(f"{safe} fixable with `--fix`")
    if hidden:
        fixes = "fix" if hidden == 1 else "fixes"
        parts.append(f"{hidden} hidden {fixes} with `--unsafe-fixes`")
    return f"[{style('*', fg='bright_green')}] {', '.join(parts)}\n" if parts else ""


def _problems(count: int) -> str:
    return f"{count} problem{'s' * (count != 1)}"
