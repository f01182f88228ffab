"""The log of a converter that ends its process."""

from __future__ import annotations

import re

_FATAL = re.compile(r"\bF \S+:\d+\] (.*)|LLVM ERROR: (.*)|^Exception: (.*)", re.MULTILINE)


def fatal(log: str) -> str:
    """What a process said as it aborted; empty if nothing."""
    found = _FATAL.findall(log)
    return "".join(found[-1]) if found else ""
