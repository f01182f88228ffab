"""Convert public models for real, and count what the linter said rightly, wrongly, and not at all.

    python -m benchmarks.precision [NAME...] [--python INTERPRETER] [--list] [--measured]

`NAME` is part of a model's name. `INTERPRETER` has TensorFlow, tf_keras, tfmot and the packages
(default: `$QLSP_TENSORFLOW_PYTHON`, else this one). What is measured is kept in `--cache`, so that
an interrupted run goes on where it was; `--measured` takes only what is there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

from benchmarks.precision.judge import Verdict, judge
from benchmarks.precision.measure import WORKFLOWS, Record, measure
from benchmarks.precision.models import MODELS, Published
from qlsp.error import QlspError
from qlsp.toolchain import Workflow
from tests.tensorflow import tensorflow_python

_CACHE = Path.home() / ".cache" / "qlsp-precision"


def main() -> int:
    """Print a table per package and workflow; exits with 1 after a false alarm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--cache", type=Path, default=_CACHE)
    parser.add_argument("--seconds", type=float, default=900, help="limit for one model's steps")
    parser.add_argument("--measured", action="store_true")
    parser.add_argument("--list", action="store_true", help="print each verdict")
    arguments = parser.parse_args()
    names = arguments.names or [""]
    chosen = dict.fromkeys(each for name in names for each in MODELS if name in each.name)
    rows: dict[tuple[str, Workflow], Counter[str]] = {}
    for model in chosen:
        record = _record(model, arguments)
        if record is None:
            continue
        folder = _packages(record)
        for workflow in WORKFLOWS:
            verdict = judge(record, workflow, folder)
            row = rows.setdefault((model.package, workflow), Counter())
            row["models"] += 1
            row.update(_counts(verdict))
            if arguments.list:
                _show(model, workflow, verdict)
    _table(rows)
    return int(any(row["false"] for row in rows.values()))


def _record(model: Published, arguments: argparse.Namespace) -> Record | None:
    """What was measured of a model, now or before; None if it can't be."""
    file = Path(arguments.cache) / f"{model.name}.json"
    if file.exists():
        found: Record = json.loads(file.read_text(encoding="utf-8"))
        return found
    if arguments.measured:
        return None
    try:
        found = measure(model, arguments.python or Path(tensorflow_python()), arguments.seconds)
    except QlspError as error:
        print(f"{model.name}: not measured: {error}", file=sys.stderr)
        return None
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def _packages(record: Record) -> Path:
    """The folder that the packages of the model's layers are in."""
    for layer in record["layers"]:
        for file, _ in layer["site"]:
            if "site-packages" in file:
                return Path(file.partition("site-packages")[0], "site-packages")
    return Path()


def _counts(verdict: Verdict) -> dict[str, int]:
    names = ("true", "false", "undecided", "announced", "missed")
    return {name: len(getattr(verdict, name)) for name in names}


def _show(model: Published, workflow: Workflow, verdict: Verdict) -> None:
    print(f"\n{model.name} {workflow}: {_counts(verdict)}")
    for kind in ("false", "missed", "undecided", "true"):
        for line, count in Counter(getattr(verdict, kind)).items():
            print(f"  {kind} {count} x {line}")


def _table(rows: dict[tuple[str, Workflow], Counter[str]]) -> None:
    """In Markdown."""
    print("\n| package | workflow | models | true | false | undecided | bad outcomes announced |")
    print("|---|---|---|---|---|---|---|")
    totals: dict[Workflow, Counter[str]] = {}
    for (package, workflow), row in sorted(rows.items()):
        totals.setdefault(workflow, Counter()).update(row)
        print(_line(package, workflow, row))
    for workflow, row in totals.items():
        print(_line("all", workflow, row))


def _line(package: str, workflow: Workflow, row: Counter[str]) -> str:
    bad = row["announced"] + row["missed"]
    share = f" ({100 * row['announced'] / bad:.0f}%)" if bad else ""
    return (
        f"| {package} | {workflow} | {row['models']} | {row['true']} | {row['false']} "
        f"| {row['undecided']} | {row['announced']}/{bad}{share} |"
    )


if __name__ == "__main__":
    sys.exit(main())
