"""Run by an interpreter with TensorFlow: how much two sources of a model differ.

Reads a JSON list of pairs of sources that define `model`, writes the greatest absolute difference
of the two models' outputs per pair: same random weights, same random input. A source that this
Keras refuses gives the text of the exception.
"""

from __future__ import annotations

import json
import sys

import numpy as np
import tensorflow as tf


def build(source: str):  # type: ignore[no-untyped-def]
    namespace: dict[str, object] = {"__name__": "model"}
    exec(compile(source, "model.py", "exec"), namespace)
    model = namespace["model"]
    model(tf.zeros((2, 8, 8, 3)))
    return model


def difference(before: str, after: str) -> float | str:
    tf.keras.backend.clear_session()
    try:
        old = build(before)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    new = build(after)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=each.shape) for each in old.get_weights()]
    weights = [
        np.abs(each) + 0.1 if "variance" in variable.name else each
        for each, variable in zip(weights, old.weights, strict=True)
    ]
    old.set_weights(weights)
    new.set_weights(weights)
    x = tf.constant(rng.normal(size=(2, 8, 8, 3)) * 3, tf.float32)
    outputs = np.asarray(old(x)), np.asarray(new(x))
    assert np.abs(outputs[0]).max() > 0
    return float(np.abs(outputs[0] - outputs[1]).max())


if __name__ == "__main__":
    json.dump([difference(before, after) for before, after in json.load(sys.stdin)], sys.stdout)
