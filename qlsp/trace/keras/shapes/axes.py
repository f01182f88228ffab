"""Arithmetic on axes that may be dynamic (None) or not decided (UNKNOWN)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qlsp.trace.graph import UNKNOWN, Shape, Unknown

Axis = int | None | Unknown
Attrs = Mapping[str, object]
Result = Shape | list[Shape | None] | None
"""The shape of one output, or a list for a call that gives several."""
Rule = Callable[[Attrs, Sequence[Shape | None], str], Result]
"""Of arguments, shapes of the tensors, and the data format where the arguments give none."""


def of_first(function: Callable[[Shape, Attrs], Result]) -> Rule:
    """A rule from a function of the first tensor's shape; silent where that is not known."""

    def rule(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Result:
        shape = inputs[0] if inputs else None
        return None if shape is None else function(shape, attrs)

    return rule


def is_int(value: object) -> bool:
    """Whether `value` is an int and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def as_axis(value: object) -> Axis:
    """A value of the program as the length of an axis."""
    if value is None:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else UNKNOWN


def compute(function: Callable[..., int], *values: Axis) -> Axis:
    """`function` of axes: not decided if one is not decided, dynamic if one is dynamic."""
    if any(value is UNKNOWN for value in values):
        return UNKNOWN
    if any(value is None for value in values):
        return None
    return function(*values)


def product(values: Sequence[Axis]) -> Axis:
    """How many elements axes have together."""
    total: Axis = 1
    for value in values:
        total = compute(lambda a, b: a * b, total, value)
    return total


def spread(value: object, count: int) -> tuple[Axis, ...]:
    """An argument that is an int or one int per spatial axis, per spatial axis."""
    if is_int(value):
        return (as_axis(value),) * count
    if isinstance(value, (tuple, list)) and len(value) == count:
        return tuple(UNKNOWN if item is None else as_axis(item) for item in value)
    if isinstance(value, (tuple, list)) and len(value) == 1:
        return spread(value[0], count)
    return (UNKNOWN,) * count


def normalized(axis: object, rank: int) -> int | None:
    """An axis argument counted from the front; None if it is not decided or out of range."""
    if not isinstance(axis, int) or isinstance(axis, bool) or not -rank <= axis < rank:
        return None
    return axis % rank


def unknown(rank: int, batch: Axis = UNKNOWN) -> Shape:
    """A shape of which only the rank (and perhaps the batch) is decided."""
    return (batch, *(UNKNOWN,) * (rank - 1))


def is_scalar(value: object) -> bool:
    """Whether a program value is one number."""
    return isinstance(value, (bool, int, float, complex))


def shape_of_constant(value: object) -> Shape | None:
    """The shape of a number or of nested sequences of numbers."""
    if is_scalar(value):
        return ()
    if isinstance(value, (tuple, list)):
        if not value:
            return (0,)
        inner = shape_of_constant(value[0])
        return None if inner is None else (len(value), *inner)
    return None


def broadcast(shapes: Sequence[Shape | None]) -> Shape | None:
    """The shape of an elementwise operation on several tensors."""
    if not shapes:
        return None
    result = shapes[0]
    for shape in shapes[1:]:
        if result is None or shape is None:
            return None
        if len(result) < len(shape):
            result, shape = shape, result
        head = len(result) - len(shape)
        result = result[:head] + tuple(map(_broadcast_axis, result[head:], shape))
    return result


def _broadcast_axis(a: Axis, b: Axis) -> Axis:
    if a == b:
        return a
    if a == 1:
        return b
    if b == 1:
        return a
    # A static length other than 1 decides, whatever the other turns out to be.
    for axis in (a, b):
        if isinstance(axis, int):
            return axis
    return UNKNOWN


def sliced(shape: Shape | None, index: object) -> Shape | None:
    """The shape of `x[index]`: ints, slices, `...`, None (a new axis) or a tuple of these."""
    if shape is None:
        return None
    items = list(index) if isinstance(index, tuple) else [index]
    taken = sum(1 for item in items if item is not None and item is not ...)
    if any(item is UNKNOWN for item in items) or items.count(...) > 1 or taken > len(shape):
        return None
    if ... not in items:
        items.append(...)
    result: list[Axis] = []
    position = 0
    for item in items:
        if item is ...:
            kept = len(shape) - taken
            result.extend(shape[position : position + kept])
            position += kept
        elif item is None:
            result.append(1)
        elif isinstance(item, slice):
            result.append(_sliced_axis(shape[position], item))
            position += 1
        elif is_int(item):
            position += 1
        else:
            return None
    return tuple(result)


def _sliced_axis(axis: Axis, item: slice) -> Axis:
    bounds = (item.start, item.stop, item.step)
    if bounds in ((None, None, None), (0, None, None), (None, None, 1), (None, None, -1)):
        return axis
    if not all(bound is None or is_int(bound) for bound in bounds) or item.step == 0:
        return UNKNOWN
    return compute(lambda length: len(range(*item.indices(length))), axis)
