"""Which ops of the fused model run in int8, and the casts between them."""

from __future__ import annotations

from collections.abc import Sequence

from qlsp.lower.behaviour import Behaviour, Version
from qlsp.lower.operation import INDEX_TYPES, UNDECIDED, Operation
from qlsp.lower.scales import FIXED_RANGE, Rescaling, Scales

FLOAT_ONLY: dict[str, tuple[Version, Version]] = {
    "ELU": ((0, 0), (99, 0)),
    "CONV_3D": ((0, 0), (99, 0)),
    "CONV_3D_TRANSPOSE": ((0, 0), (99, 0)),
    "NOT_EQUAL": ((0, 0), (99, 0)),
    "NEG": ((0, 0), (99, 0)),
    "SQUARE": ((0, 0), (99, 0)),
    "CAST": ((0, 0), (99, 0)),
    "SIGN": ((0, 0), (99, 0)),
    "FLOOR": ((0, 0), (99, 0)),
    "ROUND": ((0, 0), (99, 0)),
    "POW": ((0, 0), (99, 0)),
    "SIN": ((0, 0), (99, 0)),
    "CUMSUM": ((0, 0), (99, 0)),
    "LOCAL_RESPONSE_NORMALIZATION": ((0, 0), (99, 0)),
    "EXP": ((0, 0), (2, 8)),
    "LOG": ((0, 0), (2, 8)),
    "SQUARED_DIFFERENCE": ((0, 0), (2, 5)),
    "REDUCE_MAX": ((0, 0), (2, 2)),
    "DIV": ((0, 0), (2, 15)),
    "SQRT": ((0, 0), (2, 15)),
    "LEAKY_RELU": ((0, 0), (2, 2)),
    "PRELU": ((0, 0), (2, 2)),
    "TRANSPOSE_CONV": ((0, 0), (2, 2)),
}
"""Ops without an int8 kernel, and the TensorFlow releases for which that holds."""


NO_INT8 = "has no int8 form"
"""What an op's reason says then."""

FLOAT_BEFORE = "before it stays in float"
"""What an op's reason says that would run in int8 behind another op."""

_ONE_SCALE = frozenset(
    {"CONCATENATION", "MAXIMUM", "MINIMUM", "PADV2", "PACK", "SELECT_V2", "SPLIT"}
)
"""Ops that give several operands or outputs one scale, by the range of what they give."""

TOCO_UNTIL: Version = (2, 2)
"""The last release with the older converter."""
_TAKE_FLOAT = frozenset({"NOT_EQUAL", "WHILE"})
"""Ops of another type that take float tensors."""
_LAYS_OUT_WEIGHTS: Version = (2, 8)
"""The last release that leaves the layout of a transposed convolution's weights to the model."""
_REPEATS_LAST_SINCE: Version = (2, 21)
"""The first release that casts once more where calibration finds the model's last op rescaled."""
_SCALES_WEIGHTS: Version = (2, 15)
"""The last release that leaves them in int8 where a scale follows."""

BORROWED = "its input takes its scale from another layer"
"""What an op's reason says whose bias has no scale."""

CASTS = frozenset({"QUANTIZE", "DEQUANTIZE", "FAKE_QUANT"})
"""Ops between int8 and float, or between two scales."""


def quantize_ptq(operations: Sequence[Operation], behaviour: Behaviour) -> set[int]:
    """Ids of the ops that run in int8 when every tensor's range was calibrated.

    Of a tensor that goes to an op which gives all its tensors one scale, the range is dropped, as
    it would follow from that scale. Where an op without int8 form makes it, nothing follows: what
    uses it stays in float as well.
    """
    int8: set[int] = set()
    lost: dict[int, str] = {}
    for operation in operations:
        if operation.type != "FLOAT32":
            continue
        if _float_only(operation.name, behaviour):
            operation.reason = f"{operation.name} {NO_INT8}"
            if behaviour.tensorflow > TOCO_UNTIL and any(
                user.name in _ONE_SCALE and not user.dead for user in operation.users
            ):
                lost[id(operation)] = operation.name
            continue
        source = next((lost[id(each)] for each in operation.inputs if id(each) in lost), None)
        if source is None:
            int8.add(id(operation))
        else:
            operation.reason = f"{source} {FLOAT_BEFORE}"
    return int8


def rescale_ptq(operations: Sequence[Operation], int8: set[int]) -> list[Rescaling]:
    """Where a tensor whose range is a property of its op goes to one that has another scale."""
    return [
        Rescaling(each, user)
        for each in operations
        if each.name in FIXED_RANGE and id(each) in int8
        for user in dict.fromkeys(each.users)
        if user.name in _ONE_SCALE and id(user) in int8
    ]


def quantize_qat(
    operations: Sequence[Operation], inputs: Sequence[Operation], behaviour: Behaviour
) -> tuple[set[int], list[Rescaling]]:
    """Ids of the ops that run in int8 when only learned ranges are known, and rescalings.

    An op does if the ranges of all its inputs and of its output are known.
    """
    scales = Scales(operations, inputs)
    int8: set[int] = set()
    for operation in operations:
        if operation.type != "FLOAT32":
            continue
        if _float_only(operation.name, behaviour):
            operation.reason = f"{operation.name} {NO_INT8}"
        elif operation not in scales:
            operation.reason = "tfmot learns no range for its output"
        elif any(each not in scales for each in operation.tensors):
            operation.reason = "tfmot learns no range for its input"
        elif id(operation) in scales.unbiased:
            operation.reason = BORROWED
        else:
            int8.add(id(operation))
    return int8, [each for each in scales.rescalings if id(each.user or each.source) in int8]


def _float_only(name: str, behaviour: Behaviour) -> bool:
    releases = FLOAT_ONLY.get(name)
    return releases is not None and releases[0] <= behaviour.tensorflow <= releases[1]


def cast(
    operations: Sequence[Operation],
    inputs: Sequence[Operation],
    outputs: set[int],
    int8: set[int],
    behaviour: Behaviour,
    rescalings: Sequence[Rescaling],
    calibrated: bool,
) -> list[Operation]:
    """The ops in order, with QUANTIZE and DEQUANTIZE where int8 meets float.

    The model's inputs and outputs are int8. Types of the ops are set. Of a QAT model, `rescalings`
    came of the learned ranges; if it is `calibrated`, data gave the others.
    """
    result: list[Operation] = []
    for operation in operations:
        if operation.type == "FLOAT32":
            operation.type = "INT8" if id(operation) in int8 else "FLOAT32"
    quantized = int8 | {id(each) for each in inputs}
    for source in [*inputs, *operations]:
        if source.name == "TRANSPOSE_CONV" and source.weights:
            weights = _weights_of(source, behaviour)
            result += [each for each in weights if id(source) not in int8 or each.type == "INT8"]
        if source.name != "INPUT":
            result.append(source)
        users = [user for user in source.users if not user.dead]
        if source.name == "WHILE" and any(user.type == "INT8" for user in users):
            result.append(Operation("QUANTIZE", source.node, core=False, type="INT8"))
        if source.type in INDEX_TYPES or source.name == UNDECIDED:
            continue
        if id(source) in quantized:
            for each in rescalings:
                if each.source is source:
                    node = (each.user or source).node
                    result.append(Operation("QUANTIZE", node, core=False, type="INT8"))
                    is_last = each.user is None and id(source) in outputs
                    if calibrated and is_last and behaviour.tensorflow >= _REPEATS_LAST_SINCE:
                        result.append(Operation("DEQUANTIZE", node, core=False))
                        result.append(Operation("QUANTIZE", node, core=False, type="INT8"))
            floats = [user for user in users if user.type == "FLOAT32" or user.name in _TAKE_FLOAT]
            if floats:
                result.append(Operation("DEQUANTIZE", floats[0].node, core=False))
        elif source.ranged or id(source) in outputs or any(u.type == "INT8" for u in users):
            result.append(Operation("QUANTIZE", source.node, core=False, type="INT8"))
    return result


def _weights_of(operation: Operation, behaviour: Behaviour) -> list[Operation]:
    """The ops that lay int8 weights out, and turn them into those of a float op, where the
    converter leaves them."""
    if behaviour.tensorflow > _SCALES_WEIGHTS:
        return []
    if behaviour.tensorflow > _LAYS_OUT_WEIGHTS:
        is_scaled = any(user.name == "MUL" for user in operation.users)
        return [Operation("DEQUANTIZE", operation.node, core=False)] if is_scaled else []
    return [
        Operation("TRANSPOSE", operation.node, core=False, type="INT8"),
        Operation("DEQUANTIZE", operation.node, core=False),
    ]


def cast_toco(
    operations: Sequence[Operation],
    inputs: Sequence[Operation],
    outputs: set[int],
    int8: set[int],
) -> list[Operation]:
    """The ops in order, as the converter before TensorFlow 2.3 leaves them.

    The model keeps float inputs and outputs. Ranges that were learned stay in it as FAKE_QUANT,
    which computes in float; each int8 op behind it quantizes what it takes.
    """
    result: list[Operation] = []
    for source in [*inputs, *operations]:
        if source.name == "INPUT":
            if int8 and not source.ranged:
                result.append(Operation("QUANTIZE", source.node, core=False, type="INT8"))
        else:
            quantized = source.type == "FLOAT32" and id(source) in int8
            if quantized:
                source.type = "INT8"
            if quantized or (int8 and source.type == "BOOL"):
                for each in source.tensors:
                    if each.ranged or (each.type == "FLOAT32" and each.name != "INPUT"):
                        cast = Operation("QUANTIZE", source.node, core=False, type="INT8")
                        result.append(cast)
            result.append(source)
            if quantized and (
                source.ranged
                or id(source) in outputs
                or any(user.type == "FLOAT32" and id(user) not in int8 for user in source.users)
            ):
                result.append(Operation("DEQUANTIZE", source.node, core=False))
        if source.ranged:
            result.append(Operation("FAKE_QUANT", source.node, core=False))
    return result
