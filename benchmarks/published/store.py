"""Where the conversions of published models are kept: one file per model, diffable.

A file names its sources once, relative to the folder that the packages are installed in, and has
a line per layer and per operator.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from benchmarks.published.models import Published
from qlsp.toolchain import Toolchain, Workflow

DATA = Path(__file__).with_name("data")
WORKFLOWS: tuple[Workflow, ...] = ("float", "ptq", "qat")
_PACKAGES = "site-packages/"


class Layer(TypedDict):
    """A layer that the builder made, the model itself and nested models among them."""

    name: str
    cls: str
    site: list[tuple[str, int]]
    """File and line of the constructor, then of the calls that led there."""


class Operator(TypedDict):
    """An operator of the converted model, in execution order."""

    name: str
    activation: str | None
    type: str
    layers: list[int]
    """Indices of the layers that it comes from, its own first."""
    float: bool
    """Whether it is in a float island."""
    finding: str | None
    """What `qlsp verify` says against it."""


class Conversion(TypedDict):
    """What one workflow made of the model."""

    error: tuple[str, str, str] | None
    """Stage, type and message."""
    operators: list[Operator]
    refused: list[int] | None
    """Indices of all layers that `quantize_model` refuses, not only of the first; None if only
    that one was looked for."""
    unnamed: str | None
    """An error of `quantize_model` that no layer explains."""
    seconds: float


class Record(TypedDict):
    """A published model under one toolchain."""

    toolchain: tuple[str, Literal[2, 3], str | None]
    layers: list[Layer]
    workflows: dict[Workflow, Conversion]


def text(operator: Operator) -> str:
    """As the evidence writes it: `CONV_2D+RELU:INT8`."""
    activation = operator["activation"]
    return f"{operator['name']}{f'+{activation}' if activation else ''}:{operator['type']}"


def toolchain(record: Record) -> Toolchain:
    """The versions that it was measured with."""
    return Toolchain(*record["toolchain"])


def packages_of(python: Path) -> Path:
    """Where the packages of an interpreter are installed."""
    return next(python.parent.parent.glob("lib/python3*/site-packages"))


@dataclass(frozen=True)
class Store:
    """The records in a folder, for packages that are installed in another."""

    folder: Path = DATA
    packages: Path = Path()
    """The `site-packages` in which a record's files are."""

    def read(self, model: Published) -> Record | None:
        """What was measured of a model, if it was."""
        file = self._file(model)
        if not file.exists():
            return None
        data: Any = json.loads(file.read_text(encoding="utf-8"))
        files = [str(self.packages / each) for each in data["files"]]
        workflows = data["workflows"]
        for conversion in workflows.values():
            conversion["operators"] = [_operator(*row) for row in conversion["operators"]]
        return {
            "toolchain": (*data["toolchain"],),
            "layers": [
                {"name": name, "cls": cls, "site": [(files[at], line) for at, line in site]}
                for name, cls, site in data["layers"]
            ],
            "workflows": workflows,
        }

    def write(self, model: Published, record: Record) -> None:
        """Keep it."""
        files: dict[str, int] = {}
        layers = [
            [
                layer["name"],
                layer["cls"],
                [[files.setdefault(_relative(file), len(files)), at] for file, at in layer["site"]],
            ]
            for layer in record["layers"]
        ]
        workflows = {
            workflow: {**each, "operators": [_row(operator) for operator in each["operators"]]}
            for workflow, each in sorted(record["workflows"].items())
        }
        content = {
            "toolchain": record["toolchain"],
            "files": list(files),
            "layers": layers,
            "workflows": workflows,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(_lines(content))
        self._file(model).write_text(lines + "\n", encoding="utf-8")

    def _file(self, model: Published) -> Path:
        return self.folder / f"{model.name}.json"


def _relative(file: str) -> str:
    _, packages, inside = file.partition(_PACKAGES)
    if packages:
        return inside
    return Path(file).name if Path(file).is_absolute() else file


def _operator(operator: str, layers: list[int], floating: bool, finding: str | None) -> Operator:
    name, _, type_ = operator.rpartition(":")
    name, _, activation = name.partition("+")
    return {
        "name": name,
        "activation": activation or None,
        "type": type_,
        "layers": layers,
        "float": floating,
        "finding": finding,
    }


def _row(operator: Operator) -> list[Any]:
    return [text(operator), operator["layers"], operator["float"], operator["finding"]]


def _lines(value: Any, level: int = 0) -> Iterator[str]:
    """JSON with a line per member of dicts, and of the lists that hold lists."""
    if isinstance(value, dict) and value:
        members = [(f"{json.dumps(key)}: ", each) for key, each in value.items()]
        yield from _block("{}", members, level)
    elif isinstance(value, list) and level < 4 and any(isinstance(each, list) for each in value):
        yield from _block("[]", [("", each) for each in value], 4)
    else:
        yield json.dumps(value)


def _block(brackets: str, members: Iterable[tuple[str, Any]], level: int) -> Iterator[str]:
    yield brackets[0]
    for number, (key, each) in enumerate(members):
        yield f"{',' if number else ''}\n{key}"
        yield from _lines(each, level + 1)
    yield f"\n{brackets[1]}"
