"""What quantization costs and gains, measured: noise per output and layer, and latency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from qlsp.verify.mapping import CASTS
from qlsp.verify.measurement import Measurement
from qlsp.verify.session import Session

_PER_MODEL: Final = 1.5
"""Seconds of inferences per model."""

NO_NOISE: Final = 200.0
"""The ratio that stands for no noise; the same below zero for nothing but noise."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Time of one inference on TFLite's interpreter, one thread, in seconds."""

    median: float
    low: float
    high: float
    """The 95% confidence interval of the median."""
    runs: int


@dataclass(frozen=True, slots=True)
class Noise:
    """How far a quantized model is from the float one: signal-to-noise ratios in dB."""

    outputs: tuple[float, ...]
    """Per output of the Keras model."""
    operators: tuple[tuple[int, float], ...]
    """Operators with their ratio against the same layer of the float conversion, worst first."""


def noise(session: Session, measurement: Measurement, reference: Measurement) -> Noise | None:
    """Compare a conversion with the float model and its conversion. Raises `QlspError`."""
    if measurement.content is None:
        return None
    outputs = session.ratios(measurement.content)
    pairs = _pairs(reference, measurement)
    if not pairs or reference.content is None:
        return Noise(outputs, ())
    tensors = [(one, other) for _, one, other in pairs]
    ratios = session.tensor_ratios(reference.content, measurement.content, tensors)
    found = [
        (index, ratio)
        for (index, _, _), ratio in zip(pairs, ratios, strict=True)
        if ratio is not None
    ]
    return Noise(outputs, tuple(sorted(found, key=lambda pair: pair[1])))


def latencies(session: Session, measurements: Sequence[Measurement]) -> tuple[Latency | None, ...]:
    """Time all that were converted, interleaved. Raises `QlspError`."""
    contents = [each.content for each in measurements if each.content is not None]
    found = iter(session.time(contents, _PER_MODEL) if contents else ())
    return tuple(None if each.content is None else Latency(**next(found)) for each in measurements)


def _pairs(reference: Measurement, measurement: Measurement) -> list[tuple[int, int, int]]:
    """Operators of `measurement` with a tensor in each that computes the same in both.

    That is the output of the last operator that holds a layer as its last one.
    """
    ends = _ends(reference)
    assert measurement.flat is not None
    return [
        (index, ends[layer][1], tensor)
        for layer, (index, tensor) in _ends(measurement).items()
        if layer in ends
    ]


def _ends(measurement: Measurement) -> dict[int, tuple[int, int]]:
    """By layer the last operator that ends with it, and that operator's output tensor."""
    if measurement.flat is None:
        return {}
    operators = measurement.flat.main.operators
    return {
        mapped.layers[-1]: (index, operators[index].outputs[0])
        for index, mapped in enumerate(measurement.operators)
        if mapped.layers and operators[index].outputs and operators[index].op.name not in CASTS
    }
