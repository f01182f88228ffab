"""TensorFlow's first 8-bit scheme, turned back to float."""

from __future__ import annotations

import pytest

from qlsp.doctor.eight_bit import dequantized, is_eight_bit, to_float
from qlsp.doctor.graphdef import Graph, Node
from qlsp.doctor.tensor import QINT8, QUINT8, const, constant
from qlsp.doctor.view import View
from qlsp.error import QlspError
from tests.doctor.made import Made, integers, stored

DEQUANTIZED = [
    # What `tf.quantization.dequantize` gives in TensorFlow 1.15.
    ("MIN_COMBINED", QUINT8, (0, 1, 100, 255), (-1.0, 3.0), ()),
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


def test_unknown_mode() -> None:
    with pytest.raises(QlspError, match="mode ODD"):
        dequantized(integers(QINT8, 1), 0.0, 1.0, "ODD")


def test_own_names_are_kept() -> None:
    graph = to_float(View(stored("quantize_as_documented"), ("image",), ("result",)))
    originals = stored("eight_bit_float")
    for name in ("Conv2D", "BiasAdd", "Relu6", "MaxPool2d", "MatMul"):
        assert graph.nodes[name].op == originals.nodes[name].op
    assert isinstance(graph.nodes["result"], Node)
