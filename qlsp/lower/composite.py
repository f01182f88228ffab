"""Ops that the converter recognizes as one op it has a name for."""

from __future__ import annotations

import math
from collections.abc import Iterable

from qlsp.lower.operation import Operation


def recognize(operations: Iterable[Operation]) -> None:
    """Put `HARD_SWISH` in the place of `x * relu6(x + 3) / 6`, however it is bracketed."""
    for operation in operations:
        if operation.name == "MUL" and not operation.dead:
            _hard_swish(operation)


def _hard_swish(last: Operation) -> None:
    if _is_sixth(last):
        # (x * relu6(x + 3)) * (1 / 6)
        product = last.inputs[0]
        if product.name == "MUL" and len(product.inputs) == 2 and len(product.users) == 1:
            for x, clipped in (product.inputs, product.inputs[::-1]):
                if _is_clipped_sum(clipped, x):
                    _replace(last, x, [product, clipped, clipped.inputs[0]])
                    return
    elif len(last.inputs) == 2:
        # x * (relu6(x + 3) * (1 / 6))
        for x, scaled in (last.inputs, last.inputs[::-1]):
            if _is_sixth(scaled) and len(scaled.users) == 1:
                clipped = scaled.inputs[0]
                if _is_clipped_sum(clipped, x):
                    _replace(last, x, [scaled, clipped, clipped.inputs[0]])
                    return


def _is_sixth(operation: Operation) -> bool:
    return (
        operation.name == "MUL"
        and operation.scalar is not None
        and math.isclose(operation.scalar, 1 / 6, rel_tol=1e-6)
    )


def _is_clipped_sum(operation: Operation, x: Operation) -> bool:
    if operation.name != "RELU6" or len(operation.users) != 1:
        return False
    total = operation.inputs[0]
    return (
        total.name == "ADD" and total.scalar == 3 and total.inputs[0] is x and len(total.users) == 1
    )


def _replace(last: Operation, x: Operation, parts: list[Operation]) -> None:
    last.name = "HARD_SWISH"
    last.constant, last.scalar = False, None
    for part in parts:
        part.dead = True
        part.into = last
        for source in part.inputs:
            source.users = [each for each in source.users if each is not part]
    last.inputs = [x]
    x.users = [each for each in x.users if each is not last] + [last]
