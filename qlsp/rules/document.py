"""The documentation of a rule as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from qlsp.diagnostic import Applicability
from qlsp.lower import Outcome
from qlsp.rules.calls import CallRule
from qlsp.rules.cells import Cell
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Rule
from qlsp.rules.versions import describe
from qlsp.source.document import Document
from qlsp.toolchain import MEASURED, Toolchain, Workflow
from qlsp.trace import trace

HEADER = """\
import tensorflow as tf
from tensorflow.keras import layers

x = inputs = layers.Input((32, 32, 3))
"""
FOOTER = "model = tf.keras.Model(inputs, x)\n"

_FIXES = {
    Applicability.SAFE: "safe (`qlsp lint --fix`)",
    Applicability.UNSAFE: "unsafe: changes the model (`qlsp lint --fix --unsafe-fixes`)",
    Applicability.DISPLAY: "only shown",
    None: "none",
}


def module(source: str) -> str:
    """A case's source as a whole module; one that begins with an import is one already."""
    if source.lstrip().startswith("import "):
        return textwrap.dedent(source).strip("\n") + "\n"
    return HEADER + textwrap.dedent(source).strip("\n") + "\n" + FOOTER


def markdown(rule: type[Rule]) -> str:
    """The page of a rule: its docstring, its cases, and what each case is converted to."""
    workflows = ", ".join(f"`{workflow}`" for workflow in rule.workflows)
    parts = [
        f"# {rule.name} ({rule.code})",
        rule.summary(),
        f"Fix: {_fix(rule)}. Workflows: {workflows}.",
        rule.body(),
        *_examples(rule),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _fix(rule: type[Rule]) -> str:
    if issubclass(rule, CallRule) and rule.applicability is Applicability.UNSAFE:
        return "unsafe: changes what is trained or converted (`qlsp lint --fix --unsafe-fixes`)"
    return _FIXES[rule.applicability]


def summary(rule: type[Rule]) -> dict[str, object]:
    """A rule in a few words, for machines."""
    return {
        "code": rule.code,
        "name": rule.name,
        "summary": rule.summary(),
        "fix": rule.applicability.value if rule.applicability else None,
        "workflows": list(rule.workflows),
    }


def _examples(rule: type[Rule]) -> Iterable[str]:
    if rule.bad:
        yield "## Examples"
    for case in rule.bad:
        yield f"**Bad**: {case.title}{_where(case)}."
        yield _code(case.source)
        if case.fixed is not None:
            yield "Use instead:"
            yield _code(case.fixed)
        if not issubclass(rule, CallRule):
            yield _table(case)
    for case in rule.good:
        yield f"**Good**: {case.title}{_where(case)}."
        yield _code(case.source)


def _where(case: Case) -> str:
    default = Case("", "")
    parts = []
    if case.workflows != default.workflows:
        parts.append(" and ".join(f"`{workflow}`" for workflow in case.workflows))
    if case.toolchains != default.toolchains:
        parts.append(" or ".join(map(str, case.toolchains)))
    if case.device is not None:
        parts.append(f'`device = "{case.device}"`')
    return f" ({', '.join(parts)})" if parts else ""


def _code(source: str) -> str:
    return f"```python\n{textwrap.dedent(source).strip()}\n```"


def _table(case: Case) -> str:
    """What a case and its fixed form become in every measured toolchain, equal rows joined."""
    before = _lowered(case.source, case.workflows)
    after = _lowered(case.fixed, case.workflows) if case.fixed is not None else None
    head = ["", "versions", "before", *(["after"] if after else [])]
    rows = [head, ["---"] * len(head)]
    for workflow in case.workflows:
        cells = [cell for cell in before.cells if cell.workflow == workflow]
        results: dict[tuple[str, ...], list[Toolchain]] = {}
        for cell in cells:
            result = tuple(_result(each, cell) for each in (before, after) if each)
            results.setdefault(result, []).append(cell.toolchain)
        for result, where in results.items():
            versions = describe(where, [cell.toolchain for cell in cells], workflow).text or "all"
            rows.append([f"`{workflow}`", versions, *result])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _lowered(source: str, workflows: tuple[Workflow, ...]) -> LoweredGraph:
    # A case may define a class of its own beside the model; the last graph is what it is about.
    graph = trace(Document("example.py", module(source))).graphs[-1]
    return LoweredGraph.of(graph, workflows, MEASURED)


def _result(graph: LoweredGraph, cell: Cell) -> str:
    lowering = graph.lowering(cell)
    if lowering.error is not None:
        return f"{lowering.error.type} in `{lowering.error.stage}`"
    if any(layer.outcome is Outcome.UNKNOWN for layer in lowering.layers):
        return "not measured"
    names = [op.name + (f"+{op.activation}" if op.activation else "") for op in lowering.ops]
    return " ".join(f"`{name}`" for name in names)
