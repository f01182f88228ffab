"""Verify models of tf_keras.applications by every workflow, and write the table into docs/zoo.md.

    python -m benchmarks.zoo [NAME...] [-- OPTION...]

NAMEs are those of `pyproject.toml` beside this file, all of them by default; OPTIONs go to
`qlsp verify --all`, such as `--python INTERPRETER` with TensorFlow, tf_keras and tfmot. What was
verified before is not verified again, so that the table can be made in pieces.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_DOCUMENT = _HERE.parents[1] / "docs" / "zoo.md"
_BEGIN, _END = "<!-- applications: begin -->", "<!-- applications: end -->"
_WORKFLOWS = ("float", "ptq", "qat")


def main(arguments: list[str]) -> int:
    """Verify, and write the table."""
    command = [sys.executable, "-P", "-m", "qlsp", "verify", "--all", "--format", "json"]
    given = [each for each in arguments if each != "--"]
    done = subprocess.run([*command, *given], cwd=_HERE, stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        return done.returncode
    results = json.loads(done.stdout)["results"]
    before, _, rest = _DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    text = "\n".join((_BEGIN, *_lines(results), _END))
    _DOCUMENT.write_text(before + text + after, encoding="utf-8")
    return 0


def _lines(results: list[dict[str, Any]]) -> Iterator[str]:
    models: dict[str, dict[str, dict[str, Any]]] = {}
    for each in results:
        models.setdefault(each["model"], {})[each["workflow"]] = each
    yield f"| model | {' | '.join(f'`{name}`' for name in _WORKFLOWS)} |"
    yield "|---" * (len(_WORKFLOWS) + 1) + "|"
    for name, found in models.items():
        yield f"| {name} | {' | '.join(_cell(found.get(each)) for each in _WORKFLOWS)} |"
    yield ""
    for each in results:
        if each["error"]:
            reason = each["error"].replace("|", "\\|")
            yield f"- {each['model']}, `{each['workflow']}`: {reason}"
    chains = {
        f"TensorFlow {chain['tensorflow']}, Keras {chain['keras']}, tfmot {chain['tfmot']}"
        for each in results
        if each["report"] and (chain := each["report"]["toolchain"])
    }
    yield f"- {'; '.join(sorted(chains))}"


def _cell(result: Mapping[str, Any] | None) -> str:
    if result is None:
        return ""
    if result["report"] is None or result["verdict"] == "raises":
        return str(result["verdict"])
    found = result["report"]["workflows"][0]
    facts = [f"{len(found['ops'])} ops"]
    if result["workflow"] != "float":
        share = 100 * found["integer_ops"] / found["computing_ops"]
        facts.append(f"{share:.0f}% int8")
    return ", ".join((*facts, result["verdict"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
