"""Protocol buffers on the wire: as much as it takes to read and write a graph.

Values are left as they came: a varint is an int, everything else the bytes of its value.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

Bytes = bytes | memoryview
Value = int | Bytes

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_SIZES = {FIXED64: 8, FIXED32: 4}
_LONGEST_VARINT = 10


def fields(data: Bytes) -> Iterator[tuple[int, int, Value]]:
    """Field number, wire type and value of each field. Raises `ValueError` if damaged."""
    view = memoryview(data)
    position, end = 0, len(view)
    while position < end:
        key, position = _varint(view, position)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise ValueError("a field without a number")
        if kind == VARINT:
            value, position = _varint(view, position)
            yield number, kind, value
            continue
        if kind == LENGTH:
            size, position = _varint(view, position)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f"wire type {kind}")
        if position + size > end:
            raise ValueError("a field reaches past the end")
        yield number, kind, view[position : position + size]
        position += size


def varints(data: Bytes) -> Iterator[int]:
    """The numbers of a packed field."""
    view = memoryview(data)
    position = 0
    while position < len(view):
        value, position = _varint(view, position)
        yield value


def _varint(view: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for count in range(_LONGEST_VARINT):
        if position >= len(view):
            raise ValueError("cut off within a number")
        byte = view[position]
        position += 1
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, position
    raise ValueError("a number without an end")


def signed(value: int) -> int:
    """A varint as a 64-bit signed integer."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def varint(number: int, value: int) -> bytes:
    """A field that holds an integer."""
    return _number(number << 3 | VARINT) + _number(value & (1 << 64) - 1)


def float32(number: int, value: float) -> bytes:
    """A field that holds a 32-bit float."""
    return _number(number << 3 | FIXED32) + struct.pack("<f", value)


def message(number: int, content: Bytes) -> bytes:
    """A field that holds bytes, text or a message."""
    return b"".join((_number(number << 3 | LENGTH), _number(len(content)), content))


def joined(parts: Iterable[Bytes]) -> bytes:
    """The message made of fields."""
    return b"".join(parts)


def _number(value: int) -> bytes:
    found = bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
