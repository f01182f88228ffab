"""Constants of a graph: TensorFlow's `TensorProto`, for the element types that matter here."""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from qlsp.doctor import wire
from qlsp.doctor.graphdef import Node
from qlsp.error import QlspError

FLOAT, INT32, INT64, BOOL, QINT8, QUINT8, QINT32 = 1, 3, 9, 10, 11, 12, 13
"""Of `tensorflow/core/framework/types.proto`."""

_CODES: Final = {
    FLOAT: "f",
    INT32: "i",
    INT64: "q",
    BOOL: "B",
    QINT8: "b",
    QUINT8: "B",
    QINT32: "i",
}
_FIELDS: Final = {FLOAT: 5, INT64: 10, BOOL: 11}
"""Where the values stand if not in `tensor_content`; those of all other integers in 7."""
_LARGEST: Final = 1 << 29
"""Elements: what a message of 2 GB can hold of floats."""


@dataclass(frozen=True)
class Tensor:
    """A constant's element type, shape and values in row-major order."""

    dtype: int
    shape: tuple[int, ...]
    values: array[Any]

    @property
    def scalar(self) -> float:
        """Its only value; NaN if it has more or none."""
        return float(self.values[0]) if len(self.values) == 1 else math.nan


def constant(node: Node) -> Tensor | None:
    """The value of a `Const`; None for other nodes and element types.

    Raises `QlspError` for a damaged one.
    """
    content = node.attr("value", 8) if node.op == "Const" else None
    if content is None or isinstance(content, int):
        return None
    try:
        return _tensor(content)
    except ValueError as error:
        raise QlspError(f"constant '{node.name}' is damaged: {error}") from None


def _tensor(content: wire.Bytes) -> Tensor | None:
    dtype, packed = FLOAT, b""
    shape: tuple[int, ...] = ()
    numbers: list[float] = []
    for number, _, value in wire.fields(content):
        if number == 1 and isinstance(value, int):
            dtype = value
        elif number == 2 and not isinstance(value, int):
            shape = _shape(value)
        elif number == 4 and not isinstance(value, int):
            packed = bytes(value)
        elif number == _FIELDS.get(dtype, 7):
            numbers += _numbers(dtype, value)
    if dtype not in _CODES:
        return None
    return Tensor(dtype, shape, _values(dtype, math.prod(shape), packed, numbers))


def _values(dtype: int, count: int, packed: bytes, numbers: Sequence[float]) -> array[Any]:
    code = _CODES[dtype]
    if not 0 <= count <= _LARGEST:
        raise ValueError("a constant of more elements than a graph can hold")
    values: array[Any] = array(code)
    if packed:
        values.frombytes(packed)
        if sys.byteorder == "big":
            values.byteswap()
    else:
        values.extend([each if code == "f" else int(each) for each in numbers[:count]] or [0])
        # The last value stands for all that follow.
        values = (values + values[-1:] * max(count - len(values), 0))[:count]
    if len(values) != count:
        raise ValueError("a constant whose values don't fill its shape")
    return values


def _shape(content: wire.Bytes) -> tuple[int, ...]:
    sizes = []
    for number, _, value in wire.fields(content):
        if number == 2 and not isinstance(value, int):
            size = next((each for index, _, each in wire.fields(value) if index == 1), 0)
            sizes.append(wire.signed(size) if isinstance(size, int) else 0)
    if any(size < 0 for size in sizes):
        raise ValueError("a constant of unknown size")
    return tuple(sizes)


def _numbers(dtype: int, value: wire.Value) -> list[float]:
    """One value, or a packed field of them."""
    if isinstance(value, int):
        return [wire.signed(value)]
    if dtype == FLOAT:
        return [each for (each,) in struct.iter_unpack("<f", value)]
    return [wire.signed(each) for each in wire.varints(value)]


def sizes(node: Node) -> tuple[int | None, ...] | None:
    """The shape of a placeholder, None for an open axis; None if its rank is not known."""
    content = node.attr("shape", 7)
    if content is None or isinstance(content, int):
        return None
    found: list[int | None] = []
    for number, _, value in wire.fields(content):
        if number == 3 and value:
            return None
        if number == 2 and not isinstance(value, int):
            size = next((each for index, _, each in wire.fields(value) if index == 1), 0)
            length = wire.signed(size) if isinstance(size, int) else -1
            found.append(None if length < 0 else length)
    return tuple(found)


def const(name: str, tensor: Tensor) -> Node:
    """A `Const` of a value."""
    dims = (wire.message(2, wire.varint(1, size)) for size in tensor.shape)
    values = array(tensor.values.typecode, tensor.values)
    if sys.byteorder == "big":
        values.byteswap()
    content = wire.joined(
        (
            wire.varint(1, tensor.dtype),
            wire.message(2, wire.joined(dims)),
            wire.message(4, values.tobytes()),
        )
    )
    attrs = {"dtype": wire.varint(6, tensor.dtype), "value": wire.message(8, content)}
    return Node(name, "Const", (), attrs)
