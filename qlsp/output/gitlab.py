"""Findings as a GitLab code quality report.

See https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from qlsp.batch.report import Report
from qlsp.diagnostic import Severity
from qlsp.output import places

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.INFORMATION: "info"}


def render(reports: Sequence[Report]) -> str:
    """All findings as one list.

    The fingerprint does not depend on line numbers, so that a finding stays the same one when
    lines are added above it; the second of two like ones in a file is told apart by its number.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    issues = []
    for report in reports:
        path = places.shown_path(str(Path(report.path).absolute()))
        for each in report.diagnostics:
            identity = (path, each.code, each.message)
            seen[identity] += 1
            fingerprint = "\0".join((*identity, str(seen[identity])))
            issues.append(
                {
                    "description": each.message,
                    "check_name": each.code,
                    "fingerprint": hashlib.sha256(os.fsencode(fingerprint)).hexdigest(),
                    "severity": _SEVERITIES[each.severity],
                    "location": {
                        "path": path,
                        "lines": {"begin": each.span.line, "end": each.span.end_line},
                    },
                }
            )
    return json.dumps(issues, indent=2) + "\n"
