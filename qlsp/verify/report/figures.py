"""What was measured of quantization as plots: noise per layer, latency per model."""

from __future__ import annotations

from html import escape
from typing import Final

from qlsp.verify.comparison import Comparison
from qlsp.verify.quality import NO_NOISE, Latency, Noise
from qlsp.verify.report.plot import Axis, Dot, Row, plot
from qlsp.verify.report.quality import decibels, time_text
from qlsp.verify.verify import Report

_MOST: Final = 24
"""Rows of a plot that are shown at once."""


def latency_plot(result: Report | Comparison) -> str:
    """The median of every model with its confidence interval; empty if not measured."""
    sides = (
        [("", "now", result)]
        if isinstance(result, Report)
        else [("before", "then", result.before), ("after", "now", result.after)]
    )
    rows = [
        Row(measurement.workflow, name, (_interval(latency, style),), _latency(latency))
        for index, measurement in enumerate(sides[0][2].measurements)
        for name, style, report in sides
        if report.latencies and (latency := report.latencies[index]) is not None
    ]
    if not rows:
        return ""
    axis = Axis.over([dot.high for row in rows for dot in row.dots], "ms")
    title = (
        "Time of one inference, on one thread of TFLite's interpreter: median and its 95% "
        "confidence interval"
    )
    return plot(escape(title), rows, axis, most=_MOST)


def _interval(latency: Latency, style: str) -> Dot:
    return Dot(latency.median * 1e3, latency.low * 1e3, latency.high * 1e3, style)


def _latency(latency: Latency) -> str:
    low, high = time_text(latency.low), time_text(latency.high)
    return f"{time_text(latency.median)} ({low} to {high})"


def noise_plot(reports: list[Report], index: int) -> str:
    """The signal-to-noise ratio of every layer of the last report, the worst first.

    Of two reports, the first one's ratio of the same layer stands beside it. Empty if there is
    nothing measured.
    """
    report, side = reports[-1], len(reports) - 1
    noise = _noise(report, index)
    if noise is None or not noise.operators:
        return ""
    then = _by_layer(reports[0], index) if len(reports) > 1 else {}
    measurement = report.measurements[index]
    rows = []
    for operator, ratio in noise.operators:
        mapped = measurement.operators[operator]
        path = _path(report, index, operator)
        dots = [_from_zero(ratio, "now")]
        text = decibels(ratio)
        if path in then:
            dots.insert(0, Dot(then[path], then[path], then[path], "then"))
            text = f"{decibels(then[path])} → {text}"
        key = f"op{side}-{measurement.workflow}-{operator}"
        rows.append(Row(mapped.operator.op.name, "/".join(path), tuple(dots), text, key))
    values = [dot.value for row in rows for dot in row.dots if abs(dot.value) < NO_NOISE]
    outputs = ", ".join(decibels(each) for each in noise.outputs)
    title = (
        f"Signal-to-noise ratio per layer against the float model, the worst first "
        f"(outputs: {outputs})"
    )
    return plot(escape(title), rows, Axis.over(values or [0.0], "dB"), most=_MOST)


def _noise(report: Report, index: int) -> Noise | None:
    return report.noises[index] if report.noises else None


def _by_layer(report: Report, index: int) -> dict[tuple[str, ...], float]:
    noise = _noise(report, index)
    found = () if noise is None else noise.operators
    return {_path(report, index, operator): ratio for operator, ratio in found}


def _path(report: Report, index: int, operator: int) -> tuple[str, ...]:
    """The names of the last layer in an operator: the one that was measured."""
    layers = report.measurements[index].operators[operator].layers
    return report.model.paths[layers[-1]] if layers else ()


def _from_zero(ratio: float, style: str) -> Dot:
    return Dot(ratio, min(ratio, 0.0), max(ratio, 0.0), style)
