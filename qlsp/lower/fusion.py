"""The converter's fusions, as declarative patterns (after TFLite's `optimize_patterns.td`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from qlsp.lower.behaviour import Behaviour, Version
from qlsp.lower.operation import KEEPS_CHANNELS, Operation, absorb, move_before, pass_on
from qlsp.lower.quantization import TOCO_UNTIL
from qlsp.lower.windows import PADDING_SINCE, Padding, Window, is_same_padding

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_AFFINE = (*_CONVOLUTIONS, "FULLY_CONNECTED")
_ACTIVATED = (*_CONVOLUTIONS, "ADD", "SUB", "MUL", "DIV", "MAX_POOL_2D", "AVERAGE_POOL_2D")

_RELUS = ("RELU", "RELU6")

_ACTIVATIONS = frozenset(
    {
        *_RELUS, "LEAKY_RELU", "PRELU", "ELU", "LOGISTIC", "TANH", "SOFTMAX", "LOG_SOFTMAX",
        "GELU", "HARD_SWISH", "MINIMUM", "EXP", "SELECT_V2",
    }
)  # fmt: skip

_ELEMENTWISE = frozenset({"RELU", "RELU6", "EXP", "NEG", "RSQRT", "SQRT"})
_MOVES = frozenset({"RESHAPE", "EXPAND_DIMS", "TRANSPOSE", "DEPTH_TO_SPACE"})
"""The converter moves the first kind of op in front of the second."""
_MOVES_RANGES_UNTIL: Version = (2, 8)
"""The last release that rather moves a learned range behind the second."""


@dataclass(frozen=True, slots=True)
class Fusion:
    """A follower that vanishes into its producer, which has no other user."""

    follower: str
    producers: tuple[str, ...]
    activation: str | None = None
    """The fused activation that the producer gets; None folds into its weights and bias."""
    linear: bool = True
    """The producer has no fused activation yet."""
    constant: bool = False
    """The follower's other operand is constant."""
    plain_weights: bool = False
    """The producer's weights have no learned range."""
    biased: bool = False
    """The producer took in a bias."""
    shared: bool = False
    """The producer may have other users: then a second op is made."""
    stage: Literal["float", "late", "int8", "rest"] = "float"
    """When: before quantization, where a learned range between the two is in the way, or late
    then, where the follower must not have taken in an activation; among the int8 ops after it; or
    among the ops that it left in float."""
    since: Version = (0, 0)
    until: Version = (99, 0)
    """First and last TensorFlow release that does it."""


FUSIONS: tuple[Fusion, ...] = (
    *(Fusion(op, _ACTIVATED, op) for op in _RELUS),
    *(Fusion(op, ("FULLY_CONNECTED",), op, shared=True) for op in _RELUS),
    Fusion("RELU", ("TRANSPOSE_CONV",), "RELU", biased=True, since=(2, 15)),
    Fusion("RELU6", ("TRANSPOSE_CONV",), "RELU6", biased=True, since=(2, 15)),
    # Batch normalization, biases and arithmetic with constants.
    *(Fusion(op, _CONVOLUTIONS, constant=True) for op in ("MUL", "ADD", "SUB")),
    *(
        fusion
        for op in ("MUL", "ADD")
        for dense in [Fusion(op, ("FULLY_CONNECTED",), constant=True, plain_weights=True)]
        for fusion in (replace(dense, shared=True, until=(2, 15)), replace(dense, since=(2, 16)))
    ),
    Fusion("MUL", ("TRANSPOSE_CONV",), constant=True, plain_weights=True, since=(2, 5)),
    Fusion("ADD", ("TRANSPOSE_CONV",), constant=True, since=(2, 5), until=(2, 5)),
    Fusion("ADD", ("TRANSPOSE_CONV",), constant=True, since=(2, 15)),
    Fusion("ADD", ("TRANSPOSE_CONV",), constant=True, stage="late", since=(2, 8), until=(2, 8)),
    Fusion(
        "MUL",
        ("TRANSPOSE_CONV",),
        constant=True,
        plain_weights=True,
        stage="late",
        since=(2, 8),
        until=(2, 8),
    ),
    # What quantization parted.
    *(Fusion(op, (*_CONVOLUTIONS, "ADD"), op, stage="int8", since=(2, 15)) for op in _RELUS),
    *(
        Fusion(op, ("FULLY_CONNECTED",), op, shared=True, stage="int8", since=(2, 15))
        for op in _RELUS
    ),
    Fusion("MUL", ("FULLY_CONNECTED",), constant=True, stage="rest", since=(2, 15)),
    Fusion("ADD", ("FULLY_CONNECTED",), constant=True, stage="rest", since=(2, 15)),
)


@dataclass(frozen=True, slots=True)
class Fold:
    """Arithmetic with a constant that vanishes into the layers with weights behind it."""

    constants: tuple[str, ...]
    targets: tuple[str, ...]
    scalar: bool = False
    """The constant is one number."""
    valid: bool = False
    """The target has `valid` padding: zeros at the border would not get the constant."""
    since: Version = (0, 0)
    until: Version = (99, 0)


FOLDS: tuple[Fold, ...] = (
    Fold(("MUL",), _CONVOLUTIONS, scalar=True, since=(2, 2)),
    Fold(("ADD", "SUB"), _CONVOLUTIONS, scalar=True, valid=True, since=(2, 2)),
    Fold(("ADD", "SUB"), ("FULLY_CONNECTED",), since=(2, 2)),
    Fold(("MUL",), ("FULLY_CONNECTED",), since=(2, 8)),
)
_QUANTIZED: Mapping[bool, Mapping[str, Sequence[Fusion]]] = {
    quantized: {
        follower: [each for each in FUSIONS if (each.stage, each.follower) == (stage, follower)]
        for follower in {fusion.follower for fusion in FUSIONS if fusion.stage == stage}
    }
    for quantized, stage in ((True, "int8"), (False, "rest"))
}
_FOLLOWERS = frozenset(fusion.follower for fusion in FUSIONS if fusion.stage == "float")
_TARGETS = frozenset(target for fold in FOLDS for target in fold.targets)
_KEEPS_DIMENSIONS_SINCE: Mapping[bool, Version] = {False: (2, 3), True: (2, 15)}
"""By whether it is an int8 op, or has weights or an output with a learned range."""


def _by_follower(
    stage: str, operations: Iterable[Operation], behaviour: Behaviour
) -> dict[str, list[Fusion]]:
    """The patterns that may hold among `operations`."""
    present = {operation.name for operation in operations}
    found: dict[str, list[Fusion]] = {}
    for fusion in FUSIONS:
        if (
            fusion.stage == stage
            and fusion.follower in present
            and not present.isdisjoint(fusion.producers)
            and fusion.since <= behaviour.tensorflow <= fusion.until
        ):
            found.setdefault(fusion.follower, []).append(fusion)
    return found


def fuse(operations: Sequence[Operation], behaviour: Behaviour, escaping: set[int]) -> None:
    """Let each op that can vanish into its producer do so; `operations` are in order.

    `escaping` are ids of ops whose output leaves the model, a use of its own.
    """
    if behaviour.tensorflow > TOCO_UNTIL:
        _drop_repeated(operations)
    _fuse(operations, _by_follower("float", operations, behaviour), escaping, behaviour)
    late = _by_follower("late", operations, behaviour)
    if late:
        plain = [each for each in operations if not each.activation]
        _fuse(plain, late, escaping, behaviour)
    _fold_paddings(operations, behaviour, escaping)
    _fold_into_followers(operations, behaviour, escaping)
    _keep_dimensions(operations, behaviour)


def _drop_repeated(operations: Iterable[Operation]) -> None:
    """A ReLU of the same ReLU is one, as measured with TF 2.5 to 2.21."""
    for operation in operations:
        if operation.dead or operation.name not in _RELUS:
            continue
        source = operation.inputs[0]
        if source.name != operation.name or source.ranged:
            continue
        if operation.ranged and len(source.users) > 1:
            continue
        source.ranged = operation.ranged
        operation.into = source
        pass_on(operation, source)


def _fuse(
    operations: Iterable[Operation],
    patterns: dict[str, list[Fusion]],
    escaping: set[int],
    behaviour: Behaviour,
) -> None:
    for operation in operations:
        if operation.dead or not operation.inputs:
            continue
        producer = operation.inputs[0]
        while _moves_before(operation, producer, escaping, behaviour):
            move_before(operation, producer)
            producer = operation.inputs[0]
        for fusion in patterns.get(operation.name, ()):
            if producer.name not in fusion.producers or fusion.constant > operation.constant:
                continue
            obstacle = _obstacle(fusion, producer, escaping)
            if obstacle:
                operation.reason = obstacle
                continue
            operation.reason = ""
            _take_in(fusion, operation, producer, id(producer) in escaping)
            break
        else:
            if operation.name in _FOLLOWERS:
                operation.reason = operation.reason or _unfit(producer)


def _take_in(fusion: Fusion, operation: Operation, producer: Operation, escapes: bool) -> None:
    """Let `operation` vanish into its producer, or into a second op like it."""
    if fusion.shared and (len(producer.users) > 1 or escapes):
        operation.name, operation.activation = producer.name, fusion.activation
        operation.partner = producer.node
        operation.reason = f"a second {producer.name}, as the first one has other users"
        operation.inputs[0].users.remove(operation)
        operation.inputs = list(producer.inputs)
        for each in operation.inputs:
            each.users.append(operation)
        return
    if fusion.activation:
        producer.activation = fusion.activation
    producer.biased = producer.biased or operation.name == "ADD"
    absorb(operation, producer)


def _moves_before(
    operation: Operation, mover: Operation, escaping: set[int], behaviour: Behaviour
) -> bool:
    """Whether the converter moves `operation` in front of its producer, a change of shape."""
    if mover.name not in _MOVES or mover.ranged or len(mover.users) != 1 or id(mover) in escaping:
        return False
    if mover.inputs[0].ranged and behaviour.tensorflow <= _MOVES_RANGES_UNTIL:
        return False
    if operation.name in _ELEMENTWISE:
        return True
    return (
        operation.constant
        and operation.name in {"ADD", "MUL", "SUB"}
        and mover.detail == KEEPS_CHANNELS
    )


def _fold_paddings(
    operations: Iterable[Operation], behaviour: Behaviour, escaping: set[int]
) -> None:
    """Let padding vanish into a convolution that then has `same` padding."""
    for operation in operations:
        window = operation.detail
        if operation.dead or not isinstance(window, Window):
            continue
        pad = operation.inputs[0]
        if (
            pad.name == "PAD"
            and isinstance(pad.detail, Padding)
            and is_same_padding(pad.detail, window)
            and len(pad.users) == 1
            and id(pad) not in escaping
            and not pad.ranged
            and behaviour.tensorflow >= PADDING_SINCE
        ):
            pad.into = operation
            pass_on(pad, pad.inputs[0])


def _fold_into_followers(
    operations: Iterable[Operation], behaviour: Behaviour, escaping: set[int]
) -> None:
    """Fold arithmetic with constants into the weights of every layer behind it."""
    for operation in operations:
        if operation.dead:
            continue
        while operation.name in _TARGETS:
            constant = operation.inputs[0]
            if not _folds_into(constant, operation, behaviour):
                break
            source = constant.inputs[0]
            operation.inputs[0] = source
            source.users.append(operation)
            constant.users.remove(operation)
            constant.into = operation
            if not constant.users and id(constant) not in escaping:
                constant.dead = True
                source.users.remove(constant)


def _folds_into(constant: Operation, target: Operation, behaviour: Behaviour) -> bool:
    if not constant.constant or constant.ranged or constant.activation or constant.dead:
        return False
    if len(constant.inputs) != 1:
        return False
    for fold in FOLDS:
        if (
            constant.name in fold.constants
            and target.name in fold.targets
            and (constant.scalar is not None or not fold.scalar)
            and fold.since <= behaviour.tensorflow <= fold.until
        ):
            window = target.detail
            return not fold.valid or (isinstance(window, Window) and window.padding == "valid")
    return False


def _keep_dimensions(
    operations: Iterable[Operation], behaviour: Behaviour, quantized: bool = False
) -> None:
    """Drop the reshapes around a fully connected op that can keep its input's shape."""
    for after in operations:
        if after.dead or after.name != "RESHAPE" or after.detail != KEEPS_CHANNELS:
            continue
        dense = after.inputs[0]
        if dense.name != "FULLY_CONNECTED" or dense.node != after.node or len(dense.users) != 1:
            continue
        before = dense.inputs[0]
        learned = dense.weights or after.ranged
        if (
            before.name == "RESHAPE"
            and before.node == dense.node
            and behaviour.tensorflow >= _KEEPS_DIMENSIONS_SINCE[quantized or learned]
        ):
            absorb(after, dense)
            before.into = dense
            pass_on(before, before.inputs[0])


def fuse_quantized(
    operations: Sequence[Operation],
    int8: set[int],
    rescaled: set[int],
    behaviour: Behaviour,
    escaping: set[int],
) -> None:
    """The same after quantization, between two int8 ops or two float ops.

    `rescaled` are ids of ops with a QUANTIZE behind them.
    """
    _keep_dimensions([each for each in operations if id(each) in int8], behaviour, quantized=True)
    for operation in operations:
        quantized = id(operation) in int8
        for fusion in _QUANTIZED[quantized].get(operation.name, ()):
            producer = operation.inputs[0]
            if (
                producer.name in fusion.producers
                and (id(producer) in int8) == quantized
                and fusion.constant <= operation.constant
                and (fusion.shared or (len(producer.users) == 1 and id(producer) not in escaping))
                and id(producer) not in rescaled
                and not producer.activation
                and (quantized or not producer.ranged)
                and fusion.since <= behaviour.tensorflow <= fusion.until
            ):
                _take_in(fusion, operation, producer, id(producer) in escaping)
                break


def _unfit(producer: Operation) -> str:
    """Why no op of the producer's kind takes anything in."""
    if producer.name == "INPUT":
        return "it follows the model's input"
    if producer.name in _ACTIVATIONS:
        return "it follows an activation"
    return f"the {producer.name} before it takes in no layer"


def _obstacle(fusion: Fusion, producer: Operation, escaping: set[int]) -> str:
    """Why `producer` can't take the follower in; empty if it can."""
    if not fusion.shared and (len(producer.users) > 1 or id(producer) in escaping):
        return "the layer before it has other users"
    if producer.ranged:
        return "tfmot quantizes between it and the layer before it"
    if fusion.linear and producer.activation:
        return "the layer before it has an activation"
    if fusion.biased and not producer.biased:
        return f"{producer.name} takes it in only with a bias"
    if fusion.plain_weights and producer.weights:
        return "tfmot quantizes the weights it would be folded into"
    return ""
