"""Watch the quantizers of a tfmot model: what passes them, and which variables hold their ranges.

tfmot puts quantizers into layers, weights and activations in ways that change with each version.
All of them are called as `quantizer(tensor, training, weights=variables)`, so that is where they
are watched, and switched off: a model then computes in float, and each quantizer's place is known
by the values that pass it.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator

import numpy as np

from .conversion import call

_KEPT = 4096
"""Elements kept of a tensor, evenly spread: enough to tell tensors apart."""


class Observation:
    """One call of a quantizer, while the model computes in float."""

    def __init__(self, quantizer: Any, value: Any, variables: Any) -> None:
        array = np.asarray(value).astype("float64")
        self.quantizer = quantizer
        self.of_weight = any(
            cls.__name__ == "LastValueQuantizer" for cls in type(quantizer).__mro__
        )
        """Whether it quantizes a weight: those hold the range of the last value only."""
        self.weight = value if self.of_weight else None
        self.variables = dict(variables)
        """`min_var` and `max_var`, for tfmot's own quantizers."""
        self.shape = array.shape
        flat = array.ravel()
        self.sample = flat[:: max(1, flat.size // _KEPT)]
        self.low = float(flat.min()) if flat.size else 0.0
        self.high = float(flat.max()) if flat.size else 0.0

    @property
    def name(self) -> str:
        """Of which layer and which of its tensors: `quant_conv2d/post_activation`."""
        variable = next(iter(self.variables.values()))
        name = str(variable.name).split(":")[0]
        return name.rsplit("_", 1)[0]

    def sees(self, other: Observation, tolerance: float) -> bool:
        """Whether the values are those that `other` saw, relative to the largest of them."""
        if self.shape != other.shape:
            return False
        largest = float(np.max(np.abs(other.sample))) if other.sample.size else 0.0
        difference = np.abs(self.sample - other.sample)
        return bool(np.all(difference <= tolerance * max(largest, 1e-6)))


def observe(model: Any, example: Any) -> tuple[list[Any], list[Observation]]:
    """The model's outputs in float for one example, and its quantizers in order of execution."""
    seen: list[Observation] = []

    def passing(self: Any, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
        seen.append(Observation(self, inputs, weights))
        return inputs

    with quantizers_replaced(lambda original: passing):
        outputs = _flat(call(model, example, training=False))
    return outputs, seen


def outputs_of(model: Any, example: Any) -> list[Any]:
    """The model's outputs for one example, as quantized in training."""
    return _flat(call(model, example, training=False))


def _flat(outputs: Any) -> list[Any]:
    import tensorflow as tf

    return [np.asarray(output) for output in tf.nest.flatten(outputs)]


@contextlib.contextmanager
def quantizers_replaced(replacement: Callable[[Any], Any]) -> Iterator[None]:
    """Call `replacement(original)` instead of each quantizer class's own `__call__`."""
    from tensorflow_model_optimization.python.core.quantization.keras import quantizers

    replaced = []
    for cls in _subclasses(quantizers.Quantizer):
        original = vars(cls).get("__call__")
        if original is not None:
            replaced.append((cls, original))
            cls.__call__ = replacement(original)
    try:
        yield
    finally:
        for cls, original in replaced:
            cls.__call__ = original


def _subclasses(cls: Any) -> Iterator[Any]:
    for each in cls.__subclasses__():
        yield each
        yield from _subclasses(each)
