"""Hold the linter against all conversions that were measured as evidence: no TensorFlow needed.

    python -m benchmarks.precision.evidence [--list]

The evidence is of small patterns, each converted by each toolchain. A diagnostic is true if the
converter raised where it says so, kept the operators that it names, or computed them in float; it
is undecided where the converter raised for another reason. A bad outcome is an exception (but for
models that this Keras can't even build), a layer in float, or a layer with operators that a better
form of the source would not have; it is announced if a diagnostic names one of its operators (of a
float island: one of the island's).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.precision.judge import CASTS, CLAIM, is_extra
from qlsp.diagnostic import Diagnostic, Severity
from qlsp.evidence.patterns import patterns
from qlsp.evidence.table import Cell, Evidence, load
from qlsp.linter import lint
from qlsp.settings import Settings
from qlsp.source.document import Document
from qlsp.toolchain import MEASURED, Toolchain, Workflow
from qlsp.trace.graph import Flavour

_FLOATING = re.compile(r"computes ([A-Z0-9_, ]+) in float")
_WORKFLOWS: tuple[Workflow, ...] = ("ptq", "qat")
_FAKE_QUANT = "2.1."
"""TensorFlow whose converter leaves every QAT model in float, whatever is in it; and with Keras 3,
tfmot refuses every model."""

Claim = tuple[str, str]
"""What is said to happen (`raises`, `float`, `extra`), and to which operator."""


@dataclass(frozen=True)
class Bad:
    """What happened to a layer, and which of its operators show it."""

    kind: str
    ops: frozenset[str] = frozenset()


def main() -> int:
    """Print a table; exits with 1 after a false alarm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print what is false or missed")
    arguments = parser.parse_args()
    print("| toolchain | workflow | conversions | true | false | undecided | bad announced |")
    print("|---|---|---|---|---|---|---|")
    total: Counter[str] = Counter()
    for toolchain in MEASURED[1:]:
        evidence = load(toolchain)
        for workflow in _WORKFLOWS:
            if workflow == "qat" and (
                toolchain.keras == 3 or toolchain.tensorflow.startswith(_FAKE_QUANT)
            ):
                continue  # every model is refused, or all of it left in float
            counts = _judge(evidence, toolchain, workflow, arguments.list)
            total.update(counts)
            print(_row(str(toolchain), workflow, counts))
    print(_row("all", "", total))
    return int(total["false"] > 0)


def _judge(
    evidence: Evidence, toolchain: Toolchain, workflow: Workflow, shown: bool
) -> Counter[str]:
    flavour: Flavour = "keras3" if toolchain.keras == 3 else "tf.keras"
    settings = Settings(workflows=(workflow,), toolchains=(toolchain,))
    counts: Counter[str] = Counter()
    for pattern in patterns(flavour):
        cell = evidence.cells.get((pattern.name, workflow))
        if cell is None:
            continue
        counts["conversions"] += 1
        document = Document("pattern.py", pattern.source(flavour))
        found = lint(document, settings, fixes=False)
        said = set()
        for diagnostic in found:
            claims = set(_claims(diagnostic))
            said |= claims
            truth = _holds(claims, cell)
            counts[{True: "true", False: "false", None: "undecided"}[truth]] += 1
            if shown and truth is False:
                print(f"  false {pattern.name}: {diagnostic.code} {diagnostic.message} <> {cell}")
        for bad in _bad(evidence, cell):
            announced = any(
                name in bad.ops or (kind == bad.kind and kind != "extra") for kind, name in said
            )
            counts["announced" if announced else "missed"] += 1
            if shown and not announced:
                print(f"  missed {pattern.name}: {bad.kind} {' '.join(sorted(bad.ops))} <> {cell}")
    return counts


def _claims(diagnostic: Diagnostic) -> Iterator[Claim]:
    if diagnostic.severity is Severity.ERROR:
        yield "raises", ""
    for kind, pattern in (("float", _FLOATING), ("extra", CLAIM)):
        for match in pattern.findall(diagnostic.message):
            for name in match.strip(", ").split(", "):
                yield kind, name


def _holds(claims: set[Claim], cell: Cell) -> bool | None:
    """Whether every claim came true; None if an exception hides it."""
    if cell.error is not None:
        return True if any(kind == "raises" for kind, _ in claims) else None
    names = {each.op.name for each in cell.ops}
    floating = {each.op.name for each in cell.ops if each.op.type == "FLOAT32"}
    return all(
        name in (floating if kind == "float" else names) and kind != "raises"
        for kind, name in claims
    )


def _bad(evidence: Evidence, cell: Cell) -> Iterator[Bad]:
    if cell.error is not None:
        if cell.error.stage != "build":  # this Keras has no such layer: not the converter's doing
            yield Bad("raises")
        return
    classes = dict(evidence.layers.get(cell.pattern, ()))
    floating: set[str] = set()
    ops: dict[str, set[str]] = {}
    for each in cell.ops:
        layer = each.layers[0] if each.layers else ""
        if each.op.name in CASTS:
            continue
        if each.op.type == "FLOAT32":
            floating.add(layer)
            ops.setdefault(layer, set()).add(each.op.name)
        elif layer and is_extra(each.op.name, classes.get(layer, "")):
            ops.setdefault(layer, set()).add(each.op.name)
    for layer, names in ops.items():
        yield Bad("float" if layer in floating else "extra", frozenset(names))


def _row(title: str, workflow: str, counts: Counter[str]) -> str:
    bad = counts["announced"] + counts["missed"]
    share = f" ({100 * counts['announced'] / bad:.1f}%)" if bad else ""
    return (
        f"| {title} | {workflow} | {counts['conversions']} | {counts['true']} | {counts['false']} "
        f"| {counts['undecided']} | {counts['announced']}/{bad}{share} |"
    )


if __name__ == "__main__":
    sys.exit(main())
