"""What programs around `quantize_model` come to: how the cases are measured, and how that is read.

`python -m qlsp.evidence.tfmot TOOLCHAIN INTERPRETER [TFMOT_FOLDER]` measures one toolchain and
rewrites its column of `data/programs.json`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from qlsp.evidence import outcomes
from qlsp.evidence.tfmot_cases import CASES, HEADER
from qlsp.evidence.toolchains import setup

_FILE = "programs.json"


def load() -> Mapping[str, Mapping[str, str]]:
    """By case, and by toolchain as it is named on the command line: what comes out.

    `runs`, `runs: WHAT IS SAID` or `raises TYPE: MESSAGE`.
    """
    return outcomes.load(_FILE)


def measure(name: str, interpreter: str, folder: str | None = None) -> dict[str, str]:
    """What every case comes to on the toolchain `name`; `folder` has its tfmot, if any apart."""
    runner = str(Path(__file__).with_name("runner_tfmot.py"))
    jobs = [{"name": case, "source": HEADER + source} for case, source in CASES.items()]
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as journal:
        subprocess.run(
            [interpreter, runner, journal.name],
            input=json.dumps(jobs),
            text=True,
            env=outcomes.environment(setup(name), interpreter, folder),
            capture_output=True,
            check=True,
        )
        lines = {line["name"]: line for line in map(json.loads, journal.read().splitlines())}
    found = dict.fromkeys(CASES, "raises: the process dies")
    for case, line in lines.items():
        said = f"runs: {line['said']}" if line.get("said") else "runs"
        found[case] = outcomes.raised(*line["error"]) if "error" in line else said
    return found


def main(name: str, interpreter: str, folder: str | None = None) -> None:
    """Measure a toolchain and write its column."""
    outcomes.write(_FILE, CASES, name, measure(name, interpreter, folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
