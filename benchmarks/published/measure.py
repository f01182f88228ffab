"""Convert a published model, workflow by workflow."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.published.models import Published
from benchmarks.published.store import Conversion, Operator, Record
from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.toolchain import Toolchain, Workflow
from qlsp.verify.findings import findings
from qlsp.verify.measurement import Measurement
from qlsp.verify.model import BuiltModel
from qlsp.verify.process import Limits
from qlsp.verify.session import Session
from qlsp.verify.target import Target
from qlsp.verify.verify import open_model

_REFUSALS = Path(__file__).with_name("refusals.py")


def measure(
    model: Published,
    workflows: Sequence[Workflow],
    python: Path,
    seconds: float,
    known: Record | None = None,
) -> Iterator[Record]:
    """Build it in the interpreter `python`; yield the record after each workflow.

    `known` is what was measured before, and is kept. Raises `QlspError`.
    """
    os.environ["TF_USE_LEGACY_KERAS"] = "1" if model.keras == 2 else "0"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "published.py")
        path.write_text(model.source, encoding="utf-8")
        interpreter = Interpreter(python, "--python")
        with Session(interpreter, Limits(seconds, 0), lambda text: None) as session:
            versions, built = open_model(session, Target(path, "build"), interpreter)
            toolchain = Toolchain(versions.tensorflow, built.keras, versions.tfmot)
            record = _record(built, toolchain)
            if known is not None and known["toolchain"] == record["toolchain"]:
                record["workflows"].update(known["workflows"])
            for workflow in workflows:
                measured = Measurement.of(session.convert(workflow), built, toolchain)
                record["workflows"][workflow] = _conversion(measured)
                yield record


def add_refusals(model: Published, python: Path, seconds: float, record: Record) -> None:
    """Find every layer that `quantize_model` refuses. Raises `QlspError`."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "published.py")
        path.write_text(model.source, encoding="utf-8")
        found = _refusals(path, python, seconds)
    index = {layer["name"]: number for number, layer in enumerate(record["layers"])}
    conversion = record["workflows"]["qat"]
    conversion["refused"] = [index[name] for name in found["refused"] if name in index]
    conversion["unnamed"] = found["error"]


def _record(built: BuiltModel, toolchain: Toolchain) -> Record:
    return {
        "toolchain": (toolchain.tensorflow, toolchain.keras, toolchain.tfmot),
        "layers": [
            {
                "name": layer.name,
                "cls": layer.cls,
                "site": [(place.file, place.line) for place in layer.site],
            }
            for layer in built.layers
        ],
        "workflows": {},
    }


def _conversion(measured: Measurement) -> Conversion:
    error = measured.error
    return {
        "error": None if error is None else (error.stage, error.type, error.message[:1000]),
        "operators": list(_operators(measured)),
        "refused": None if error is not None and error.stage == "quantize" else [],
        "unnamed": None,
        "seconds": round(measured.seconds, 1),
    }


def _operators(measured: Measurement) -> Iterator[Operator]:
    if measured.flat is None:
        return
    floating = {index for island in measured.islands for index in island}
    said: dict[int, str] = {}
    for finding in findings(measured):
        said.update(dict.fromkeys(finding.operators, finding.message))
    operators = zip(measured.ops, measured.operators, strict=True)
    for index, (op, mapped) in enumerate(operators):
        yield {
            "name": op.name,
            "activation": op.activation,
            "type": op.type,
            "layers": list(mapped.layers),
            "float": index in floating,
            "finding": said.get(index),
        }


def _refusals(path: Path, python: Path, seconds: float) -> dict[str, Any]:
    """Every layer that `quantize_model` refuses, and an error that names none."""
    try:
        done = subprocess.run(
            [python, _REFUSALS, path, path.parent],
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "-1"},
        )
    except subprocess.TimeoutExpired:
        raise QlspError("quantize_model takes too long") from None
    if done.returncode:
        raise QlspError(done.stderr.strip().splitlines()[-1])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
