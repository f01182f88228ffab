"""Reads a `.tflite` model, without TensorFlow.

The PyPI package `tflite` would do most of it, but lags the schema (its last release misses an
operator and two types of TF 2.21), needs numpy, takes 0.3 s to import and trusts the file. A
model file may come from anywhere, so here every offset is checked against the buffer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Final

from qlsp.error import QlspError
from qlsp.lower.lowering import Op
from qlsp.verify.schema import (
    ACTIVATIONS,
    BUILTIN_OPERATORS,
    FUSED_ACTIVATION_FIELD,
    TENSOR_TYPES,
)

_PLACEHOLDER: Final = 127
"""Old code field's value for codes that need the new, wider field."""
_CUSTOM: Final = BUILTIN_OPERATORS.index("CUSTOM")


class ModelFileError(QlspError):
    """The bytes are not a TFLite model, or a damaged one."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor of a subgraph."""

    name: str
    type: str
    shape: tuple[int, ...]
    """Dynamic axes are 1 here, as TFLite allocates them; see `signature`."""
    signature: tuple[int, ...]
    """The shape with -1 for dynamic axes."""
    scale: tuple[float, ...]
    """Empty when not quantized; one value per channel along `axis`, or one for all."""
    zero_point: tuple[int, ...]
    axis: int
    data: memoryview | None
    """The bytes of a constant, None for a computed tensor."""

    @property
    def elements(self) -> int:
        """Number of elements, dynamic axes counted as 1."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator, with indexes into its subgraph's tensors (-1: an optional input left out)."""

    op: Op
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Subgraph:
    """A graph of operators in execution order."""

    name: str
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]

    @cached_property
    def producer(self) -> dict[int, int]:
        """Index of the operator that computes each tensor."""
        return {
            tensor: index
            for index, operator in enumerate(self.operators)
            for tensor in operator.outputs
        }

    @cached_property
    def consumers(self) -> dict[int, tuple[int, ...]]:
        """Indexes of the operators that take each tensor, once per use."""
        found: dict[int, list[int]] = {}
        for index, operator in enumerate(self.operators):
            for tensor in operator.inputs:
                found.setdefault(tensor, []).append(index)
        return {tensor: tuple(users) for tensor, users in found.items()}


@dataclass(frozen=True, slots=True)
class FlatModel:
    """What a `.tflite` file holds. The first subgraph is the model; others are loop bodies."""

    version: int
    description: str
    subgraphs: tuple[Subgraph, ...]
    size: int
    """Bytes."""

    @property
    def main(self) -> Subgraph:
        """The subgraph that runs."""
        return self.subgraphs[0]

    @property
    def ops(self) -> tuple[Op, ...]:
        """The main subgraph's ops in execution order."""
        return tuple(operator.op for operator in self.main.operators)


def read_model(data: bytes) -> FlatModel:
    """Read a model. Raises `ModelFileError`."""
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ModelFileError("not a TFLite model (no TFL3 mark)")
    try:
        model = _model(data)
    except (struct.error, IndexError, ValueError) as error:
        raise ModelFileError(f"damaged TFLite model ({error})") from None
    if not model.subgraphs:
        raise ModelFileError("the TFLite model has no subgraph")
    return model


class _Budget:
    """Stops a small file that points to the same content over and over."""

    __slots__ = ("_left",)

    def __init__(self, size: int) -> None:
        self._left = 16 * size

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError("more content than bytes")


class _Table:
    """A flatbuffer table: fields by number, absent ones take their default."""

    __slots__ = ("_budget", "_data", "_fields", "_position")

    def __init__(self, data: bytes, position: int, budget: _Budget) -> None:
        budget.spend(8)
        self._data = data
        self._position = position
        self._budget = budget
        vtable = position - struct.unpack_from("<i", data, _checked(data, position))[0]
        (size,) = struct.unpack_from("<H", data, _checked(data, vtable))
        if size < 4 or vtable + size > len(data):
            raise ValueError("bad table")
        self._fields = struct.unpack_from(f"<{size // 2 - 2}H", data, vtable + 4)

    def _at(self, field: int) -> int:
        offset = self._fields[field] if field < len(self._fields) else 0
        return _checked(self._data, self._position + offset) if offset else 0

    def number(self, field: int, kind: str, default: int = 0) -> int:
        """A scalar field; `kind` is its `struct` letter."""
        position = self._at(field)
        return struct.unpack_from("<" + kind, self._data, position)[0] if position else default

    def _target(self, field: int) -> int:
        position = self._at(field)
        if not position:
            return 0
        (offset,) = struct.unpack_from("<I", self._data, position)
        return _checked(self._data, position + offset)

    def table(self, field: int) -> _Table | None:
        """A sub-table, or None."""
        position = self._target(field)
        return _Table(self._data, position, self._budget) if position else None

    def _vector(self, field: int, size: int) -> tuple[int, int]:
        position = self._target(field)
        if not position:
            return 0, 0
        (length,) = struct.unpack_from("<I", self._data, position)
        if position + 4 + length * size > len(self._data):
            raise ValueError("vector past the end")
        return position + 4, length

    def numbers(self, field: int, kind: str) -> tuple[int, ...]:
        """A vector of scalars."""
        size = struct.calcsize("<" + kind)
        start, length = self._vector(field, size)
        self._budget.spend(length * size)
        return struct.unpack_from(f"<{length}{kind}", self._data, start)

    def floats(self, field: int) -> tuple[float, ...]:
        """A vector of 32-bit floats."""
        start, length = self._vector(field, 4)
        self._budget.spend(length * 4)
        return struct.unpack_from(f"<{length}f", self._data, start)

    def content(self, field: int) -> memoryview | None:
        """A vector of bytes, not copied; None if absent or empty."""
        start, length = self._vector(field, 1)
        return memoryview(self._data)[start : start + length] if length else None

    def text(self, field: int) -> str:
        """A string; empty if absent. What can't be printed in it is replaced."""
        content = self.content(field)
        self._budget.spend(len(content or b""))
        text = bytes(content).decode("utf-8", "replace") if content else ""
        if text.isprintable():
            return text
        return "".join(each if each.isprintable() else "\ufffd" for each in text)

    def tables(self, field: int) -> Iterator[_Table]:
        """A vector of tables."""
        start, length = self._vector(field, 4)
        for position in range(start, start + 4 * length, 4):
            (offset,) = struct.unpack_from("<I", self._data, position)
            yield _Table(self._data, _checked(self._data, position + offset), self._budget)


def _checked(data: bytes, position: int) -> int:
    if not 0 <= position < len(data):
        raise ValueError("offset past the end")
    return position


def _model(data: bytes) -> FlatModel:
    root = _Table(data, struct.unpack_from("<I", data)[0], _Budget(len(data)))
    buffers = tuple(_buffer(data, table) for table in root.tables(4))
    codes = tuple(_code(table) for table in root.tables(1))
    return FlatModel(
        root.number(0, "I"),
        root.text(3),
        tuple(_subgraph(table, codes, buffers) for table in root.tables(2)),
        len(data),
    )


def _buffer(data: bytes, table: _Table) -> memoryview | None:
    """Constants lie in the table, or in models over 2 GB behind the flatbuffer."""
    offset, size = table.number(1, "Q"), table.number(2, "Q")
    if offset > 1:
        if offset + size > len(data):
            raise ValueError("buffer past the end")
        return memoryview(data)[offset : offset + size]
    return table.content(0)


def _code(table: _Table) -> str:
    code = table.number(0, "b")
    if code in (0, _PLACEHOLDER):
        code = table.number(3, "i") or code
    if code == _CUSTOM:
        return table.text(1) or "CUSTOM"
    return _named(BUILTIN_OPERATORS, code)


def _named(names: tuple[str, ...], code: int) -> str:
    return names[code] if 0 <= code < len(names) else f"UNKNOWN_{code}"


def _subgraph(
    table: _Table, codes: tuple[str, ...], buffers: tuple[memoryview | None, ...]
) -> Subgraph:
    tensors = tuple(_tensor(item, buffers) for item in table.tables(0))
    return Subgraph(
        table.text(4),
        tensors,
        _indexes(table.numbers(1, "i"), len(tensors)),
        _indexes(table.numbers(2, "i"), len(tensors)),
        tuple(_operator(item, codes, tensors) for item in table.tables(3)),
    )


def _indexes(indexes: tuple[int, ...], length: int) -> tuple[int, ...]:
    if any(not -1 <= index < length for index in indexes):
        raise ValueError("tensor index past the end")
    return indexes


def _tensor(table: _Table, buffers: tuple[memoryview | None, ...]) -> Tensor:
    quantization = table.table(4)
    shape = table.numbers(0, "i")
    return Tensor(
        table.text(3),
        _named(TENSOR_TYPES, table.number(1, "b")),
        shape,
        table.numbers(7, "i") or shape,
        quantization.floats(2) if quantization else (),
        quantization.numbers(3, "q") if quantization else (),
        quantization.number(6, "i") if quantization else 0,
        buffers[table.number(2, "I")],
    )


def _operator(table: _Table, codes: tuple[str, ...], tensors: tuple[Tensor, ...]) -> Operator:
    inputs = _indexes(table.numbers(1, "i"), len(tensors))
    outputs = _indexes(table.numbers(2, "i"), len(tensors))
    carrier = next((index for index in (*outputs, *inputs) if index >= 0), None)
    op = Op(
        codes[table.number(0, "I")],
        _activation(table.number(3, "B"), table.table),
        tensors[carrier].type if carrier is not None else "FLOAT32",
    )
    return Operator(op, inputs, outputs)


def _activation(options: int, table: Callable[[int], _Table | None]) -> str | None:
    field = FUSED_ACTIVATION_FIELD.get(options)
    if field is None:
        return None
    content = table(4)
    code = content.number(field, "b") if content is not None else 0
    return ACTIVATIONS[code] if 0 <= code < len(ACTIVATIONS) else f"UNKNOWN_{code}"
