"""The measured cells of a toolchain, and the file they are kept in.

A data file is JSON with one cell a line, sorted, so that two measurements can be compared by
`diff`. An op is written `CONV_2D+RELU6:INT8 conv2d re_lu`: what the converter made, then the
Keras layers it came from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, get_args

from qlsp.error import QlspError
from qlsp.lower.lowering import ConversionError, Op
from qlsp.toolchain import Toolchain

FORMAT = 1
"""Version of the data files."""

Measurement = Literal["float", "ptq", "qat", "qat_data", "tf1"]
"""A workflow as it is measured: `qat_data` is QAT converted with representative data."""
MEASUREMENTS: tuple[Measurement, ...] = get_args(Measurement)


@dataclass(frozen=True, slots=True)
class MeasuredOp:
    """An op of the converted model and the names of the Keras layers it came from."""

    op: Op
    layers: tuple[str, ...] = ()
    """Empty for QUANTIZE and DEQUANTIZE, and where names don't tell."""

    def __str__(self) -> str:
        return " ".join([str(self.op), *self.layers])

    @classmethod
    def parse(cls, text: str) -> MeasuredOp:
        """The inverse of `str`. Raises `ValueError`."""
        op, *layers = text.split(" ")
        return cls(Op.parse(op), tuple(layers))


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one pattern by one workflow: its ops, or the error."""

    pattern: str
    workflow: Measurement
    ops: tuple[MeasuredOp, ...] = ()
    types: tuple[str, str] | None = None
    """Element types of the converted model's first input and output; None after an error."""
    error: ConversionError | None = None

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.error.type} at {self.error.stage}: {self.error.message}"
        return f"{' to '.join(self.types or ())}: {' | '.join(map(str, self.ops))}"


@dataclass(frozen=True)
class Evidence:
    """All that was measured with one toolchain."""

    toolchain: Toolchain
    python: str
    layers: Mapping[str, tuple[tuple[str, str], ...]]
    """Per pattern name and class of the layers that Keras built, in Keras's order."""
    cells: Mapping[tuple[str, Measurement], Cell]

    def differences(self, other: Evidence) -> list[tuple[Cell | None, Cell]]:
        """The cells of `other` that are otherwise here, each behind what it is here."""
        return [
            (self.cells.get(key), other.cells[key])
            for key in sorted(other.cells, key=_order)
            if self.cells.get(key) != other.cells[key]
        ]

    def dump(self) -> str:
        """The content of the data file."""
        layers = (
            f"{_json(name)}: {_json([' '.join(layer) for layer in self.layers[name]])}"
            for name in sorted(self.layers)
        )
        cells = (_json(_row(self.cells[key])) for key in sorted(self.cells, key=_order))
        return (
            f'{{\n"format": {FORMAT},\n'
            f'"toolchain": {_json(_describe(self.toolchain))},\n'
            f'"python": {_json(self.python)},\n'
            f'"layers": {{\n{_join(layers)}\n}},\n'
            f'"cells": [\n{_join(cells)}\n]\n}}\n'
        )

    @classmethod
    def parse(cls, text: str) -> Evidence:
        """The inverse of `dump`. Raises `QlspError` on another format."""
        content = json.loads(text)
        if content.get("format") != FORMAT:
            raise QlspError(f"evidence of format {content.get('format')} can't be read")
        cells = (_cell(row) for row in content["cells"])
        return cls(
            Toolchain(**content["toolchain"]),
            content["python"],
            {
                name: tuple((layer.split(" ")[0], layer.split(" ")[1]) for layer in layers)
                for name, layers in content["layers"].items()
            },
            {(cell.pattern, cell.workflow): cell for cell in cells},
        )


@cache
def load(toolchain: Toolchain) -> Evidence:
    """What was measured with exactly this toolchain. Raises `QlspError` if nothing was."""
    data = files("qlsp.evidence") / "data" / f"{file_stem(toolchain)}.json"
    if not data.is_file():
        raise QlspError(f"no evidence for {toolchain}")
    return Evidence.parse(data.read_text(encoding="utf-8"))


def file_stem(toolchain: Toolchain) -> str:
    """The name of a toolchain in file names and on the command line."""
    name = f"tf{toolchain.tensorflow}-keras{toolchain.keras}"
    return f"{name}-tfmot{toolchain.tfmot}" if toolchain.tfmot else name


def _describe(toolchain: Toolchain) -> dict[str, Any]:
    return {
        "tensorflow": toolchain.tensorflow,
        "keras": toolchain.keras,
        "tfmot": toolchain.tfmot,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _join(lines: Iterable[str]) -> str:
    return ",\n".join(lines)


def _order(key: tuple[str, Measurement]) -> tuple[str, int]:
    return key[0], MEASUREMENTS.index(key[1])


def _row(cell: Cell) -> dict[str, Any]:
    row: dict[str, Any] = {"pattern": cell.pattern, "workflow": cell.workflow}
    if cell.error is not None:
        error = cell.error
        return {**row, "error": error.type, "stage": error.stage, "message": error.message}
    return {**row, "types": list(cell.types or ()), "ops": [str(op) for op in cell.ops]}


def _cell(row: Mapping[str, Any]) -> Cell:
    if "error" in row:
        error = ConversionError(row["error"], row["message"], stage=row["stage"])
        return Cell(row["pattern"], row["workflow"], error=error)
    return Cell(
        row["pattern"],
        row["workflow"],
        tuple(MeasuredOp.parse(op) for op in row["ops"]),
        (row["types"][0], row["types"][1]),
    )
