"""A small notation for the ops that a layer is made of.

`EXP(x) ADD(_, c) LOG(_)`: ops in order, each on `x` (the layer's input), `y`, `z` (further
inputs), `_` (the op before), a number (the op of that place, from 0) or `c` (a constant). The
last op gives the output; an empty program passes the input on. `NAME!` marks an op that a better
form of the source would not have, `NAME:TYPE` one whose type does not follow from its inputs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_STEP = re.compile(r"([A-Z0-9_]+)(!?)(?::([A-Z0-9]+))?\(([^)]*)\)")
_INPUTS = "xyz"


@dataclass(frozen=True, slots=True)
class Step:
    """One op. Operands below zero count the layer's inputs: -1 is `x`, -2 is `y`."""

    op: str
    operands: tuple[int, ...]
    constant: bool
    extra: bool
    type: str | None


@lru_cache(maxsize=1024)
def parse(program: str) -> tuple[Step, ...]:
    """The steps of a program."""
    steps: list[Step] = []
    for op, extra, type_, operands in _STEP.findall(program):
        names = [each.strip() for each in operands.split(",")]
        steps.append(
            Step(
                op,
                tuple(_operand(each, len(steps)) for each in names if each != "c"),
                "c" in names,
                bool(extra),
                type_ or None,
            )
        )
    return tuple(steps)


def _operand(name: str, place: int) -> int:
    if name in _INPUTS:
        return -1 - _INPUTS.index(name)
    return place - 1 if name == "_" else int(name)
