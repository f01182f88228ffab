"""Count what the linter said of public models rightly, wrongly, and not at all.

    python -m benchmarks.precision [NAME...] [--python INTERPRETER] [--called] [--list]

`NAME` is part of a model's name. With `--called`, a program that calls the builder is linted, too:
what depends on the builder's arguments is told there. Reads the conversions that
`python -m benchmarks.published` has stored, and lints the packages as they are installed beside
`INTERPRETER` (default: `$QLSP_TENSORFLOW_PYTHON`, else this one).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from benchmarks.precision.judge import Verdict, judge
from benchmarks.published.models import MODELS, Published
from benchmarks.published.store import DATA, Store, packages_of
from qlsp.source.document import Document
from qlsp.toolchain import Workflow
from tests.tensorflow import tensorflow_python

WORKFLOWS: tuple[Workflow, ...] = ("ptq", "qat")


def main() -> int:
    """Print a table per package and workflow; exits with 1 after a false alarm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--store", type=Path, default=DATA)
    parser.add_argument("--called", action="store_true", help="lint the builder's call, too")
    parser.add_argument("--list", action="store_true", help="print each verdict")
    arguments = parser.parse_args()
    names = arguments.names or [""]
    chosen = dict.fromkeys(each for name in names for each in MODELS if name in each.name)
    packages = packages_of(arguments.python or Path(tensorflow_python()))
    store = Store(arguments.store, packages)
    rows: dict[tuple[str, Workflow], Counter[str]] = {}
    for model in chosen:
        record = store.read(model)
        if record is None:
            continue
        program = Document(str(packages / "program.py"), model.program)
        caller = program if arguments.called else None
        for workflow in WORKFLOWS:
            conversion = record["workflows"].get(workflow)
            if conversion is None or conversion["refused"] is None:
                continue
            verdict = judge(record, workflow, packages, caller)
            row = rows.setdefault((model.package, workflow), Counter())
            row["models"] += 1
            row.update(_counts(verdict))
            if arguments.list:
                _show(model, workflow, verdict)
    _table(rows)
    return int(any(row["false"] for row in rows.values()))


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
    share = f" ({100 * row['announced'] / bad:.1f}%)" if bad else ""
    return (
        f"| {package} | {workflow} | {row['models']} | {row['true']} | {row['false']} "
        f"| {row['undecided']} | {row['announced']}/{bad}{share} |"
    )


if __name__ == "__main__":
    sys.exit(main())
