"""TensorFlow's first 8-bit scheme, turned back to float."""

from __future__ import annotations

import pytest

from qlsp.doctor.eight_bit import dequantized, is_eight_bit, to_float
from qlsp.doctor.graphdef import Graph, Node
from qlsp.doctor.tensor import QINT8, QINT32, QUINT8, const, constant
from qlsp.doctor.view import View
from qlsp.error import QlspError
from tests.doctor.made import Made, integers, stored

DEQUANTIZED = [
    # What `tf.quantization.dequantize` gives in TensorFlow 1.15.
    ("MIN_COMBINED", QUINT8, (0, 1, 100, 255), (0.0, 6.0), (0.0, 0.02352941, 2.352941, 6.0)),
    ("MIN_COMBINED", QUINT8, (0, 1, 100, 255), (-0.7, 0.31), (-0.7, -0.6960392, -0.3039216, 0.31)),
    ("MIN_COMBINED", QUINT8, (0, 1, 100, 255), (2.0, 2.0), (2.0, 2.0, 2.0, 2.0)),
    ("MIN_COMBINED", QINT8, (-128, -1, 100, 127), (0.0, 6.0), (0.0, 2.988235, 5.364706, 6.0)),
    (
        "MIN_COMBINED",
        QINT8,
        (-128, -1, 100, 127),
        (-0.7, 0.31),
        (-0.7, -0.1969804, 0.2030588, 0.31),
    ),
    ("MIN_COMBINED", QINT8, (-128, -1, 100, 127), (2.0, 2.0), (2.0, 2.0, 2.0, 2.0)),
    (
        "MIN_COMBINED",
        QINT32,
        (-2147483648, -1, 1000000000, 2147483647),
        (0.0, 6.0),
        (0.0, 3.0, 4.396984, 6.0),
    ),
    (
        "MIN_COMBINED",
        QINT32,
        (-2147483648, -1, 1000000000, 2147483647),
        (-0.7, 0.31),
        (-0.7, -0.195, 0.04015893, 0.31),
    ),
    (
        "MIN_COMBINED",
        QINT32,
        (-2147483648, -1, 1000000000, 2147483647),
        (2.0, 2.0),
        (2.0, 2.0, 2.0, 2.0),
    ),
    ("MIN_FIRST", QUINT8, (0, 1, 100, 255), (0.0, 6.0), (0.0, 0.02352941, 2.352941, 6.0)),
    (
        "MIN_FIRST",
        QUINT8,
        (0, 1, 100, 255),
        (-0.7, 0.31),
        (-0.7010588, -0.697098, -0.3049804, 0.3089412),
    ),
    ("MIN_FIRST", QUINT8, (0, 1, 100, 255), (2.0, 2.0), (2.0, 2.0, 2.0, 2.0)),
    ("MIN_FIRST", QINT8, (-128, -1, 100, 127), (0.0, 6.0), (0.0, 2.988235, 5.364706, 6.0)),
    (
        "MIN_FIRST",
        QINT8,
        (-128, -1, 100, 127),
        (-0.7, 0.31),
        (-0.7010588, -0.1980392, 0.202, 0.3089411),
    ),
    ("MIN_FIRST", QINT8, (-128, -1, 100, 127), (2.0, 2.0), (2.0, 2.0, 2.0, 2.0)),
    (
        "MIN_FIRST",
        QINT32,
        (-2147483648, -1, 1000000000, 2147483647),
        (0.0, 6.0),
        (0.0, 3.0, 4.396984, 6.0),
    ),
    (
        "MIN_FIRST",
        QINT32,
        (-2147483648, -1, 1000000000, 2147483647),
        (-0.7, 0.31),
        (-0.7, -0.195, 0.04015896, 0.31),
    ),
    (
        "MIN_FIRST",
        QINT32,
        (-2147483648, -1, 1000000000, 2147483647),
        (2.0, 2.0),
        (2.0, 2.0, 2.0, 2.0),
    ),
    ("SCALED", QUINT8, (0, 1, 100, 255), (0.0, 6.0), (0.0, 0.02352941, 2.352941, 6.0)),
    ("SCALED", QUINT8, (0, 1, 100, 255), (-0.7, 0.31), (0.0, 0.001215686, 0.1215686, 0.31)),
    ("SCALED", QUINT8, (0, 1, 100, 255), (2.0, 2.0), (0.0, 0.007843138, 0.7843138, 2.0)),
    ("SCALED", QINT8, (-128, -1, 100, 127), (0.0, 6.0), (-6.047244, -0.04724409, 4.72441, 6.0)),
    ("SCALED", QINT8, (-128, -1, 100, 127), (-0.7, 0.31), (-0.7, -0.00546875, 0.546875, 0.6945313)),
    ("SCALED", QINT8, (-128, -1, 100, 127), (2.0, 2.0), (-2.015748, -0.01574803, 1.574803, 2.0)),
]
FORMS = ["quantize_weights", "quantize_nodes", "quantize_both", "quantize_fallback"]
FORMS.append("quantize_as_documented")


@pytest.mark.parametrize("name", FORMS)
def test_float_ops_come_back(name: str) -> None:
    expected, found = stored("eight_bit_float"), stored(name)
    graph = to_float(View(found, ("image",), ("result",)))
    needed = graph.ancestors(["result"])
    assert not any(is_eight_bit(graph.nodes[each].op) for each in needed)

    def computing(each: Graph) -> list[str]:
        skipped = {"Const", "Identity"}
        view = View(each, ("image",), ("result",))
        return sorted(node.op for node in view.order if node.op not in skipped)

    assert computing(graph) == computing(expected)


@pytest.mark.parametrize("name", FORMS)
def test_weights_come_back(name: str) -> None:
    """Up to half a level of the 256 between the least and the largest."""
    graph = to_float(View(stored(name), ("image",), ("result",)))
    view = View(graph, ("image",), ("result",))
    weights = {
        value.shape: value.values
        for node in view.order
        if (value := constant(node)) is not None and value.dtype == 1 and len(value.shape) > 1
    }
    originals = [
        value
        for node in stored("eight_bit_float")
        if (value := constant(node)) is not None and value.dtype == 1 and len(value.shape) > 1
    ]
    assert len(originals) == 3
    for original in originals:
        step = (max(original.values) - min(original.values)) / 255
        pairs = zip(original.values, weights[original.shape], strict=True)
        assert max(abs(one - other) for one, other in pairs) <= 0.51 * step


def test_what_has_no_float_counterpart() -> None:
    made = Made()
    x = made.add("QuantizeV2", "image", made.constant(-1.0), made.constant(1.0))
    x = made.add("QuantizedInstanceNorm", x)
    view = View(made.graph(x), ("image",), ("result",))
    with pytest.raises(QlspError, match="QuantizedInstanceNorm can't be turned back to float"):
        to_float(view)


def test_range_that_is_computed() -> None:
    made = Made()
    made.nodes["w"] = const("w", integers(QUINT8, 1, 2, 3))
    low = made.add("Min", "image", made.constant(0))
    x = made.add("Dequantize", "w", low, made.constant(1.0))
    view = View(made.graph(made.add("Mul", "image", x)), ("image",), ("result",))
    with pytest.raises(QlspError, match="'w' is quantized, and its range is not a constant"):
        to_float(view)


@pytest.mark.parametrize(("mode", "dtype", "values", "ends", "expected"), DEQUANTIZED)
def test_dequantized_as_tensorflow_does(
    mode: str,
    dtype: int,
    values: tuple[int, ...],
    ends: tuple[float, float],
    expected: tuple[float, ...],
) -> None:
    found = dequantized(integers(dtype, *values), *ends, mode)
    assert list(found.values) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_unknown_mode() -> None:
    with pytest.raises(QlspError, match="mode ODD"):
        dequantized(integers(QINT8, 1), 0.0, 1.0, "ODD")


def test_own_names_are_kept() -> None:
    graph = to_float(View(stored("quantize_as_documented"), ("image",), ("result",)))
    originals = stored("eight_bit_float")
    for name in ("Conv2D", "BiasAdd", "Relu6", "MaxPool2d", "MatMul"):
        assert graph.nodes[name].op == originals.nodes[name].op
    assert isinstance(graph.nodes["result"], Node)
