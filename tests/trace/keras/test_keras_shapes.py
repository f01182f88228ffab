"""Output shapes: right where they are given, and unknown where the source doesn't say."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from qlsp.trace.graph import UNKNOWN
from qlsp.trace.keras.shapes import broadcast, output_shape, sliced
from tests.tensorflow import tensorflow_python
from tests.trace.keras.shape_cases import LAYERS, OPS, Inner

WRAPPERS: list[tuple[str, dict[str, Any], list[Any], Any]] = [
    ("TimeDistributed", {"layer": Inner("Dense", {"units": 3})}, [(None, 5, 8)], (None, 5, 3)),
    ("TimeDistributed", {"layer": Inner("Conv2D", {"filters": 3, "kernel_size": 3})},
     [(None, 2, 5, 8, 1)], (None, 2, 3, 6, 3)),
    ("Bidirectional", {"layer": Inner("LSTM", {"units": 3})}, [(None, 5, 8)], (None, 6)),
    ("Bidirectional",
     {"layer": Inner("GRU", {"units": 3, "return_sequences": True}), "merge_mode": "sum"},
     [(None, 5, 8)], (None, 5, 3)),
]  # fmt: skip
CASES = [*LAYERS, *OPS, *WRAPPERS]
PARTLY_KNOWN = [
    ("Conv2D", {"filters": UNKNOWN, "kernel_size": 3}, [(1, 5, 5, 2)], (1, 3, 3, UNKNOWN)),
    ("Conv2D", {"filters": 4, "kernel_size": UNKNOWN, "padding": "same"}, [(1, 5, 5, 2)],
     (1, 5, 5, 4)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": UNKNOWN}, [(1, 5, 5, 2)],
     (1, UNKNOWN, UNKNOWN, 4)),
    ("Conv2D", {"filters": 4, "kernel_size": 3}, [None], (UNKNOWN,) * 4),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "data_format": UNKNOWN}, [(1, 5, 5, 2)],
     (1, UNKNOWN, UNKNOWN, UNKNOWN)),
    ("Concatenate", {}, [(1, 5), None], (1, UNKNOWN)),
    ("Concatenate", {"axis": UNKNOWN}, [(1, 5), (1, 5)], (UNKNOWN, UNKNOWN)),
    ("Add", {}, [(1, 5), None], None),
    ("Reshape", {"target_shape": (UNKNOWN, 3)}, [(1, 6)], (1, UNKNOWN, 3)),
    ("LSTM", {"units": 3, "return_sequences": UNKNOWN}, [(1, 5, 2)], None),
    ("tf.math.multiply", {"y": UNKNOWN}, [(1, 5)], None),
    ("tf.math.reduce_mean", {"axis": UNKNOWN}, [(1, 5)], None),
    ("MyLayer", {}, [(1, 5)], None),
    ("TimeDistributed", {"layer": UNKNOWN}, [(1, 5, 3)], None),
]  # fmt: skip
SLICES: list[tuple[Any, Any, Any]] = [
    ((None, 5, 6), (slice(None), 0), (None, 6)),
    ((None, 5, 6), (..., slice(0, 2)), (None, 5, 2)),
    ((None, 5, 6), (slice(None), slice(1, None, 2)), (None, 2, 6)),
    ((None, 5), (slice(None), None, slice(None)), (None, 1, 5)),
    ((None, 5), 0, (5,)),
    ((None, 5), (slice(None), slice(UNKNOWN, None)), (None, UNKNOWN)),
    ((None, 5), (slice(0, 3),), (None, 5)),
    ((None, 5), UNKNOWN, None),
    ((5,), (0, 0), None),
    (None, 0, None),
]


def identify(case: Any) -> str:
    return f"{case[0]} {case[1]}"


@pytest.mark.parametrize("case", CASES, ids=identify)
def test_known_shapes(case: Any) -> None:
    symbol, attrs, inputs, expected = case
    assert output_shape(symbol, attrs, inputs) == expected


@pytest.mark.parametrize("case", PARTLY_KNOWN, ids=identify)
def test_partly_known_shapes(case: Any) -> None:
    symbol, attrs, inputs, expected = case
    assert output_shape(symbol, attrs, inputs) == expected


@pytest.mark.parametrize(("shape", "index", "expected"), SLICES)
def test_slices(shape: Any, index: Any, expected: Any) -> None:
    assert sliced(shape, index) == expected


def test_default_data_format() -> None:
    attrs = {"filters": 4, "kernel_size": 1}
    assert output_shape("Conv2D", attrs, [(1, 2, 9, 9)], "channels_first") == (1, 4, 9, 9)


def test_broadcast() -> None:
    assert broadcast([(None, 5, 1), (4,)]) == (None, 5, 4)
    assert broadcast([(None, 5), ()]) == (None, 5)
    assert broadcast([(UNKNOWN, 5), (1, 5)]) == (UNKNOWN, 5)


@pytest.mark.slow
@pytest.mark.parametrize("package", ["tf_keras", "keras"])
def test_shapes_are_those_of_keras(package: str) -> None:
    cases = [[symbol, attrs, inputs] for symbol, attrs, inputs, _ in CASES]
    run = subprocess.run(
        [tensorflow_python(), str(Path(__file__).with_name("measure_shapes.py")), package],
        input=json.dumps(cases, default=dataclasses.asdict),
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(run.stdout)
    wrong = [
        (case, shape)
        for case, shape in zip(CASES, measured, strict=True)
        if shape is not None and shape != json.loads(json.dumps(case[3]))
    ]
    assert wrong == []
    assert sum(shape is not None for shape in measured) > 60
