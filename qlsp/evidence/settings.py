"""What converters make of their settings: how the cases are measured, and how that is read.

`python -m qlsp.evidence.settings TOOLCHAIN INTERPRETER` measures one toolchain and rewrites its
column of `data/settings.json`.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qlsp.evidence import outcomes
from qlsp.evidence.converter_cases import CASES
from qlsp.evidence.toolchains import setup
from qlsp.verify.flatbuffer import Subgraph, read_model

_FILE = "settings.json"


def load() -> Mapping[str, Mapping[str, str]]:
    """By case, and by toolchain as it is named on the command line: what comes out.

    `int8 io=INT8,INT8`, `float`, `dynamic range`, `mixed io=...` or `raises TYPE: MESSAGE`.
    """
    return outcomes.load(_FILE)


def describe(content: bytes) -> str:
    """What kind of model came out, with the operators that tell."""
    graph = read_model(content).main
    ops = [op for each in graph.operators for op in [each.op] if op.name not in _CASTS]
    types = {op.type for op in ops}
    kind = _kind(graph, types)
    io = ",".join(graph.tensors[index].type for index in (*graph.inputs[:1], *graph.outputs[:1]))
    names = " ".join(f"{op.name}:{op.type}" for op in ops)
    return f"{kind} io={io} ops={names}"


_CASTS = frozenset({"QUANTIZE", "DEQUANTIZE", "FAKE_QUANT"})


def _kind(graph: Subgraph, types: set[str]) -> str:
    weights = {
        tensor.type
        for tensor in graph.tensors
        if tensor.data is not None and tensor.elements >= 64 and tensor.type != "INT32"
    }
    if types <= {"INT8", "UINT8", "INT16", "INT32"}:
        return "int16" if "INT16" in types else "uint8" if "UINT8" in types else "int8"
    if types & {"INT8", "INT16", "UINT8"}:
        return "mixed"
    if "INT8" in weights or "UINT8" in weights:
        return "dynamic range" if "FLOAT32" in types else "int8 weights"
    return "float16 weights" if "FLOAT16" in weights else "float"


def measure(name: str, interpreter: str, folder: str | None = None) -> dict[str, str]:
    """What every case gives on the toolchain `name`; `folder` has its tfmot, if any apart."""
    chosen = setup(name)
    environment = outcomes.environment(chosen, interpreter, folder)
    jobs = [
        {"name": case, "model": model, "source": source}
        for case, (model, source) in CASES.items()
        if chosen.flavour != "tf1" or model.startswith("v1")
        if chosen.flavour == "tf1" or model != "v1 transformed"
        if chosen.flavour != "keras3" or not model.startswith(("qat", "annotated"))
    ]
    found: dict[str, str] = {}
    runner = str(Path(__file__).with_name("runner_settings.py"))
    while jobs:
        with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as journal:
            subprocess.run(
                [interpreter, runner, journal.name],
                input=json.dumps(jobs),
                text=True,
                env=environment,
                capture_output=True,
                check=False,
            )
            begun = ""
            for line in map(json.loads, journal.read().splitlines()):
                begun = line.get("begin", begun)
                if "begin" not in line:
                    found[line["name"]] = _outcome(line)
        if begun and begun not in found:
            found[begun] = "raises: the process dies"
        left = [job for job in jobs if job["name"] not in found]
        if len(left) == len(jobs):
            raise SystemExit(f"nothing can be measured with {interpreter}")
        jobs = left
    return found


def _outcome(line: Mapping[str, Any]) -> str:
    if "error" in line:
        return outcomes.raised(*line["error"])
    return describe(base64.b64decode(line["model"]))


def main(name: str, interpreter: str, folder: str | None = None) -> None:
    """Measure a toolchain and write its column."""
    outcomes.write(_FILE, CASES, name, measure(name, interpreter, folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
