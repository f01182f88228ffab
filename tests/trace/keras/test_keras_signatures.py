"""Arguments are bound as Keras binds them, and none is lost."""

from __future__ import annotations

import pytest

from qlsp.trace.graph import Flavour, Symbol
from qlsp.trace.keras.signatures import EXTRA, bases, bind, find

CASES: list[tuple[str, tuple[object, ...], dict[str, object], Flavour, dict[str, object]]] = [
    ("Conv2D", (32, 3), {"name": "c"}, "tf.keras", {"filters": 32, "kernel_size": 3, "name": "c"}),
    ("Conv2D", (8,), {"nb_row": 3, "nb_col": 5, "border_mode": "same"}, "keras3",
     {"filters": 8, "kernel_size": (3, 5), "padding": "same"}),
    ("LeakyReLU", (0.2,), {}, "tf_keras", {"negative_slope": 0.2}),
    ("LeakyReLU", (), {"alpha": 0.2}, "keras3", {"negative_slope": 0.2}),
    ("ELU", (), {"alpha": 0.2}, "tf_keras", {"alpha": 0.2}),
    ("Dense", (), {"output_dim": 4, "init": "normal"}, "tf_keras",
     {"units": 4, "kernel_initializer": "normal"}),
    ("MaxPool2D", (2, 1), {}, "tf_keras", {"pool_size": 2, "strides": 1}),
    ("MyLayer", (1, 2), {"filters": 3}, "tf_keras", {EXTRA: (1, 2), "filters": 3}),
    ("Dense", (1,), {"unheard_of": 2}, "keras3", {"units": 1, "unheard_of": 2}),
    ("keras.Input", ((2,),), {"batch_size": 1}, "keras3", {"shape": (2,), "batch_size": 1}),
    ("tf.math.reduce_mean", ("x", [1]), {"keep_dims": True}, "tf.keras",
     {"input_tensor": "x", "axis": [1], "keepdims": True}),
    ("tf.math.reduce_mean", ("x",), {"reduction_indices": [1]}, "tf1",
     {"input_tensor": "x", "axis": [1]}),
    ("tf.nn.relu6", ("x",), {}, "tf.keras", {"features": "x"}),
    ("keras.ops.reshape", ("x", (1, 2)), {}, "keras3", {"x": "x", "newshape": (1, 2)}),
    ("keras.ops.abs", ("x", 1, 2), {}, "keras3", {"x": "x", EXTRA: (1, 2)}),
    ("slim.conv2d", ("x", 8, 3), {}, "tf1", {"inputs": "x", "num_outputs": 8, "kernel_size": 3}),
    ("tf.layers.conv2d", ("x", 8, 3), {}, "tf1", {"inputs": "x", "filters": 8, "kernel_size": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("callee", "args", "kwargs", "flavour", "expected"), CASES)
def test_bind(
    callee: str,
    args: tuple[object, ...],
    kwargs: dict[str, object],
    flavour: Flavour,
    expected: dict[str, object],
) -> None:
    assert bind(callee, args, kwargs, flavour) == expected


def test_defaults() -> None:
    conv = find("Conv2D")
    assert conv is not None
    assert conv.defaults["padding"] == "valid"
    assert "filters" not in conv.defaults
    slim = find("slim.conv2d")
    assert slim is not None
    assert slim.defaults["activation_fn"] == Symbol("tf.nn.relu")


def test_bases() -> None:
    assert "Layer" in bases("MaxPool2D")
    assert bases("MyLayer") == ()
