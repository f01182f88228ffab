"""The model between Keras and TFLite: ops on their way through the converter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from qlsp.lower.lowering import Op

UNDECIDED = "?"
"""Name and type of the op that stands for a layer that could not be expanded."""

WEIGHT = "Weight"
"""Name of the op that stands for a variable of a user-defined layer."""

KEEPS_CHANNELS = "keeps channels"
"""Detail of a change of shape that leaves the channels as they are, so that the converter moves
arithmetic with constants in front of it."""

INDEX_TYPES = frozenset({"INT32", "INT64", "BOOL"})
"""Types that are never quantized."""

WITH_CONSTANT = frozenset(
    {
        "MEAN", "REDUCE_MAX", "SUM", "RESHAPE", "PAD", "CONCATENATION", "STRIDED_SLICE",
        "TRANSPOSE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "EXPAND_DIMS", "TILE", "PACK",
        "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "GATHER", "SPLIT",
    }
)  # fmt: skip
"""Ops one of whose TensorFlow operands is always a constant."""

_COMPARISONS = frozenset({"GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "EQUAL", "NOT_EQUAL"})


class Operation:
    """One op, already named as in TFLite, with what the converter's passes ask about it.

    Mutable: passes fuse it, give it a type and drop it.
    """

    # Most ops never change the following: they cost nothing until then.

    activation: str | None = None
    biased = False
    """Whether a bias was folded into it."""
    ranged = False
    """QAT: whether its output has a learned range."""
    variable = False
    """Whether it reads variables of its layer."""
    reads = ""
    """Which of its layer's variables that is, where several ops read it."""
    label = ""
    """The name of TensorFlow's node within its layer, where the order of ops depends on it."""
    weights = False
    """QAT: whether its weights have a learned range (they are then no plain constants)."""
    into: Operation | None = None
    """The op that took it in."""
    head: Operation | None = None
    """The op whose output stands for its own since then."""
    next: Operation | None = None
    """The op that comes after it in its layer, whether it uses it or not."""
    partner: int | None = None
    """Another node that it does the work of once more."""
    place = 0.0
    """Its place in the converter's order; an op stands where the last op it took in stood."""
    dead = False
    reason = ""
    """Why it was not fused, or computes in float."""

    def __init__(
        self,
        name: str,
        node: int,
        inputs: Sequence[Operation] = (),
        *,
        constant: bool = False,
        scalar: float | None = None,
        core: bool = True,
        type: str | None = None,
        detail: object = None,
    ) -> None:
        self.name = name
        self.node = node
        """The node of the flat graph that it comes from."""
        self.inputs: list[Operation] = list(inputs)
        """The ops that produce its tensor operands (constants are not listed)."""
        self.constant = constant or scalar is not None
        """Whether it has a constant operand that may be folded into a neighbour's weights."""
        self.scalar = scalar
        """That operand, if it is one known number."""
        self.core = core
        """Whether its layer is there for it; else a better form of the source avoids it."""
        self.type = type or _type(name, self.inputs)
        self.detail = detail
        """What tells it from other ops of its name: a window, paddings."""
        self.users: list[Operation] = []
        if name == "UNIDIRECTIONAL_SEQUENCE_LSTM":
            self.activation = "TANH"
        for each in self.inputs:
            each.users.append(self)

    def __repr__(self) -> str:
        return f"{self.name}({self.node})"

    @property
    def tensors(self) -> list[Operation]:
        """Its inputs that hold values, not indexes."""
        return [each for each in self.inputs if each.type not in INDEX_TYPES]

    def result(self) -> Op:
        """This op as it stands in the converted model."""
        return _op(self.name, self.activation, self.type)

    def replace_input(self, old: Operation, new: Operation) -> None:
        """Take `new` wherever it took `old`."""
        self.inputs = [new if each is old else each for each in self.inputs]


@lru_cache(maxsize=4096)
def _op(name: str, activation: str | None, type: str) -> Op:
    return Op(name, activation, type)


def _type(name: str, inputs: Sequence[Operation]) -> str:
    """The type that follows from an op's name and inputs."""
    if name == "SHAPE":
        return "INT32"
    if name in _COMPARISONS:
        return "BOOL"
    for each in inputs:
        if each.type not in INDEX_TYPES:
            return "FLOAT32"
    return inputs[0].type if inputs else "FLOAT32"


def pass_on(operation: Operation, head: Operation) -> None:
    """Let the users of `operation` use `head`, one of its inputs, instead."""
    operation.dead = True
    operation.head = operation.head or head
    head.users = [each for each in head.users if each is not operation]
    for user in dict.fromkeys(operation.users):
        user.replace_input(operation, head)
    head.users += operation.users
    for other in operation.inputs:
        if other is not head:
            other.users = [each for each in other.users if each is not operation]


def absorb(operation: Operation, into: Operation) -> None:
    """Let `operation` vanish into its producer `into`."""
    operation.into = into
    into.place = operation.place
    into.ranged = into.ranged or operation.ranged
    pass_on(operation, into)


def move_before(operation: Operation, mover: Operation) -> None:
    """Swap `operation` with its producer `mover`, whose only user it is."""
    source = mover.inputs[0]
    mover.place, operation.place = operation.place, mover.place
    operation.head = operation.head or mover
    source.users = [operation if each is mover else each for each in source.users]
    operation.replace_input(mover, source)
    mover.replace_input(source, operation)
    mover.users, operation.users = operation.users, [mover]
    mover.ranged, operation.ranged = operation.ranged, False
    for user in dict.fromkeys(mover.users):
        user.replace_input(operation, mover)
