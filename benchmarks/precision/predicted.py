"""Count, by prediction alone, what the linter says of the yardstick's models, and what it doesn't.

    python -m benchmarks.precision.predicted [SET...] [--folder .build/yardstick]
                                             [--python INTERPRETER] [--only PATTERN] [--list]
                                             [--called]

The builders of the tracer's yardstick (`tests/yardstick/sets.py`), traced with their arguments and
lowered, stand in for conversions: a layer's fate is what `lower` predicts of it, and layers of
which it predicts nothing count neither way. The files are linted as a user's would be, where the
builders' arguments are open. `SET` is part of a set's name, `PATTERN` an expression that a
builder's name matches from its beginning. `--folder` is where `python -m benchmarks.tracer` has
installed the packages. With `--called`, a program that calls the builder with its arguments is
linted, too: what depends on them is told there.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.precision.judge import Verdict, judge
from benchmarks.published.store import Conversion, Layer, Operator, Record
from qlsp.error import QlspError
from qlsp.lower import Outcome, lower
from qlsp.lower.bodies import flat_ranges
from qlsp.source.document import Document
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace import LayerGraph, Node, trace_builder
from qlsp.trace.graph import Symbol
from tests.tensorflow import tensorflow_python
from tests.yardstick.running import install
from tests.yardstick.sets import SETS, Model, ModelSet
from tests.yardstick.tracing import project_of, site_of

_TOOLCHAINS = {
    "tf_keras": Toolchain("2.21.0", 2, "0.8.1"),
    "keras": Toolchain("2.21.0", 3, "0.8.1"),
}
_WORKFLOWS: tuple[Workflow, ...] = ("ptq", "qat")


def main() -> int:
    """Print a table; exits with 1 after a false alarm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET")
    parser.add_argument("--folder", type=Path, default=Path(".build/yardstick"))
    parser.add_argument("--python", type=Path, default=None)
    parser.add_argument("--only", default="", metavar="PATTERN")
    parser.add_argument("--list", action="store_true", help="print what is false or missed")
    parser.add_argument("--called", action="store_true", help="lint the builder's call, too")
    arguments = parser.parse_args()
    python = arguments.python or Path(tensorflow_python())
    folder = arguments.folder.resolve()
    print("| set | workflow | models | true | false | undecided | bad outcomes announced |")
    print("|---|---|---|---|---|---|---|")
    totals: dict[Workflow, Counter[str]] = {workflow: Counter() for workflow in _WORKFLOWS}
    for models in SETS:
        if arguments.sets and not any(each in models.name for each in arguments.sets):
            continue
        install(models, python, folder / "site")
        site = site_of(models, python, folder)
        for workflow in _WORKFLOWS:
            if workflow == "qat" and models.keras == "keras":
                continue  # tfmot refuses every model
            jobs = [each for each in models.list(site) if re.match(arguments.only, each.name)]
            counts = _judge(jobs, models, site, workflow, arguments.list, arguments.called)
            totals[workflow].update(counts)
            print(_row(models.name, workflow, counts), flush=True)
    for workflow, counts in totals.items():
        print(_row("all", workflow, counts))
    return int(any(counts["false"] for counts in totals.values()))


def _judge(
    jobs: Sequence[Model],
    models: ModelSet,
    site: Path,
    workflow: Workflow,
    shown: bool,
    called: bool,
) -> Counter[str]:
    counts: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for model in jobs:
        graph = _traced(model, models, site)
        if graph is None:
            continue
        record = predict(graph, workflow, _TOOLCHAINS[models.keras])
        verdict = judge(record, workflow, site, _caller(model, site) if called else None)
        counts["models"] += 1
        counts.update({name: len(getattr(verdict, name)) for name in _NAMES})
        lines.update(_told(verdict))
    for line, count in lines.most_common() if shown else ():
        print(f"  {count} x {line}")
    return counts


_NAMES = ("true", "false", "undecided", "announced", "missed")


def _told(verdict: Verdict) -> list[str]:
    """What is false or missed; layers made at one place read alike."""
    missed = (re.sub(r"(:\d+ \w+) \S+", r"\1", line) for line in verdict.missed)
    return [*(f"false {line}" for line in verdict.false), *(f"missed {line}" for line in missed)]


def _traced(model: Model, models: ModelSet, site: Path) -> LayerGraph | None:
    path = site / f"{model.module.replace('.', '/')}.py"
    settings = {
        key: Symbol(value["module"]) if isinstance(value, dict) else value
        for key, value in model.kwargs.items()
    }
    try:
        return trace_builder(
            Document.read(str(path)), model.builder, project_of(models, site), settings
        )
    except QlspError:
        return None


def _caller(model: Model, site: Path) -> Document:
    """A program that builds the model; what stands for a module is left to its default."""
    given = {key: value for key, value in model.kwargs.items() if not isinstance(value, dict)}
    arguments = ", ".join(f"{key}={value!r}" for key, value in given.items())
    text = (
        f"from tensorflow import keras\nfrom {model.module} import {model.builder}\n\n"
        f"model: keras.Model = {model.builder}({arguments})\n"
    )
    return Document(str(site / "program.py"), text)


def predict(graph: LayerGraph, workflow: Workflow, toolchain: Toolchain) -> Record:
    """What `lower` says of a graph, as if it had been measured."""
    lowering = lower(graph, workflow, toolchain)
    outer = {
        index: node.index
        for node, inside in zip(graph.nodes, flat_ranges(graph), strict=True)
        for index in inside
    }
    unknown = {each.node for each in lowering.layers if each.outcome is Outcome.UNKNOWN}
    refused = dict.fromkeys(
        outer[each.node] for each in lowering.layers if each.outcome is Outcome.RAISES
    )
    operators: list[Operator] = [
        {
            "name": op.name,
            "activation": op.activation,
            "type": op.type,
            "layers": [outer[node] for node in nodes],
            "float": op.type == "FLOAT32",
            "finding": None,
        }
        for op, nodes in zip(lowering.ops, lowering.sources, strict=True)
        if not unknown.intersection(nodes[-1:])
    ]
    error = lowering.error
    conversion: Conversion = {
        "error": None if error is None else (error.stage, error.type, error.message),
        "operators": operators if error is None and not refused else [],
        "refused": list(refused),
        # Behind what is refused as a whole, nothing is said of the single layers.
        "unnamed": error.message if error is not None and unknown else None,
        "seconds": 0.0,
    }
    versions = toolchain.tensorflow, toolchain.keras, toolchain.tfmot
    layers = [_layer(node) for node in graph.nodes]
    return {"toolchain": versions, "layers": layers, "workflows": {workflow: conversion}}


def _layer(node: Node) -> Layer:
    site = node.construct or node.call
    return {
        "name": node.name or str(node.index),
        "cls": "TFOpLambda" if node.kind == "op" else node.cls,
        "site": [] if site is None else [(site.path, site.span.line)],
    }


def _row(title: str, workflow: str, counts: Counter[str]) -> str:
    bad = counts["announced"] + counts["missed"]
    share = f" ({100 * counts['announced'] / bad:.1f}%)" if bad else ""
    return (
        f"| {title} | {workflow} | {counts['models']} | {counts['true']} | {counts['false']} "
        f"| {counts['undecided']} | {counts['announced']}/{bad}{share} |"
    )


if __name__ == "__main__":
    sys.exit(main())
