"""What the time of `qlsp verify` goes into, and how that of two versions of qlsp compares.

    python -m benchmarks.verify [--than CHECKOUT] [--repeats N] [--workflow W,…] [TARGET …]

Every target is verified by this checkout, and with `--than` by another one in turn. Processor time
of all processes is compared besides wall time, as it holds on a busy machine. TensorFlow is that of
`$QLSP_TENSORFLOW_PYTHON`. Also checks that both convert to the same ops.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.tensorflow import tensorflow_python

_ROOT = Path(__file__).parents[1]
_TARGETS = ("examples/keyword_spotting.py::build_model", "examples/mobilenet_v2.py::build_model")
_PARTS = {
    "starting": "import",
    "importing TensorFlow": "import",
    "importing the file": "import",
    "building": "build",
    "reading the data": "build",
}
"""What the runner does by part; all `converting` is one, and the rest is comparing."""


@dataclass(frozen=True)
class Run:
    """One run of `qlsp verify`."""

    parts: dict[str, float]
    """Seconds of wall time."""
    processor: float
    """Seconds of processor time, of all processes."""
    ops: list[list[str]]
    """By workflow."""


def verify(checkout: Path, target: str, options: list[str]) -> Run:
    """Verify `target`, a path below this checkout, with the qlsp of `checkout`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "qlsp", "verify", str(_ROOT / target), *options]
    done = subprocess.run(
        [*command, "--format", "json", "--python", tensorflow_python()],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        capture_output=True,
        text=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    report = json.loads(done.stdout)
    parts: defaultdict[str, float] = defaultdict(float)
    for name, seconds in report["seconds"].items():
        part = "convert" if name.startswith("converting") else _PARTS.get(name, "compare")
        parts[part] += seconds
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    ops = [[op["op"] for op in workflow["ops"]] for workflow in report["workflows"]]
    return Run(dict(parts), processor, ops)


def main() -> int:
    """Print a table, and with `--than` the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=_TARGETS)
    parser.add_argument("--than", type=Path, help="another checkout of qlsp")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--workflow", default="float,ptq,qat")
    arguments = parser.parse_args()
    options = ["--workflow", arguments.workflow]
    versions = {"this": _ROOT, **({"other": arguments.than.resolve()} if arguments.than else {})}
    same = True
    for target in arguments.targets:
        runs: dict[str, list[Run]] = {name: [] for name in versions}
        for _ in range(arguments.repeats):
            for name, checkout in versions.items():
                runs[name].append(verify(checkout, target, options))
        print(f"\n{target} ({arguments.workflow})")
        for name, found in runs.items():
            parts = {
                part: _median(run.parts.get(part, 0.0) for run in found) for part in _order(found)
            }
            shown = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in parts.items())
            processor = _median(run.processor for run in found)
            print(f"  {name}: {sum(parts.values()):.1f} s: {shown}; processor {processor:.1f} s")
        if "other" in runs:
            ratio = _median(run.processor for run in runs["this"]) / _median(
                run.processor for run in runs["other"]
            )
            equal = all(run.ops == runs["other"][0].ops for run in runs["this"])
            same = same and equal
            print(
                f"  processor time: {ratio:.2f} of the other; ops {'equal' if equal else 'DIFFER'}"
            )
    return 0 if same else 1


def _order(runs: list[Run]) -> list[str]:
    known = ("import", "build", "convert", "compare")
    return [part for part in known if any(part in run.parts for run in runs)]


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


if __name__ == "__main__":
    sys.exit(main())
