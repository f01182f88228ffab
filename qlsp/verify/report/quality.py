"""Noise, latency and memory in words and as data."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from qlsp.verify.comparison import Comparison
from qlsp.verify.measurement import Measurement
from qlsp.verify.quality import Latency, Noise
from qlsp.verify.vela import Left, Placement
from qlsp.verify.verify import Report

_WORST = 3


def quality_lines(report: Report, index: int) -> list[Text]:
    """What was measured of a workflow beyond its ops; empty if nothing was."""
    measurement = report.measurements[index]
    lines = []
    if report.noises and (noise := report.noises[index]) is not None:
        lines.append(Text("  " + noise_line(noise, measurement)))
    # Those of a model it was compared with come first.
    own = report.latencies[-len(report.measurements) :]
    if own and (latency := own[index]) is not None:
        lines.append(Text("  " + latency_line(latency)))
    if report.placements and (placement := report.placements[index]) is not None:
        lines.append(Text("  " + placement_line(placement, measurement)))
        lines += [Text("    " + _left(each, measurement)) for each in placement.left]
    return lines


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
    outputs = ", ".join(f"{each:.1f} dB" for each in noise.outputs)
    text = f"signal-to-noise ratio against the float model: {outputs}"
    worst = [_operator(measurement, *each) for each in noise.operators[:_WORST]]
    return text + (f"; least within: {', '.join(worst)}" if worst else "")


def _operator(measurement: Measurement, index: int, ratio: float) -> str:
    mapped = measurement.operators[index]
    names = "/".join(measurement.model.paths[mapped.layers[-1]]) if mapped.layers else ""
    return f"{mapped.operator.op.name} {names} {ratio:.1f} dB"


def latency_line(latency: Latency) -> str:
    """The median with its confidence interval."""
    return (
        f"{_time(latency.median)} per inference on one thread of TFLite's interpreter "
        f"(95%: {_time(latency.low)} to {_time(latency.high)}, {latency.runs} runs)"
    )


def speedup_lines(comparison: Comparison) -> list[str]:
    """Per workflow the latency before and after, measured interleaved."""
    lines = []
    for measurement, (before, after) in zip(
        comparison.before.measurements, comparison.latencies, strict=False
    ):
        if before is None or after is None:
            continue
        apart = before.high < after.low or after.high < before.low
        change = 100 * (after.median / before.median - 1)
        verdict = f"{change:+.0f}%" if apart else "no difference beyond the noise"
        lines.append(
            f"{measurement.workflow}: {_time(before.median)} → {_time(after.median)} "
            f"per inference, {verdict}"
        )
    return lines


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-4 else f"{seconds * 1e6:.1f} µs"


def quality_data(report: Report, index: int) -> dict[str, Any]:
    """The same for JSON: null where not measured."""
    noise = report.noises[index] if report.noises else None
    own = report.latencies[-len(report.measurements) :]
    latency = own[index] if own else None
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
