"""What the terminal can show."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def use_color(stream: TextIO | None = None) -> bool:
    """Whether to style what is written to `stream` (standard output by default).

    On a terminal only, unless `FORCE_COLOR` asks for it or `NO_COLOR` forbids it: see
    https://no-color.org and https://force-color.org.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"
