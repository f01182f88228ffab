"""Convert a published model, and keep what became of its layers as plain data."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.precision.models import Published
from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.toolchain import Toolchain, Workflow
from qlsp.verify.findings import findings
from qlsp.verify.measurement import Measurement
from qlsp.verify.process import Limits
from qlsp.verify.session import Session, Target
from qlsp.verify.verify import open_model

WORKFLOWS: tuple[Workflow, ...] = ("ptq", "qat")
_REFUSALS = Path(__file__).with_name("refusals.py")

Record = dict[str, Any]
"""`toolchain` (three strings), `layers` (name, class, site), and per workflow the operators, each
with its layers, whether it is in float and what `qlsp verify` says against it; the error, and
the layers that are refused."""


def measure(model: Published, python: Path, seconds: float) -> Record:
    """Build and convert it in the interpreter `python`. Raises `QlspError`."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "published.py")
        path.write_text(model.source, encoding="utf-8")
        interpreter = Interpreter(python, "--python")
        with Session(interpreter, Limits(seconds, 0), lambda text: None) as session:
            versions, built = open_model(session, Target(path, "build"), interpreter)
            toolchain = Toolchain(versions.tensorflow, built.keras, versions.tfmot)
            record: Record = {
                "toolchain": [toolchain.tensorflow, toolchain.keras, toolchain.tfmot],
                "layers": [
                    {
                        "name": layer.name,
                        "cls": layer.cls,
                        "site": [[place.file, place.line] for place in layer.site],
                    }
                    for layer in built.layers
                ],
                "workflows": {},
            }
            for workflow in WORKFLOWS:
                measured = Measurement.of(session.convert(workflow), built, toolchain)
                record["workflows"][workflow] = _operators(measured)
        refused = _refused(path, python, seconds)
        names = {layer["name"]: index for index, layer in enumerate(record["layers"])}
        record["workflows"]["qat"]["refused"] = [
            names[name] for name in refused["refused"] if name in names
        ]
        record["workflows"]["qat"]["unnamed"] = refused["error"]
    return record


def _operators(measured: Measurement) -> Record:
    error = measured.error
    floating = {index for island in measured.islands for index in island}
    said: dict[int, str] = {}
    if error is None:
        for finding in findings(measured):
            said.update(dict.fromkeys(finding.operators, finding.message))
    return {
        "error": None if error is None else [error.stage, error.type, error.message[:1000]],
        "operators": [
            {
                "name": operator.op.name,
                "activation": operator.op.activation,
                "type": operator.op.type,
                "layers": list(mapped.layers),
                "float": index in floating,
                "finding": said.get(index),
            }
            for index, (operator, mapped) in enumerate(
                zip(measured.flat.main.operators, measured.operators, strict=True)
                if measured.flat is not None
                else ()
            )
        ],
        "refused": [],
    }


def _refused(path: Path, python: Path, seconds: float) -> Record:
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
    found: Record = json.loads(done.stdout.splitlines()[-1])
    return found
