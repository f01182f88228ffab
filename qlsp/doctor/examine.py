"""What keeps a frozen graph from becoming an 8-bit model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from qlsp.doctor.eight_bit import eight_bit_nodes, is_eight_bit
from qlsp.doctor.graphdef import Graph
from qlsp.doctor.mend import Plan, plan
from qlsp.doctor.names import ends, fed, placeholders, unknown
from qlsp.doctor.placement import Misplaced, OnConstant
from qlsp.doctor.training import resolved, switches
from qlsp.doctor.view import FAKE_QUANTS, Lacking, View
from qlsp.error import QlspError
from qlsp.lower.tf1.graph import UNDECIDED

Kind = Literal[
    "array-not-found",
    "eight-bit-op",
    "control-flow",
    "training-leftover",
    "misplaced-fake-quant",
    "missing-range",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, where, and what becomes of it."""

    kind: Kind
    node: str
    """The tensor, by the name of its node; for an array that isn't there the name given."""
    op: str
    message: str
    says: str
    """What TOCO 1.15 says; empty where it converts nevertheless."""
    remedy: str
    mendable: bool
    needs_data: bool = False
    """Whether mending it takes a range that has to be measured."""


@dataclass(frozen=True)
class Examination:
    """A graph, and everything that was found in it."""

    file: Path
    graph: Graph
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    findings: tuple[Finding, ...]
    plan: Plan | None
    """None where inputs or outputs are not known, or 8-bit ops can't be turned back."""
    unjudged: tuple[str, ...] = ()
    """Ops of which it is not known what TOCO makes of them: nothing is said about them."""

    @property
    def mendable(self) -> bool:
        """Whether `--fix` leaves nothing of what was found."""
        return self.plan is not None and all(each.mendable for each in self.findings)

    @cached_property
    def fake_quants(self) -> int:
        """How many fake-quantizations there are."""
        return sum(node.op in FAKE_QUANTS for node in self.graph)


def examine(
    file: Path, graph: Graph, inputs: tuple[str, ...] = (), outputs: tuple[str, ...] = ()
) -> Examination:
    """Find what is wrong with a graph. Inputs and outputs not named are found.

    Raises `QlspError` for a graph without any, and one that runs in a circle.
    """
    strange = unknown(graph, inputs, outputs)
    if strange:
        found = tuple(_not_found(each.kind, each.name, each.close) for each in strange)
        return Examination(file, graph, inputs, outputs, found, None)
    outputs = outputs or tuple(ends(graph))
    given = inputs
    inputs = inputs or tuple(fed(graph, outputs))
    if not inputs or not outputs:
        raise QlspError(f"{file.name}: no inputs found: name them with --inputs and --outputs")
    view = View(graph, inputs, outputs)
    findings = [*_unfed(view, given), *_eight_bit(view), *_control_flow(view)]
    try:
        planned = plan(view)
    except QlspError as error:
        reason = f"{error}: convert the float graph that the transform was given"
        broken = tuple(_unmendable(each, reason) for each in findings)
        return Examination(file, graph, inputs, outputs, broken, None)
    findings += _training(planned)
    missing = {each.node.name: each for each in planned.missing}
    findings += map(_on_constant, planned.constants)
    findings += (_misplaced(each, missing.pop(each.follower.name, None)) for each in planned.moved)
    findings += (_missing_range(each, planned) for each in missing.values())
    built, _ = planned.view.ops()
    nodes = planned.view.order
    unjudged = {nodes[op.node].op for op in built.ops if op.type == UNDECIDED}
    return Examination(
        file,
        graph,
        inputs,
        outputs,
        tuple(findings),
        planned,
        tuple(sorted(each for each in unjudged if not is_eight_bit(each))),
    )


def _not_found(kind: str, name: str, close: tuple[str, ...]) -> Finding:
    there = f"did you mean {' or '.join(close)}?" if close else f"it has no {kind}s"
    return Finding(
        "array-not-found",
        name,
        "",
        f"there is no {kind} '{name}'",
        f"Invalid tensors '{name}' were found.",
        there,
        mendable=False,
    )


def _unfed(view: View, given: tuple[str, ...]) -> Iterator[Finding]:
    """What is wrong with inputs that were named, although they are there."""
    if not given:
        return
    needed = view.graph.ancestors(view.outputs, view.inputs)
    for name in given:
        if name not in needed:
            yield Finding(
                "array-not-found",
                name,
                view.graph.nodes[name].op,
                f"the outputs don't depend on input '{name}'",
                f'Specified input array "{name}" is not consumed by any op in this graph.',
                f"they depend on {', '.join(fed(view.graph, view.outputs)) or 'no placeholder'}",
                mendable=False,
            )
    for name in placeholders(view.graph):
        if name in needed and name not in given:
            yield Finding(
                "array-not-found",
                name,
                view.graph.nodes[name].op,
                f"the outputs also depend on '{name}', which is not among the inputs",
                "",
                "add it to --inputs, or name inputs behind it",
                mendable=False,
            )


def _eight_bit(view: View) -> Iterator[Finding]:
    found = eight_bit_nodes(view)
    if not found:
        return
    op, names = next(iter(found.items()))
    total = sum(map(len, found.values()))
    listed = ", ".join(f"{len(each)} {kind}" for kind, each in found.items())
    yield Finding(
        "eight-bit-op",
        names[0],
        op,
        f"{total} nodes are of TensorFlow's first 8-bit scheme: {listed}",
        "Array … is lacking min/max data, which is necessary for quantization.",
        "turn the graph back to float",
        mendable=True,
    )


def _control_flow(view: View) -> Iterator[Finding]:
    found = switches(view)
    if found:
        mendable = resolved(view) is not None
        yield Finding(
            "control-flow",
            found[0].name,
            "Switch",
            f"{len(found)} Switch nodes decide when the graph runs, "
            f"by '{found[0].inputs[1].partition(':')[0]}'",
            "Control flow ops like Switch and Merge are not generally supported.",
            "keep the branch of the default value"
            if mendable
            else "build the graph for inference (training=False, a constant) and freeze it again",
            mendable,
        )


def _training(planned: Plan) -> Iterator[Finding]:
    for each in planned.leftovers:
        yield Finding(
            "training-leftover",
            each.node.name,
            each.node.op,
            each.what,
            each.says,
            each.remedy,
            each.mended is not None,
        )


def _on_constant(each: OnConstant) -> Finding:
    return Finding(
        "misplaced-fake-quant",
        each.node.name,
        each.node.op,
        f"stands on {each.what}: TensorFlow 2.21 computes {each.layer.name} ({each.layer.op}) in "
        "float",
        "",
        "remove it: the converter quantizes the constant by its own values",
        mendable=True,
    )


def _misplaced(each: Misplaced, missing: Lacking | None) -> Finding:
    """`missing` is the range of its follower, if that is missing without it."""
    if missing is None:
        remedy, data = "remove it: another one stands where it belongs", False
        if not each.surplus:
            remedy = "remove it: the range belongs behind what follows"
    elif each.range is not None:
        low, high = each.range
        remedy, data = f"move it behind {each.follower.name}, range {low:g} to {high:g}", False
    else:
        remedy, data = "remove it, and measure the range where it belongs", True
    return Finding(
        "misplaced-fake-quant",
        each.node.name,
        each.node.op,
        f"stands between {each.layer.name} ({each.layer.op}) and {each.follower.name} "
        f"({each.follower.op}), which can't become one op then",
        missing.message if missing else "",
        remedy,
        mendable=True,
        needs_data=data,
    )


def _missing_range(each: Lacking, planned: Plan) -> Finding:
    measured = each.node.name in planned.unmeasured
    remedy = "insert one with a measured range" if measured else "insert one with that behind it"
    if each.inside:
        remedy = "its parameters are computed: fold constants first, as graph transforms do"
    return Finding(
        "missing-range",
        each.node.name,
        each.node.op,
        "no fake-quantization behind it tells its range"
        + ("" if each.message else ": TensorFlow 2.21 computes it in float"),
        each.message,
        remedy,
        mendable=not each.inside,
        needs_data=measured,
    )


def _unmendable(finding: Finding, reason: str) -> Finding:
    return Finding(
        finding.kind,
        finding.node,
        finding.op,
        finding.message,
        finding.says,
        reason,
        mendable=False,
    )
