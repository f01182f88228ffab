"""How much of a float model's signal a converted one keeps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from .conversion import Examples, call, input_names
from .interpreted import Interpreted

_PERFECT = 200.0
"""Decibels given to outputs that are equal."""


class Noise:
    """Adds up signal and noise over examples."""

    def __init__(self) -> None:
        self.signal = 0.0
        self.noise = 0.0

    def add(self, expected: Any, found: Any) -> None:
        """Compare two arrays of the same shape."""
        expected = np.asarray(expected).astype("float64")
        self.signal += float(np.sum(expected**2))
        self.noise += float(np.sum((expected - np.asarray(found).astype("float64")) ** 2))

    @property
    def decibels(self) -> float:
        """Signal-to-noise ratio; NaN and infinity count as nothing but noise."""
        if not self.noise:
            return _PERFECT
        if not math.isfinite(self.noise) or not math.isfinite(self.signal) or not self.signal:
            return -_PERFECT
        return min(_PERFECT, 10 * math.log10(self.signal / self.noise))


def output_ratios(model: Any, file: str, examples: Examples) -> list[float]:
    """Per output of the Keras model the converted one's signal-to-noise ratio in dB."""
    import tensorflow as tf

    converted = Interpreted(Path(file).read_bytes(), input_names(model))
    totals: list[Noise] = []
    for example in examples:
        expected = [np.asarray(each) for each in tf.nest.flatten(call(model, example))]
        found = converted.run(example)
        if not totals:
            totals = [Noise() for _ in expected]
        for number, index in enumerate(matching(expected, found)):
            totals[number].add(expected[number], found[index])
    return [each.decibels for each in totals]


def matching(expected: Sequence[Any], outputs: Sequence[Any]) -> list[int]:
    """Which output of the converted model is which of Keras's: converters reorder them."""
    left = list(range(len(outputs)))
    order = []
    for each in expected:
        same = [index for index in left if outputs[index].shape == each.shape] or left
        best = min(same, key=lambda index: _apart(outputs[index], each))
        left.remove(best)
        order.append(best)
    return order


def _apart(one: Any, other: Any) -> float:
    if one.shape != other.shape:
        return math.inf
    return float(np.abs(one.astype("float64") - other.astype("float64")).mean())


def tensor_ratios(
    model: Any, reference: str, file: str, pairs: Sequence[Sequence[int]], examples: Examples
) -> list[float | None]:
    """Per pair of tensors (of `reference`, of `file`) the signal-to-noise ratio in dB.

    Both were converted from `model`.

    None where the interpreter does not keep them (before TensorFlow 2.5), or shapes differ.
    """
    names = input_names(model)
    both = [Interpreted(Path(each).read_bytes(), names, keep=True) for each in (reference, file)]
    if not all(each.keeps for each in both):
        return [None] * len(pairs)
    totals = [Noise() for _ in pairs]
    broken = set()
    for example in examples:
        for each in both:
            each.run(example)
        for number, (one, other) in enumerate(pairs):
            expected, found = both[0].tensor(one), both[1].tensor(other)
            if expected is None or found is None or expected.shape != found.shape:
                broken.add(number)
            else:
                totals[number].add(expected, found)
    return [None if each in broken else totals[each].decibels for each in range(len(pairs))]
