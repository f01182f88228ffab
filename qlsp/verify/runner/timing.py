"""Latency of converted models on TFLite's interpreter, measured interleaved."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import Any, Sequence

from .conversion import Examples
from .interpreted import Interpreted

_FEWEST, _MOST = 11, 2000
_Z = 1.96


def latencies(
    files: Sequence[str], examples: Examples, seconds: float, threads: int = 1
) -> list[dict[str, Any]]:
    """Per file the median time of an inference, and its 95% confidence interval, in seconds.

    In each round every model runs once, in random order, so that a machine that slows down does so
    for all of them. The interval is that of the median by ranks, which holds for any
    distribution.
    """
    models = [Interpreted(Path(file).read_bytes(), threads=threads) for file in files]
    for model in models:
        model.run(examples[0])
    generator = random.Random(0)
    times: list[list[float]] = [[] for _ in models]
    deadline = time.perf_counter() + seconds * len(models)
    order = list(range(len(models)))
    while len(times[0]) < _FEWEST or (time.perf_counter() < deadline and len(times[0]) < _MOST):
        generator.shuffle(order)
        for index in order:
            started = time.perf_counter()
            models[index].invoke()
            times[index].append(time.perf_counter() - started)
    return [_summary(sorted(each)) for each in times]


def _summary(times: list[float]) -> dict[str, Any]:
    count = len(times)
    reach = _Z * math.sqrt(count) / 2
    low = max(0, math.floor(count / 2 - reach))
    high = min(count - 1, math.ceil(count / 2 + reach))
    median = (times[(count - 1) // 2] + times[count // 2]) / 2
    return {"median": median, "low": times[low], "high": times[high], "runs": count}
