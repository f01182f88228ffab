"""How learned ranges spread over a model (after MLIR's `quantization_driver.cc`).

A tensor's scale is named by the op that it was learned for. Some ops demand one scale for their
inputs and their output; the driver decides which, from the last op to the first and again where
something changed, and rescales (a QUANTIZE from int8 to int8) where a tensor has two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qlsp.lower.operation import Operation

SAME_SCALE = frozenset(
    {
        "RESHAPE", "MAX_POOL_2D", "AVERAGE_POOL_2D", "PAD", "TRANSPOSE", "CONCATENATION",
        "STRIDED_SLICE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "EXPAND_DIMS", "TILE",
        "REDUCE_MAX", "RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR", "GATHER", "PACK", "SPLIT",
        "MINIMUM", "MAXIMUM", "DEPTH_TO_SPACE", "SLICE",
    }
)  # fmt: skip
"""Ops whose output has the scale of their inputs."""

FIXED_RANGE = frozenset({"LOGISTIC", "TANH", "SOFTMAX", "LOG_SOFTMAX", "L2_NORMALIZATION"})
"""Ops whose output range is a property of the op."""

_ONE_OPERAND = frozenset({"MAX_POOL_2D", "AVERAGE_POOL_2D", "DEPTH_TO_SPACE"})
"""Ops of one scale without further operands (sizes, axes)."""

_BIASED = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""Ops with a bias, whose scale follows from that of the input and of the weights."""


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A QUANTIZE behind `source`, for the op `user` or, if that is None, for all its users."""

    source: Operation
    user: Operation | None


class Scales:
    """The scale of each op's output, by id; absent where none is known."""

    def __init__(self, operations: Sequence[Operation], inputs: Sequence[Operation]) -> None:
        self.rescalings: list[Rescaling] = []
        self._of: dict[int, Operation] = {}
        self._learned: set[int] = set()
        for each in [*inputs, *operations]:
            if each.ranged:
                self._of[id(each)] = each
                self._learned.add(id(each))
            elif each.name in FIXED_RANGE:
                self._of[id(each)] = each
        pending = [each for each in operations if each.name in SAME_SCALE or each.name in _BIASED]
        done: set[int] = set()
        while pending:
            operation = pending.pop()
            if id(operation) in done:
                continue
            if operation.name in _BIASED:
                if all(id(each) in self._of for each in operation.tensors):
                    done.add(id(operation))
                continue
            scale = self._shared(operation)
            if scale is not None:
                done.add(id(operation))
                pending += self._spread(operation, scale)
        self.unbiased = {
            id(each) for each in operations if each.name in _BIASED and id(each) not in done
        }
        """Ids of the ops whose bias got no scale: the driver came to them before their input had
        one, and not again, as that came from another user of it."""

    def __contains__(self, operation: Operation) -> bool:
        return id(operation) in self._of

    def _shared(self, operation: Operation) -> Operation | None:
        """The scale that an op takes for its inputs and its output."""
        tensors = operation.tensors
        learned = [self._of[id(each)] for each in tensors if id(each) in self._learned]
        if operation.name in _ONE_OPERAND and learned:
            return learned[0]
        if id(operation) in self._learned:
            return self._of[id(operation)]
        if learned:
            return learned[0]
        known = [self._of[id(each)] for each in tensors if id(each) in self._of]
        if operation.name in _ONE_OPERAND and known:
            return known[0]
        return self._of.get(id(operation)) or (known[0] if known else None)

    def _spread(self, operation: Operation, scale: Operation) -> list[Operation]:
        """Give an op's inputs and output the scale; the ops that this concerns in turn."""
        concerned: list[Operation] = []
        for each in dict.fromkeys(operation.tensors):
            current = self._of.get(id(each))
            if current is None:
                self._of[id(each)] = scale
                concerned += [each, *(user for user in each.users if user.name in SAME_SCALE)]
            elif current is not scale and not self._gives_way(each):
                self.rescalings.append(Rescaling(each, operation))
        current = self._of.get(id(operation))
        if current is None:
            self._of[id(operation)] = scale
            concerned += operation.users
        elif current is not scale:
            self.rescalings.append(Rescaling(operation, None))
        return [each for each in concerned if each.name in SAME_SCALE or each.name in _BIASED]

    def _gives_way(self, operation: Operation) -> bool:
        """Whether a tensor simply takes the scale of its one user."""
        return (
            id(operation) in self._learned
            and operation.name != "INPUT"
            and len(operation.users) == 1
            and not any(each.source is operation for each in self.rescalings)
        )
