"""What the converters make of the graphs in data/, before mending and after.

`python -m tests.doctor.measured OLD NEW` measures with two interpreters (TensorFlow 1.15, and a
current one), and writes data/measured.json and the table in docs/doctor.md.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from qlsp.doctor.examine import Examination, examine
from qlsp.doctor.graphdef import read_graph
from qlsp.doctor.treat import usable
from qlsp.verify.flatbuffer import read_model
from tests.doctor.made import DATA

CONVERT = Path(__file__).parent / "convert.py"
MEASURED = DATA / "measured.json"
PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"
INPUTS, OUTPUTS = ["image"], ["result"]
FLOAT_FORM = "eight_bit_float"
TRAINS = {"norm_in_training", "dropout", "dropout_of_tf2"}
"""Their function is another one in every run."""
FAR_OFF = {("old", "leaky")}
"""TensorFlow 1.15's interpreter copies the positive bytes of LEAKY_RELU, whose output has another
range than its input: 9 dB, and 42 dB in TensorFlow 2.21.
"""
CASTS = {"QUANTIZE", "DEQUANTIZE"}

Measured = dict[str, Any]


def graphs() -> dict[str, Examination]:
    """All graphs of data/ by name, examined."""
    return {
        path.stem: examine(path, read_graph(path), tuple(INPUTS), tuple(OUTPUTS))
        for path in sorted(DATA.glob("*.pb"))
    }


def answers(python: str, jobs: list[dict[str, Any]]) -> list[Measured]:
    """One per job: see convert.py."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "jobs.json"
        file.write_text(json.dumps(jobs))
        done = subprocess.run(
            [python, CONVERT, file], capture_output=True, text=True, check=True, timeout=1200
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


def mend(python: str, folder: Path) -> dict[str, Path]:
    """The graphs that can be mended, mended, in files."""
    plans = {name: each.plan for name, each in graphs().items() if each.findings and each.mendable}
    jobs = []
    for name, plan in plans.items():
        assert plan is not None
        file = folder / f"{name}.float.pb"
        file.write_bytes(plan.view.graph.serialize())
        jobs.append({"graph": str(file), "inputs": INPUTS, "tensors": plan.unmeasured})
    made = {}
    for (name, plan), answer in zip(plans.items(), answers(python, jobs), strict=True):
        assert plan is not None
        made[name] = folder / f"{name}.pb"
        ranges = {tensor: usable(tensor, *ends) for tensor, ends in answer["ranges"].items()}
        made[name].write_bytes(plan.mended(ranges).serialize())
    return made


def before(python: str) -> dict[str, Measured]:
    """What the converter of an interpreter makes of the graphs as they are."""
    names = list(graphs())
    jobs = [
        {"graph": str(DATA / f"{name}.pb"), "inputs": INPUTS, "outputs": OUTPUTS} for name in names
    ]
    return dict(zip(names, map(_read, answers(python, jobs)), strict=True))


def after(python: str, mended: dict[str, Path]) -> dict[str, Measured]:
    """The same of the mended graphs, and how far they are from what they were."""
    jobs = [
        {
            "graph": str(file),
            "inputs": INPUTS,
            "outputs": OUTPUTS,
            "reference": _reference(name, file),
        }
        for name, file in mended.items()
    ]
    return dict(zip(mended, map(_read, answers(python, jobs)), strict=True))


def _reference(name: str, mended: Path) -> str:
    """What computes the same in float, or as near to it as there is."""
    if name.startswith("quantize_"):
        return str(DATA / f"{FLOAT_FORM}.pb")
    training = name in TRAINS or name.startswith("contrib_training") or name == "keras_phase"
    return str(mended.with_suffix(".float.pb") if training else DATA / f"{name}.pb")


def _read(answer: Measured) -> Measured:
    if "error" in answer:
        return {"error": answer["error"]}
    graph = read_model(base64.b64decode(answer["model"])).main
    found: Measured = {"ops": [str(operator.op) for operator in graph.operators]}
    computing = [each.op for each in graph.operators if each.op.name not in CASTS]
    found["integer"] = all("FLOAT" not in op.type for op in computing)
    for key in ("steps", "decibels"):
        if key in answer:
            found[key] = round(answer[key], 2)
    return found


def table(measured: dict[str, Any]) -> str:
    """The rows of docs/doctor.md."""
    lines = [
        "| graph | what `qlsp doctor` finds | TOCO 1.15 | TF 2.21 | mended: TOCO 1.15 | TF 2.21 |",
        "|---|---|---|---|---|---|",
    ]
    for name, each in graphs().items():
        kinds = list(dict.fromkeys(finding.kind for finding in each.findings)) or ["healthy"]
        cells = [_shown(measured[key][name]) for key in ("old", "new")]
        for key in ("old_mended", "new_mended"):
            cells.append(_shown(measured[key][name]) if name in measured[key] else "")
        lines.append(f"| `{name}` | {', '.join(kinds)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(found: Measured) -> str:
    if "error" in found:
        return "raises"
    text = "8 bits" if found["integer"] else "partly float"
    return f"{text}, {found['decibels']:.0f} dB" if "decibels" in found else text


def main(old: str, new: str) -> None:
    """Measure, and write."""
    with tempfile.TemporaryDirectory() as folder:
        mended = mend(new, Path(folder))
        measured = {
            "old": before(old),
            "old_mended": after(old, mended),
            "new": before(new),
            "new_mended": after(new, mended),
        }
    MEASURED.write_text(json.dumps(measured, indent=1) + "\n")
    page = PAGE.read_text()
    start, end = "<!-- measured: begin -->", "<!-- measured: end -->"
    head, rest = page.split(start)[0], page.split(end)[1]
    PAGE.write_text(f"{head}{start}\n{table(measured)}\n{end}{rest}")


if __name__ == "__main__":
    main(*sys.argv[1:])
