"""The share of ops that verify traces to a line of source, over tf_keras.applications.

    python -m benchmarks.lines [--cache FOLDER] [--write]

Reads what `benchmarks.applications` has measured, and measures nothing itself. `--write` puts the
table into `docs/verify.md`. Exits with 1 below the goal.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from benchmarks.applications import Result

_GOAL = 0.98
_DOCUMENT = Path(__file__).parents[1] / "docs/verify.md"
_BEGIN, _END = "<!-- lines: begin -->", "<!-- lines: end -->"


def main() -> int:
    """Print the shares by workflow, and the models that fall behind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, default=Path(".applications"))
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    found: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for file in sorted(arguments.cache.glob("*.*.json")):
        name, workflow, _ = file.name.split(".")
        result = Result.parse(file.read_text(encoding="utf-8"))
        if result.traced is not None:
            found[workflow].append((name, result.traced, len(result.ops)))
    rows = ["| workflow | models | ops | traced to a line |", "|---|---|---|---|"]
    traced_ops = all_ops = 0
    for workflow, models in sorted(found.items()):
        traced, ops = sum(each[1] for each in models), sum(each[2] for each in models)
        traced_ops, all_ops = traced_ops + traced, all_ops + ops
        rows.append(f"| `{workflow}` | {len(models)} | {ops:,} | {100 * traced / ops:.2f}% |")
        for name, part, whole in models:
            if part < whole:
                print(f"{name} {workflow}: {whole - part} of {whole} not traced")
    print(*rows, sep="\n")
    if arguments.write:
        text = _DOCUMENT.read_text(encoding="utf-8")
        before, _, rest = text.partition(_BEGIN)
        _, _, after = rest.partition(_END)
        table = "\n".join((_BEGIN, *rows, _END))
        _DOCUMENT.write_text(before + table + after, encoding="utf-8")
    return int(traced_ops < _GOAL * all_ops or not all_ops)


if __name__ == "__main__":
    raise SystemExit(main())
