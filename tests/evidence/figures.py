"""How many cells there are.

python -m tests.evidence.figures    # writes the table in docs/evidence.md anew
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from qlsp.evidence import load
from qlsp.evidence.patterns import patterns
from qlsp.evidence.table import MEASUREMENTS
from qlsp.evidence.toolchains import SETUPS

DOCUMENT = Path(__file__).parents[2] / "docs/evidence.md"
_BEGIN, _END = "<!-- cells: begin -->", "<!-- cells: end -->"


def table() -> str:
    """A row per toolchain."""
    rows = [
        f"| toolchain | patterns | {' | '.join(f'`{each}`' for each in MEASUREMENTS)} |",
        "|---" * (len(MEASUREMENTS) + 2) + "|",
    ]
    total: Counter[str] = Counter()
    for setup in SETUPS:
        evidence = load(setup.toolchain)
        count = Counter(workflow for _, workflow in evidence.cells)
        total += count
        measured = len({name for name, _ in evidence.cells})
        cells = " | ".join(str(count[each] or "") for each in MEASUREMENTS)
        rows.append(
            f"| {setup.toolchain}, Python {evidence.python} "
            f"| {measured} of {len(patterns(setup.flavour))} | {cells} |"
        )
    cells = " | ".join(str(total[each]) for each in MEASUREMENTS)
    rows.append(f"| **all {total.total()}** | | {cells} |")
    return "\n".join(rows)


def written(text: str) -> str:
    """The document with the table as it should be."""
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    return f"{before}{_BEGIN}\n{table()}\n{_END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(written(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
