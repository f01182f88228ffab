"""Turns a journal of measurements into evidence: reads the models, cleans the messages."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qlsp.evidence.attribution import Layers, attribute
from qlsp.evidence.measure import Journal
from qlsp.evidence.patterns import Pattern
from qlsp.evidence.table import Cell, Evidence, MeasuredOp
from qlsp.evidence.toolchains import Setup
from qlsp.lower.lowering import ConversionError
from qlsp.verify.flatbuffer import Subgraph, read_model

_LENGTH = 240
"""Characters kept of a message."""


def read(setup: Setup, journal: Journal, patterns: Iterable[Pattern]) -> Evidence:
    """The evidence that the journal holds for `patterns`."""
    wanted = {pattern.name for pattern in patterns}
    lines = {key: line for key, line in journal.cells().items() if key[0] in wanted}
    cells = (cell(line, setup.toolchain.keras == 3) for line in lines.values())
    return Evidence(
        setup.toolchain,
        str(journal.versions().get("python")),
        {
            line["pattern"]: tuple((name, kind) for name, kind, _ in line["layers"])
            for line in lines.values()
            if "layers" in line
        },
        {(cell.pattern, cell.workflow): cell for cell in cells},
    )


def cell(line: Mapping[str, Any], keras3: bool) -> Cell:
    """One line of the journal as a cell."""
    if "error" in line:
        type_, stage, message = line["error"]
        # The log of a process that died may tell of earlier cells; only its last words count.
        message = _fatal(message) if type_.startswith("SIG") else clean(message)
        error = ConversionError(type_, message, stage=stage)
        return Cell(line["pattern"], line["workflow"], error=error)
    graph = read_model(base64.b64decode(line["model"])).main
    return Cell(
        line["pattern"],
        line["workflow"],
        tuple(
            MeasuredOp(operator.op, owners)
            for operator, owners in zip(graph.operators, _owners(line, graph, keras3), strict=True)
        ),
        (graph.tensors[graph.inputs[0]].type, graph.tensors[graph.outputs[0]].type),
    )


def _owners(line: Mapping[str, Any], graph: Subgraph, keras3: bool) -> list[tuple[str, ...]]:
    """Per operator the layers of the pattern; none for a TF 1 graph, which has no layers."""
    if "layers" not in line:
        return [() for _ in graph.operators]
    kinds = {name: kind for name, kind, _ in line["layers"]}
    described = line.get("quantized", line["layers"])
    origin = _origins([name for name, _, _ in described], list(kinds))
    layers = Layers.of(
        [
            (name, kinds.get(origin.get(name, ""), kind), sources)
            for name, kind, sources in described
        ],
        keras3,
    )
    return [
        tuple(dict.fromkeys(origin[name] for name in found if name in origin))
        for found in attribute(graph, layers)
    ]


def _origins(quantized: Sequence[str], layers: Sequence[str]) -> dict[str, str]:
    """By name in the quantized model, the layer that became it.

    tfmot wraps layers under `quant_` and their name, and replaces each `SeparableConv2D` by two
    layers with names of their own.
    """
    kept = {name: name.removeprefix("quant_") for name in quantized}
    origin = {name: layer for name, layer in kept.items() if layer in layers}
    gone = [layer for layer in layers if layer not in origin.values()]
    made = [name for name in quantized if name not in origin and name.startswith("quant_")]
    return {**origin, **dict(zip(made, (layer for layer in gone for _ in range(2)), strict=False))}


def clean(message: str) -> str:
    """The head of a message, without paths, addresses and layout of the machine it came from."""
    message = _telling(message)
    message = re.sub(r"(?<![\w.:/])(?:/[\w.+@-]+){2,}/", "…/", message)
    message = re.sub(r"0x[0-9a-fA-F]+", "0x…", message)
    message = " ".join(message.split())
    return message if len(message) <= _LENGTH else message[: _LENGTH - 1] + "…"


def _telling(message: str) -> str:
    """The line of a long message that says what is wrong."""
    found = re.search(r"error: (?:loc\(.*\): )?(.*)", message)
    return _fatal(message) or (found[1] if found else message)


def _fatal(log: str) -> str:
    """What a process said as it aborted; empty if nothing."""
    found = re.findall(r"\bF \S+:\d+\] (.*)|LLVM ERROR: (.*)", log)
    return "".join(found[-1]) if found else ""
