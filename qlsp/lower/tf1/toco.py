"""TOCO, the converter of TensorFlow 1: fusing, ranges, and the check that none is missing.

Follows `toco_tooling.cc` and `graph_transformations/` of TensorFlow 1.15.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from qlsp.lower.tf1.graph import UNDECIDED, Range, TfGraph, TfOp

TITLES: dict[str, tuple[str, str]] = {
    "Add": ("Add", "ADD"),
    "AddV2": ("Add", "ADD"),
    "AvgPool": ("AveragePool", "AVERAGE_POOL_2D"),
    "BatchToSpaceND": ("BatchToSpaceND", "BATCH_TO_SPACE_ND"),
    "BiasAdd": ("Add", "ADD"),
    "ConcatV2": ("Concatenation", "CONCATENATION"),
    "Conv2D": ("Conv", "CONV_2D"),
    "DepthwiseConv2dNative": ("DepthwiseConv", "DEPTHWISE_CONV_2D"),
    "Elu": ("Elu", "ELU"),
    "LeakyRelu": ("LeakyRelu", "LEAKY_RELU"),
    "MatMul": ("FullyConnected", "FULLY_CONNECTED"),
    "MaxPool": ("MaxPool", "MAX_POOL_2D"),
    "Maximum": ("Maximum", "MAXIMUM"),
    "Mean": ("Mean", "MEAN"),
    "Minimum": ("Minimum", "MINIMUM"),
    "Mul": ("Mul", "MUL"),
    "Pad": ("Pad", "PAD"),
    "RealDiv": ("Div", "DIV"),
    "Relu": ("Relu", "RELU"),
    "Relu6": ("Relu6", "RELU6"),
    "Reshape": ("Reshape", "RESHAPE"),
    "ResizeBilinear": ("ResizeBilinear", "RESIZE_BILINEAR"),
    "ResizeNearestNeighbor": ("ResizeNearestNeighbor", "RESIZE_NEAREST_NEIGHBOR"),
    "Sigmoid": ("Logistic", "LOGISTIC"),
    "Softmax": ("Softmax", "SOFTMAX"),
    "SpaceToBatchND": ("SpaceToBatchND", "SPACE_TO_BATCH_ND"),
    "SquaredDifference": ("SquaredDifference", "SQUARED_DIFFERENCE"),
    "Squeeze": ("Squeeze", "SQUEEZE"),
    "StridedSlice": ("StridedSlice", "STRIDED_SLICE"),
    "Sub": ("Sub", "SUB"),
    "Tanh": ("Tanh", "TANH"),
    "Transpose": ("Transpose", "TRANSPOSE"),
}
"""Per op type what TOCO calls it in messages, and its name in the converted model."""
_UNSUPPORTED = "(Unsupported TensorFlow op: {})"

_AFFINE = frozenset({"Conv2D", "DepthwiseConv2dNative", "MatMul"})
_FOLDED = frozenset({"Add", "AddV2", "BiasAdd", "Mul", "RealDiv", "Sub"})
"""With a constant, these become a part of the layer before them."""
_NOT_FUSING = frozenset({"ConcatV2", "StridedSlice", "Reshape", "Sigmoid", "Softmax", "Tanh"})
_CLAMPS: dict[str, Range] = {"Relu": (0.0, float("inf")), "Relu6": (0.0, 6.0)}
_FAKE_QUANT = frozenset({"FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars"})
_FIXED: dict[str, Range] = {"Sigmoid": (0.0, 1.0), "Softmax": (0.0, 1.0), "Tanh": (-1.0, 1.0)}
PASSING = frozenset(
    {
        *("AvgPool", "BatchToSpaceND", "MaxPool", "Mean", "Pad", "Reshape", "ResizeBilinear"),
        *("ResizeNearestNeighbor", "SpaceToBatchND", "Squeeze", "StridedSlice", "Transpose"),
    }
)
"""The range of their input is that of their output."""


@dataclass
class Converted:
    """What comes out of the converter."""

    ops: list[TfOp]
    message: str | None = None
    culprit: TfOp | None = None
    complaints: list[tuple[TfOp, str]] = field(default_factory=list)
    """Ops whose output would need a range, with what is said of each; TOCO stops at the first."""

    @property
    def lacking(self) -> list[TfOp]:
        """Ops whose output would need a range."""
        return [op for op, _ in self.complaints]


def convert(graph: TfGraph) -> Converted:
    """Convert to 8 bits by the ranges of the fake-quantization."""
    ops = _ordered(graph)
    for op in ops:
        if op.type == "Switch":
            return Converted([], _switch(op), op)
    names = [op.name for op in graph.outputs]
    outputs = [_source(each) for each in graph.outputs]
    ops = _normalized([op for op in ops if op.type != "Identity"])
    outputs = [each.fused or each for each in outputs]
    for op, name in zip(outputs, names, strict=True):
        op.name = name
    _fuse(ops, outputs)
    ops = [op for op in ops if op.fused is None]
    ops = _ranged(ops, outputs)
    complaints = [
        (source, _lacks(source, op))
        for op in ops
        for source in op.inputs
        if op.type != UNDECIDED and source.range is None
    ]
    without = [(op, _has_none(op)) for op in ops if op.range is None]
    complaints = complaints or without[:1]
    if complaints:
        culprit, message = complaints[0]
        return Converted(ops, message, culprit, complaints)
    return Converted(_without_trivial(ops))


def _switch(op: TfOp) -> str:
    return (
        f"Check failed: s.ok() Found {op.group} as non-selected output from Switch, but only "
        "Merge supported. Control flow ops like Switch and Merge are not generally supported."
    )


def _lacks(source: TfOp, op: TfOp) -> str:
    title = TITLES[op.type][0] if op.type in TITLES else _UNSUPPORTED.format(op.type)
    return (
        f"Array {source.name}, which is an input to the {title} operator producing the output "
        f"array {op.name}, is lacking min/max data, which is necessary for quantization."
    )


def _has_none(op: TfOp) -> str:
    if op.type in _CLAMPS:
        return f"Check failed: output_array.minmax Output array named {op.name} lacks minmax"
    return (
        f"Array {op.name} does not have MinMax information, and is not a constant array. "
        "Cannot proceed with quantization."
    )


def _ordered(graph: TfGraph) -> list[TfOp]:
    """The ops on the way to the outputs, none before its inputs, else in the order given."""
    wanted: set[int] = set()
    pending = list(graph.outputs)
    while pending:
        op = pending.pop()
        if id(op) not in wanted:
            wanted.add(id(op))
            pending += op.inputs
    left = [op for op in graph.ops if id(op) in wanted]
    seen: set[int] = set()
    order: list[TfOp] = []
    while left:
        rest = []
        for op in left:
            if all(id(each) in seen for each in op.inputs):
                seen.add(id(op))
                order.append(op)
            else:
                rest.append(op)
        if len(rest) == len(left):
            break
        left = rest
    return order


def _source(op: TfOp) -> TfOp:
    """What an op amounts to, without those that only pass on."""
    while op.type in {"Identity", *_FAKE_QUANT} and op.inputs:
        op = op.inputs[0]
    return op


def _normalized(ops: Iterable[TfOp]) -> list[TfOp]:
    """Without identities, and normalization as a product and a sum."""
    found: list[TfOp] = []
    for op in ops:
        op.inputs = [_past_identities(each) for each in op.inputs]
        op.inputs = [each.fused or each for each in op.inputs]
        if op.type == "FusedBatchNormV3":
            scale = TfOp("Mul", f"{op.name}_mul_0", op.inputs, op.node, 1)
            shift = TfOp("Add", op.name, [scale], op.node, 1)
            op.fused = shift
            found += [scale, shift]
        else:
            found.append(op)
    return found


def _past_identities(op: TfOp) -> TfOp:
    while op.type == "Identity" and op.inputs:
        op = op.inputs[0]
    return op


def _fuse(ops: list[TfOp], outputs: list[TfOp]) -> None:
    """Fuse constants and activations into the op before them."""
    users: dict[int, list[TfOp]] = {}
    for op in ops:
        for source in op.inputs:
            users.setdefault(id(source), []).append(op)
    ends = {id(each) for each in outputs}
    for op in ops:
        if not op.inputs:
            continue
        before = op.inputs[0]
        while before.fused is not None:
            before = before.fused
        op.inputs[0] = before
        if len(users.get(id(before), ())) != 1 or id(before) in ends or before.activation:
            continue
        folds = op.type in _FOLDED and op.constants == 1 and before.type in _AFFINE
        clamps = op.type in _CLAMPS and before.type in TITLES and before.type not in _NOT_FUSING
        if clamps:
            before.activation = op.type
        if folds or clamps:
            op.fused = before
            before.name = op.name
            users[id(before)] = users.get(id(op), [])
            if id(op) in ends:
                ends.add(id(before))
                outputs[:] = [before if each is op else each for each in outputs]
        elif op.type == "MatMul" and before.type == "Reshape":
            op.inputs[0] = before.inputs[0]
            before.fused = op


def _ranged(ops: list[TfOp], outputs: list[TfOp]) -> list[TfOp]:
    """Take the ranges off the fake-quantization and hand them on; gives the other ops."""
    for op in ops:
        op.inputs = [_past(each) for each in op.inputs]
        if op.type in _FAKE_QUANT:
            op.inputs[0].range = op.given
    outputs[:] = [_past(each) for each in outputs]
    ops = [op for op in ops if op.type not in _FAKE_QUANT]
    for op in ops:
        if op.range is not None:
            continue
        if op.type in _FIXED:
            op.range = _FIXED[op.type]
        elif op.type in {"Placeholder", UNDECIDED}:
            op.range = (-1.0, 1.0)
        elif op.type in PASSING and op.inputs:
            op.range = op.inputs[0].range
        elif op.type == "ConcatV2":
            known = [each.range for each in op.inputs if each.range is not None]
            if known:
                op.range = (min(low for low, _ in known), max(high for _, high in known))
    return ops


def _past(op: TfOp) -> TfOp:
    """The op whose output it is, through fake-quantization and fusing."""
    while op.fused is not None or op.type in _FAKE_QUANT:
        op = op.fused or op.inputs[0]
    return op


def _without_trivial(ops: list[TfOp]) -> list[TfOp]:
    """Without activations that leave every value in the range as it is."""
    kept = []
    for op in ops:
        if op.activation is not None and _covers(op.activation, op.range):
            op.activation = None
        if op.type in _CLAMPS and _covers(op.type, op.inputs[0].range):
            op.fused = op.inputs[0]
        else:
            kept.append(op)
    return kept


def _covers(activation: str, given: Range | None) -> bool:
    low, high = _CLAMPS[activation]
    return given is not None and low <= given[0] and given[1] <= high
