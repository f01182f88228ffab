"""What Arm's Vela makes of a converted model on an Ethos-U: cycles, and the ops it leaves.

Vela is the only authority on this: its own program is run (the extra `qlsp[vela]`, or a `vela` on
the PATH), with its own defaults for clock and memories.
"""

from __future__ import annotations

import csv
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from qlsp.error import QlspError
from qlsp.verify.flatbuffer import Subgraph
from qlsp.verify.measurement import Measurement

CONFIGURATIONS: Final = (
    *("ethos-u55-32", "ethos-u55-64", "ethos-u55-128", "ethos-u55-256"),
    *("ethos-u65-256", "ethos-u65-512"),
    *("ethos-u85-128", "ethos-u85-256", "ethos-u85-512", "ethos-u85-1024", "ethos-u85-2048"),
)
"""The accelerators as Vela 5 names them: the last number is that of the multipliers."""

_LEFT = re.compile(r"operator: (?P<op>\S+), ofm: '(?P<name>[^']*)'\s*\n\s*(?P<reason>(?:.+\n?)+)")


@dataclass(frozen=True, slots=True)
class Left:
    """An operator that Vela leaves on the CPU."""

    operator: int | None
    """Its index in the model; None if it can't be told."""
    op: str
    reason: str
    """In Vela's words."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A model on an Ethos-U, as Vela estimates it."""

    device: str
    vela: str
    """Vela's version."""
    cycles: int
    """Of the NPU and its memories for one inference; what the CPU computes is not in it."""
    seconds: float
    """The same at the clock of Vela's default system."""
    sram: int
    """Bytes."""
    left: tuple[Left, ...]


def place(measurement: Measurement, device: str, seconds: float) -> Placement | None:
    """Compile a model for a device; None if there is none. Raises `QlspError`."""
    if measurement.content is None or measurement.flat is None:
        return None
    vela = find_vela()
    with tempfile.TemporaryDirectory(prefix="qlsp-vela-") as name:
        folder = Path(name)
        model = folder / "model.tflite"
        model.write_bytes(measurement.content)
        options = ["--accelerator-config", device, "--output-dir", str(folder)]
        done = _run([*vela, str(model), *options, "--verbose-performance"], seconds)
        summary = _rows(folder, "model_summary_*.csv")
        layers = _rows(folder, "model_per-layer.csv")
        version = _run([*vela, "--version"], seconds).strip()
    if not summary:
        raise QlspError(f"Vela wrote no summary: {(done.strip().splitlines() or ['nothing'])[-1]}")
    return Placement(
        device,
        version,
        round(float(summary[0]["cycles_total"])),
        float(summary[0]["inference_time"]),
        round(float(summary[0]["sram_memory_used"]) * 1024),
        tuple(_left(measurement.flat.main, layers, reasons(done))),
    )


def reasons(output: str) -> dict[str, tuple[str, str]]:
    """By output tensor the operator that Vela leaves on the CPU, and why, from what it prints."""
    found: dict[str, tuple[str, str]] = {}
    for match in _LEFT.finditer(output):
        text = " ".join(match["reason"].split()).removeprefix("Reason: ")
        found.setdefault(match["name"], (match["op"], text))
    return found


def _left(
    graph: Subgraph, layers: Sequence[Mapping[str, str]], why: Mapping[str, tuple[str, str]]
) -> list[Left]:
    index = {
        graph.tensors[tensor].name: number
        for number, operator in enumerate(graph.operators)
        for tensor in operator.outputs
        if tensor >= 0
    }
    names = [row["Name"] for row in layers if row["Target"] == "CPU"]
    found = []
    for name in dict.fromkeys(names):
        number = index.get(name)
        op = graph.operators[number].op.name if number is not None else name
        found.append(Left(number, op, why.get(name, ("", "no reason given"))[1]))
    return found


def find_vela() -> list[str]:
    """The command that runs Vela. Raises `QlspError` where there is none."""
    if importlib.util.find_spec("ethosu") is not None:
        return [sys.executable, "-m", "ethosu.vela"]
    program = shutil.which("vela")
    if program is None:
        raise QlspError("--device needs Vela: pip install 'qlsp[vela]', or put vela on the PATH")
    return [program]


def _run(command: Sequence[str], seconds: float) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise QlspError(f"Vela gave no answer within {seconds:g} s; --timeout gives more") from None
    if done.returncode:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise QlspError(f"Vela fails: {lines[-1] if lines else f'exit code {done.returncode}'}")
    return done.stdout + done.stderr


def _rows(folder: Path, pattern: str) -> list[dict[str, str]]:
    for file in folder.glob(pattern):
        with file.open(newline="", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))
    return []
