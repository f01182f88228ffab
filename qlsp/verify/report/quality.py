"""Noise, latency and memory in words and as data."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from qlsp.verify.comparison import Comparison
from qlsp.verify.measurement import Measurement
from qlsp.verify.quality import NO_NOISE, Latency, Noise
from qlsp.verify.vela import Left, Placement
from qlsp.verify.verify import Report

_WORST = 3


def quality_lines(report: Report, index: int) -> list[Text]:
    """What was measured of a workflow beyond its ops; empty if nothing was."""
    measurement = report.measurements[index]
    lines = []
    if report.noises and (noise := report.noises[index]) is not None:
        lines.append(Text("  " + noise_line(noise, measurement)))
    if report.latencies and (latency := report.latencies[index]) is not None:
        lines.append(Text("  " + latency_line(latency)))
    return lines + placement_lines(report, index)


def placement_lines(report: Report, index: int) -> list[Text]:
    """What Vela makes of a workflow; empty if no device was named."""
    measurement = report.measurements[index]
    placement = report.placements[index] if report.placements else None
    if placement is None:
        return []
    left = [Text("    " + _left(each, measurement)) for each in placement.left]
    return [Text("  " + placement_line(placement, measurement)), *left]


def placement_line(placement: Placement, measurement: Measurement) -> str:
    """Cycles and memory on a device."""
    text = (
        f"{placement.device} (Vela {placement.vela}): {placement.cycles:,} cycles, "
        f"{placement.sram / 1024:.1f} KB of SRAM"
    )
    left = len(placement.left)
    return text + (f"; left on the CPU, {left} of {len(measurement.ops)} ops:" if left else "")


def _left(left: Left, measurement: Measurement) -> str:
    layers = () if left.operator is None else measurement.operators[left.operator].layers
    names = " + ".join("/".join(measurement.model.paths[each]) for each in layers)
    return f"{left.op}{f' [{names}]' if names else ''}: {left.reason}"


def noise_line(noise: Noise, measurement: Measurement) -> str:
    """The outputs' signal-to-noise ratios, and the layers with the least."""
    outputs = ", ".join(map(decibels, noise.outputs))
    text = f"signal-to-noise ratio against the float model: {outputs}"
    worst = [_operator(measurement, *each) for each in noise.operators[:_WORST]]
    return text + (f"; least within: {', '.join(worst)}" if worst else "")


def _operator(measurement: Measurement, index: int, ratio: float) -> str:
    mapped = measurement.operators[index]
    names = "/".join(measurement.model.paths[mapped.layers[-1]]) if mapped.layers else ""
    return f"{mapped.operator.op.name} {names} {decibels(ratio)}"


def latency_line(latency: Latency) -> str:
    """The median with its confidence interval."""
    return (
        f"{time_text(latency.median)} per inference on one thread of TFLite's interpreter "
        f"(95%: {time_text(latency.low)} to {time_text(latency.high)}, {latency.runs} runs)"
    )


def change_lines(comparison: Comparison) -> list[str]:
    """Per workflow noise, latency (measured interleaved) and cycles before and after."""
    lines = []
    reports = (comparison.before, comparison.after)
    for index, measurement in enumerate(comparison.before.measurements):
        noises = [report.noises[index] if report.noises else None for report in reports]
        latencies = [report.latencies[index] if report.latencies else None for report in reports]
        placements = [report.placements[index] if report.placements else None for report in reports]
        for text in (_noise_change(*noises), _speedup(*latencies), _cycle_change(*placements)):
            if text:
                lines.append(f"{measurement.workflow}: {text}")
    return lines


def _noise_change(before: Noise | None, after: Noise | None) -> str:
    if before is None or after is None:
        return ""
    then, now = (", ".join(map(decibels, each.outputs)) for each in (before, after))
    return f"signal-to-noise ratio {then} → {now}"


def _speedup(before: Latency | None, after: Latency | None) -> str:
    if before is None or after is None:
        return ""
    apart = before.high < after.low or after.high < before.low
    verdict = _percent(before.median, after.median) if apart else "no difference beyond the noise"
    return f"{time_text(before.median)} → {time_text(after.median)} per inference, {verdict}"


def _cycle_change(before: Placement | None, after: Placement | None) -> str:
    if before is None or after is None:
        return ""
    text = f"{before.device} {before.cycles:,} → {after.cycles:,} cycles"
    if before.cycles and before.cycles != after.cycles:
        text += f", {_percent(before.cycles, after.cycles)}"
    if before.left or after.left:
        text += f"; ops on the CPU {len(before.left)} → {len(after.left)}"
    return text


def _percent(before: float, after: float) -> str:
    return f"{100 * (after / before - 1):+.0f}%"


def decibels(ratio: float) -> str:
    """A signal-to-noise ratio in words."""
    if abs(ratio) >= NO_NOISE:
        return "no noise" if ratio > 0 else "nothing but noise"
    return f"{ratio:.1f} dB"


def time_text(seconds: float) -> str:
    """A short time in words."""
    value, unit = (seconds * 1e6, "µs") if seconds < 1e-3 else (seconds * 1e3, "ms")
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{digits}f} {unit}"


def quality_data(report: Report, index: int) -> dict[str, Any]:
    """The same for JSON: null where not measured."""
    noise = report.noises[index] if report.noises else None
    latency = report.latencies[index] if report.latencies else None
    placement = report.placements[index] if report.placements else None
    return {
        "device": None
        if placement is None
        else {
            "name": placement.device,
            "vela": placement.vela,
            "cycles": placement.cycles,
            "seconds": placement.seconds,
            "sram_bytes": placement.sram,
            "on_cpu": [
                {"op": each.operator, "name": each.op, "reason": each.reason}
                for each in placement.left
            ],
        },
        "activation_bytes": report.measurements[index].activations,
        "noise": None
        if noise is None
        else {
            "outputs_db": [round(each, 2) for each in noise.outputs],
            "ops_db": [{"op": op, "db": round(ratio, 2)} for op, ratio in noise.operators],
        },
        "latency": None
        if latency is None
        else {
            "median": latency.median,
            "low": latency.low,
            "high": latency.high,
            "runs": latency.runs,
        },
    }
