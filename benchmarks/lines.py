"""The share of ops that verify traces to a line of source, over published models.

    python -m benchmarks.lines [--store FOLDER] [--write]

Reads what `benchmarks.published` has measured, and measures nothing itself. `--write` puts the
table into `docs/verify.md`. Exits with 1 below the goal.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from benchmarks.published.models import MODELS
from benchmarks.published.store import DATA, Store, text

_GOAL = 0.98
_DOCUMENT = Path(__file__).parents[1] / "docs/verify.md"
_BEGIN, _END = "<!-- lines: begin -->", "<!-- lines: end -->"


def main() -> int:
    """Print the shares by workflow, and the models that fall behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=DATA)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    store = Store(arguments.store)
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for model in MODELS:
        record = store.read(model)
        if record is None:
            continue
        for name, conversion in record["workflows"].items():
            operators = conversion["operators"]
            if not operators:
                continue
            layers = record["layers"]
            lost = [
                text(each)
                for each in operators
                if not any(layers[index]["site"] for index in each["layers"])
            ]
            found[name].append((len(operators) - len(lost), len(operators)))
            if lost:
                print(f"{model.title} {name}: not traced: {', '.join(lost)}")
    rows = ["| workflow | models | ops | traced to a line |", "|---|---|---|---|"]
    for workflow, models in sorted(found.items()):
        rows.append(_row(f"`{workflow}`", models))
    everything = [each for models in found.values() for each in models]
    rows.append(_row("**all**", everything))
    print(*rows, sep="\n")
    if arguments.write:
        document = _DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = document.partition(_BEGIN)
        _, _, after = rest.partition(_END)
        table = "\n".join((_BEGIN, *rows, _END))
        _DOCUMENT.write_text(before + table + after, encoding="utf-8")
    traced, ops = map(sum, zip(*everything, strict=True))
    return int(traced < _GOAL * ops)


def _row(title: str, models: list[tuple[int, int]]) -> str:
    traced, ops = map(sum, zip(*models, strict=True))
    return f"| {title} | {len(models)} | {ops:,} | {100 * traced / ops:.2f}% |"


if __name__ == "__main__":
    raise SystemExit(main())
