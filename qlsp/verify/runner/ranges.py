"""Which values the tensors of a frozen graph take."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

import numpy as np

from .data import InputSpec
from .examples import load_examples
from .loading import BuilderError

_RANDOM = 64
"""Random inputs, where these are asked for."""


def measure_ranges(
    model: Any, file: str, tensors: Sequence[str], data: str | None
) -> dict[str, Any]:
    """Per node named the least and the largest value of its first output, over all examples.

    `model` is the `GraphModel` in `file`. Without `data` the inputs are random, uniform from -1
    to 1. The ranges of the inputs come along. Raises `BuilderError` for values that are no
    numbers.
    """
    import tensorflow as tf

    drawn = [[_uniform(spec, seed) for spec in model.specs] for seed in range(_RANDOM)]
    examples = drawn if data is None else load_examples(data, model.specs)
    names = [spec.name for spec in model.specs]
    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(Path(file).read_bytes())
    found: dict[str, list[float]] = {}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(definition, name="")
        for example in examples:
            feed = {name + ":0": array for name, array in zip(names, example)}
            values = session.run([name + ":0" for name in tensors], feed)
            for name, value in zip([*tensors, *names], [*values, *example]):
                _widen(found, name, np.asarray(value))
    return {
        "ranges": {name: found[name] for name in tensors},
        "inputs": {name: found[name] for name in names},
        "examples": len(examples),
    }


def _uniform(spec: InputSpec, seed: int) -> Any:
    shape = [1 if size is None else size for size in spec.shape]
    generator = np.random.RandomState(seed)
    if not spec.dtype.startswith("float"):
        raise BuilderError(f"input '{spec.name}' is of type {spec.dtype}: give --data for it")
    return generator.uniform(-1.0, 1.0, size=shape).astype(spec.dtype)


def _widen(found: dict[str, list[float]], name: str, value: Any) -> None:
    if not np.isfinite(value).all():
        raise BuilderError(f"'{name}' has values that are not finite on the data")
    low, high = float(value.min()), float(value.max())
    before = found.get(name, [low, high])
    found[name] = [min(low, before[0]), max(high, before[1])]
