"""Apply all fixes to whole packages: is the end a fixed point, and is no model worse?

    python -m benchmarks.precision.fixes FOLDER...

Nothing is written: each file is fixed in memory, the safe fixes alone and then with the unsafe
ones, under the newest toolchain and under all. The fixed text is fixed again, which has to change
nothing, and every graph of the file is lowered before and after in every cell.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from qlsp.linter import fix
from qlsp.linter.analysis import Analysis
from qlsp.settings import Settings
from qlsp.source.document import Document, SourceError
from qlsp.toolchain import MEASURED, Toolchain
from qlsp.trace import Project

NEWEST = Toolchain("2.21.0", 2, "0.8.1")
RANGES: tuple[tuple[Toolchain, ...], ...] = ((NEWEST,), MEASURED)


def main() -> int:
    """Print what was applied and what is wrong; exits with 1 if anything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    applied: Counter[str] = Counter()
    wrong = files = 0
    for folder in arguments.folders:
        for file in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
            try:
                document = Document.read(str(file))
                _ = document.tree
            except SourceError:
                continue
            files += 1
            for fault in check(document, Project(folder.parent), applied):
                wrong += 1
                print(f"{file}: {fault}")
    print(f"{files} files, {sum(applied.values())} fixes applied, {wrong} faults")
    for key, count in sorted(applied.items()):
        print(f"  {count} x {key}")
    return int(wrong > 0)


def check(document: Document, project: Project, applied: Counter[str]) -> Iterator[str]:
    """What is wrong with the fixes of one file; counts them in `applied`."""
    for toolchains in RANGES:
        settings = Settings(workflows=("ptq", "qat"), toolchains=toolchains)
        for unsafe in (False, True):
            result = fix(document, settings, project, unsafe=unsafe)
            if not result.applied:
                continue
            applied.update(
                f"{each.code} {each.fix.applicability.value}" for each in result.applied if each.fix
            )
            fixed = Document(document.path, result.text, document.encoding)
            again = fix(fixed, settings, project, unsafe=unsafe)
            if again.applied or again.text != result.text:
                yield f"no fixed point: {[each.code for each in again.applied]}"
            yield from _worse(document, fixed, settings, project)


def _worse(
    document: Document, fixed: Document, settings: Settings, project: Project
) -> Iterator[str]:
    """The graphs that lower worse in some cell, or are not there any more."""
    before = Analysis.of(document, settings, project).graphs
    after = Analysis.of(fixed, settings, project).graphs
    if len(before) != len(after):
        yield f"{len(before)} graphs became {len(after)}"
        return
    for old, new in zip(before, after, strict=True):
        for cell in old.cells:
            if new.cost(cell).worse_than(old.cost(cell)):
                yield f"{old.graph.name} is worse under {cell}"


if __name__ == "__main__":
    sys.exit(main())
