"""Graphs in TensorFlow's first 8-bit scheme, turned back to float.

`quantize_weights` and `quantize_nodes` of graph transforms put `Quantized…` ops in the place of
float ones, each with the range of every operand beside it. TensorFlow Lite knows none of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from qlsp.doctor import wire
from qlsp.doctor.graphdef import Graph, Node, node_of
from qlsp.doctor.tensor import FLOAT, QINT8, QINT32, QUINT8, Tensor, const
from qlsp.doctor.view import View, value
from qlsp.error import QlspError

_LOWEST: Final = {QUINT8: 0, QINT8: -128, QINT32: -(1 << 31)}
_LEVELS: Final = {QUINT8: 1 << 8, QINT8: 1 << 8, QINT32: 1 << 32}

_PASSING: Final = frozenset({"Dequantize", "QuantizeDownAndShrinkRange", "Requantize"})
_RANGES: Final = frozenset({"RequantizationRange"})
_SUFFIX: Final = "/eightbit"


@dataclass(frozen=True)
class _Float:
    """The float op in the place of an 8-bit one."""

    op: str
    operands: int
    """How many inputs are quantized; their ranges follow all of its inputs, in pairs."""
    others: int = 0
    """Inputs that are not quantized, behind the operands."""
    attrs: tuple[str, ...] = ()
    first: int = 0
    """Inputs that are not quantized, before the operands."""


_WINDOW: Final = ("strides", "padding")
_FLOATS: Final = {
    "QuantizedAdd": _Float("Add", 2),
    "QuantizedAvgPool": _Float("AvgPool", 1, attrs=("ksize", *_WINDOW)),
    "QuantizedBiasAdd": _Float("BiasAdd", 2),
    "QuantizedConv2D": _Float("Conv2D", 2, attrs=(*_WINDOW, "dilations")),
    "QuantizedDepthwiseConv2D": _Float("DepthwiseConv2dNative", 2, attrs=(*_WINDOW, "dilations")),
    "QuantizedMatMul": _Float("MatMul", 2, attrs=("transpose_a", "transpose_b")),
    "QuantizedMaxPool": _Float("MaxPool", 1, attrs=("ksize", *_WINDOW)),
    "QuantizedMul": _Float("Mul", 2),
    "QuantizedRelu": _Float("Relu", 1),
    "QuantizedRelu6": _Float("Relu6", 1),
    "QuantizedReshape": _Float("Reshape", 1, 1, ("Tshape",)),
    "QuantizedResizeBilinear": _Float(
        "ResizeBilinear", 1, 1, ("align_corners", "half_pixel_centers")
    ),
}


def _known(node: Node) -> _Float:
    if node.op == "QuantizedConcat":
        return _Float("Concat", node.integer("N"), attrs=("N",), first=1)
    return _FLOATS[node.op]


def is_eight_bit(op: str) -> bool:
    """Whether an op belongs to the scheme."""
    return op.startswith("Quantized") or op in _PASSING | _RANGES | {"QuantizeV2"}


def eight_bit_nodes(view: View) -> dict[str, list[str]]:
    """Per op of the scheme the names of its nodes on the way to the outputs."""
    found: dict[str, list[str]] = {}
    for node in view.order:
        if is_eight_bit(node.op):
            found.setdefault(node.op, []).append(node.name)
    return found


def to_float(view: View) -> Graph:
    """The graph with float ops and float constants; what computed ranges is left without users.

    Raises `QlspError` for an op that has no float counterpart.
    """
    work = _Work(view.graph)
    for node in view.order:
        if node.op == "QuantizeV2":
            work.floats[node.name] = node.inputs[0]
        elif node.op == "Dequantize":
            work.dequantize(node)
        elif node.op in _PASSING:
            work.floats[node.name] = work.float_of(node.inputs[0], node.inputs[1:3])
        elif node.op in _FLOATS or node.op == "QuantizedConcat":
            work.replace(node)
        elif is_eight_bit(node.op) and node.op not in _RANGES:
            raise QlspError(f"'{node.name}': {node.op} can't be turned back to float")
    return view.graph.edited(work.changed.values())


@dataclass
class _Work:
    graph: Graph
    floats: dict[str, str] = field(default_factory=dict)
    """Per 8-bit node the float tensor that it stands for."""
    changed: dict[str, Node] = field(default_factory=dict)

    def dequantize(self, node: Node) -> None:
        source = self.floats.get(node_of(node.inputs[0]))
        if source == node.name:
            return  # the float op has taken its name
        if source is not None:
            attrs = {"T": wire.varint(6, FLOAT)}
            self.changed[node.name] = Node(node.name, "Identity", (source,), attrs)
            return
        tensor = self._constant(node.inputs[0], node.inputs[1:3], node.text("mode"))
        self.changed[node.name] = const(node.name, tensor)

    def replace(self, node: Node) -> None:
        known = _known(node)
        count = known.first + known.operands
        operands = node.inputs[known.first : count]
        rest = node.inputs[count + known.others :]
        if known.operands < 1 or len(rest) != 2 * known.operands:
            raise QlspError(f"'{node.name}' ({node.op}) lacks inputs")
        if node.op == "QuantizedConcat":  # all low ends, then all high ones
            ranges = list(zip(rest[: known.operands], rest[known.operands :], strict=True))
        else:
            ranges = list(zip(rest[::2], rest[1::2], strict=True))
        taken = [self.float_of(*pair) for pair in zip(operands, ranges, strict=True)]
        attrs = {key: node.attrs[key] for key in known.attrs if key in node.attrs}
        name = self._name(node)
        attrs["T"] = wire.varint(6, FLOAT)
        first, others = node.inputs[: known.first], node.inputs[count : count + known.others]
        self.changed[name] = Node(name, known.op, (*first, *taken, *others), attrs)
        self.floats[node.name] = name

    def float_of(self, tensor: str, ends: Sequence[str]) -> str:
        """The float tensor that a quantized one stands for; `ends` are the tensors of its range."""
        name = node_of(tensor)
        if name not in self.floats:
            made = _free(name.removesuffix("_quantized_const"), self.graph, self.changed)
            self.changed[made] = const(made, self._constant(tensor, ends, "MIN_FIRST"))
            self.floats[name] = made
        return self.floats[name]

    def _constant(self, tensor: str, ends: Sequence[str], mode: str) -> Tensor:
        found = value(self.graph, tensor)
        low, high = (value(self.graph, end) for end in ends)
        if found is None or low is None or high is None or found.dtype not in _LEVELS:
            raise QlspError(f"'{node_of(tensor)}' is quantized, and its range is not a constant")
        return dequantized(found, low.scalar, high.scalar, mode or "MIN_COMBINED")

    def _name(self, node: Node) -> str:
        """The name that the float op had, where the transform kept it."""
        name = node.name.removesuffix(_SUFFIX)
        there = self.graph.nodes.get(name)
        if there is None or (there.op == "Dequantize" and self._leads_to(there, node)):
            return name
        return node.name

    def _leads_to(self, dequantize: Node, node: Node) -> bool:
        found = self.graph.nodes[node_of(dequantize.inputs[0])]
        while found.op in _PASSING and found is not node:
            found = self.graph.nodes[node_of(found.inputs[0])]
        return found is node


def _free(name: str, graph: Graph, changed: Mapping[str, Node]) -> str:
    found, count = name, 0
    while found in graph.nodes or found in changed:
        count += 1
        found = f"{name}_{count}"
    return found


def dequantized(tensor: Tensor, low: float, high: float, mode: str) -> Tensor:
    """The float values of a quantized constant, as the kernel of `Dequantize` computes them.

    Raises `QlspError` for an unknown mode.
    """
    levels, lowest = _LEVELS[tensor.dtype], _LOWEST[tensor.dtype]
    if mode == "MIN_COMBINED":
        scale, offset = (high - low) / (levels - 1), low - lowest * (high - low) / (levels - 1)
    elif mode == "MIN_FIRST":
        scale = (high - low) / (levels - 1)
        # The kernel rounds the low end so that 0 is a level.
        offset = (round(low / scale) if scale else 0) * scale - lowest * scale
        if low == high:
            scale, offset = 0.0, low
    elif mode == "SCALED":
        top = levels + lowest - 1
        scale = high / top if lowest == 0 else max(low / lowest, high / top)
        offset = 0.0
    else:
        raise QlspError(f"a constant is quantized in mode {mode}, which is not known")
    return Tensor(FLOAT, tensor.shape, _mapped(tensor.values, scale, offset))


def _mapped(values: Iterable[float], scale: float, offset: float) -> array[float]:
    table: dict[float, float] = {}
    found = array("f")
    for each in values:
        number = table.get(each)
        if number is None:
            number = table[each] = each * scale + offset
        found.append(number)
    return found
