"""Measure the tracer on published architectures and write docs/tracer-yardstick.md.

    python -m benchmarks.tracer [--python INTERPRETER] [--folder .build/yardstick] [--check]

`INTERPRETER` has TensorFlow, tf_keras and Keras 3 (default: `$QLSP_TENSORFLOW_PYTHON`, else this
one). Packages are installed below `--folder`, and Keras's own graphs are kept there, so that a
second run only traces. `--check` compares and prints, and leaves the document alone.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.tensorflow import tensorflow_python
from tests.yardstick import coverage
from tests.yardstick.running import difference, install, measure
from tests.yardstick.sets import COVERED, SETS, ModelSet
from tests.yardstick.tracing import site_of, trace_model

_DOCUMENT = Path(__file__).parent.parent / "docs" / "tracer-yardstick.md"
_HEAD = """# How exact the tracer is

*Written by `python -m benchmarks.tracer`; the sets are in `tests/yardstick/sets.py`.*

A graph is **exact** if it has the layers that Keras lists, of the same classes, in the same order,
with the same edges and with the same names where the code gives names. Keras's graph is that of
the built model: `model.layers` in Keras 2, `model.operations` in Keras 3, with their inbound nodes.
A graph that the tracer itself calls incomplete is not exact.

## Builders

"not buildable" are builders that raise in their own package. The ratio is the median, over the
set's builders, of the time to trace one (from cold, its imports followed) to the time that `ast`
takes to parse the same files.

| set | builders | not buildable | exact | layers | time ÷ parsing | slowest |
|---|---|---|---|---|---|---|
"""
_COVERAGE = """
## Whole packages

Every file is traced as `qlsp lint` would. A layer construction site (a call of a layer class, of a
subclass that the package defines, or of a variable that holds one) is *reached* if a recovered
graph has a node that it made. The ratio is tracing to parsing of all files.

| package | files | sites | reached | time ÷ parsing | slowest file |
|---|---|---|---|---|---|
"""
_HOLES = """
## Why graphs have holes

The ten commonest reasons over these packages, names left out.

| count | reason |
|---|---|
"""


@dataclass
class _Row:
    models: ModelSet
    exact: int = 0
    differ: list[str] = field(default_factory=list)
    unbuildable: list[str] = field(default_factory=list)
    layers: int = 0
    ratios: list[float] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def __str__(self) -> str:
        count = self.exact + len(self.differ)
        return (
            f"| {self.models.name} | {count} | {len(self.unbuildable)} | **{self.exact}** "
            f"| {self.layers} | {statistics.median(self.ratios):.1f} "
            f"| {self.slowest[1]}, {self.slowest[0]:.2f} s |"
        )


def _compare(models: ModelSet, python: Path, folder: Path) -> _Row:
    install(models, python, folder / "site")
    site = site_of(models, python, folder)
    jobs = models.list(site)
    built = measure(models, jobs, python, folder / "site", folder / f"{models.name}.json")
    row = _Row(models)
    for job in jobs:
        if "error" in built[job.name]:
            row.unbuildable.append(f"{job.name}: {built[job.name]['error']}")
            continue
        traced = trace_model(job, models, site)
        described = built[job.name]["layers"]
        found = difference(traced, described, 3 if models.keras == "keras" else 2)
        if found is None:
            row.exact += 1
        else:
            row.differ.append(f"{job.name}: {found}")
        row.layers += len(described)
        row.ratios.append(traced.seconds / traced.parsing)
        row.slowest = max(row.slowest, (traced.seconds, job.name))
    return row


def _text(rows: Sequence[_Row], covered: dict[str, coverage.Coverage]) -> Iterator[str]:
    yield _HEAD
    yield from (f"{row}\n" for row in rows)
    differ = [(row.models.name, line) for row in rows for line in row.differ]
    if differ:
        yield "\nNot exact, with the first difference:\n\n"
        yield from (f"- {name}: {line}\n" for name, line in differ)
    yield _COVERAGE
    reasons: Counter[str] = Counter()
    for name, found in covered.items():
        sites = found.found + len(found.missed)
        yield (
            f"| {name} | {found.files} | {sites} | {found.share:.1%} "
            f"| {found.seconds / found.parsing:.1f} "
            f"| {found.slowest[1]}, {found.slowest[0]:.1f} s |\n"
        )
        for reason, count in found.holes.items():
            reasons[re.sub(r"`[^`]*`", "`…`", reason)] += count
    yield _HOLES
    yield from (f"| {count} | {reason} |\n" for reason, count in reasons.most_common(10))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--folder", type=Path, default=Path(".build/yardstick"))
    parser.add_argument("--only", default="", help="sets whose name contains this")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    python = options.python or Path(tensorflow_python())
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    rows, covered = [], {}
    for models in SETS:
        if options.only in models.name:
            row = _compare(models, python, folder)
            rows.append(row)
            print(row, *row.differ, *row.unbuildable, sep="\n  ", flush=True)
    for models in COVERED:
        if options.only in models.name:
            install(models, python, folder / "site")
            found = coverage.measure(models, site_of(models, python, folder))
            covered[models.name] = found
            print(f"{models.name}: {found.share:.1%} of {found.found + len(found.missed)} sites")
    if not options.check:
        _DOCUMENT.write_text("".join(_text(rows, covered)), encoding="utf-8")


if __name__ == "__main__":
    main()
