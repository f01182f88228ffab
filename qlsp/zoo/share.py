"""How many jobs run at once, and what each may use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

import psutil

from qlsp.verify.process import MEGABYTE

_LEAST: Final = 2048 * MEGABYTE
"""Bytes for one job where nothing else is said: MobileNet at 32x32 takes 1.4 GB with TF 2.21.
What needs more than its share runs again alone."""


@dataclass(frozen=True, slots=True)
class Share:
    """So many jobs at once, each with so much memory."""

    jobs: int
    memory: int
    """Bytes for each."""
    most: int
    """Bytes for one that runs alone."""

    @classmethod
    def of(cls, jobs: int | None, memory: int) -> Share:
        """As many `jobs` as are asked for, else as processors and free memory allow.

        `memory` is what each may use, in bytes; with 0 they share four fifths of what is free.
        """
        free = psutil.virtual_memory().available * 4 // 5
        if jobs is None:
            processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
            jobs = max(1, min(processors or os.cpu_count() or 1, free // (memory or _LEAST)))
        return cls(jobs, memory or free // jobs, memory or free)
