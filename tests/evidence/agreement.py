"""Hold the evidence against an earlier measurement of the same patterns, cell by cell.

    python -m tests.evidence.agreement MATRIX

`MATRIX` is the JSON file of that measurement; `earlier.json` says which pattern here each of its
names stands for. Its recipe `qat_seed` gives the converter representative data, as `qat_data` does.
Prints a table, then every cell that differs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qlsp.evidence.table import Cell, Evidence, Measurement, load
from qlsp.evidence.toolchains import SETUPS

_NAMES: Mapping[str, str] = json.loads(Path(__file__).with_name("earlier.json").read_text("utf-8"))
_TOOLCHAINS = {
    "tf2.21.0-keras2-tfmot0.8.1": "tf221-legacy-tfmot0.8.1",
    "tf2.21.0-keras3-tfmot0.8.1": "tf221-keras3",
    "tf2.15.1-keras2-tfmot0.8.0": "tf215-tfk-tfmot0.8.0",
    "tf2.8.4-keras2-tfmot0.7.5": "tf28-tfmot0.7.5",
    "tf2.8.4-keras2-tfmot0.7.0": "tf28-tfmot0.7.0",
    "tf2.5.3-keras2-tfmot0.6.0": "tf25-tfmot0.6.0",
    "tf2.5.3-keras2-tfmot0.5.0": "tf25-tfmot0.5.0",
    "tf2.1.4-keras2-tfmot0.3.0": "tf21-tfmot0.3.0",
}
_RECIPES: Mapping[str, Measurement] = {
    "float": "float", "ptq": "ptq", "qat": "qat", "qat_seed": "qat_data",
}  # fmt: skip


def main() -> None:
    """Print what agrees, and what does not."""
    earlier = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["patterns"]
    print("| toolchain | cells that agree | of |\n|---|---|---|")
    differing = []
    for setup in SETUPS:
        if setup.name not in _TOOLCHAINS:
            continue
        found = list(_differences(load(setup.toolchain), earlier, _TOOLCHAINS[setup.name]))
        lines = [line for line in found if line]
        print(f"| {setup.toolchain} | {len(found) - len(lines)} | {len(found)} |")
        differing += [f"{setup.name}: {line}" for line in lines]
    print("", *differing, sep="\n")


def _differences(evidence: Evidence, earlier: Mapping[str, Any], column: str) -> Iterator[str]:
    """Per cell that both have what differs; empty if nothing does."""
    for name, pattern in earlier.items():
        for recipe, theirs in pattern["cells"].get(column, {}).items():
            workflow = _RECIPES.get(recipe)
            ours = workflow and evidence.cells.get((_NAMES[name], workflow))
            if ours:
                yield "" if _agrees(ours, theirs) else f"{_NAMES[name]} {_shown(ours, theirs)}"


def _agrees(ours: Cell, theirs: Mapping[str, Any]) -> bool:
    """Whether both have the same ops, or raise the same type of error."""
    if ours.error is not None:
        return theirs["class"] == "NO_API" or theirs.get("etype") == ours.error.type
    return [str(each.op) for each in ours.ops] == theirs.get("ops")


def _shown(ours: Cell, theirs: Mapping[str, Any]) -> str:
    here = ours.error.message[:80] if ours.error else " ".join(str(each.op) for each in ours.ops)
    return f"({ours.workflow}): {theirs.get('ops') or theirs.get('error')}, here {here}"


if __name__ == "__main__":
    main()
