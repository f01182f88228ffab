"""What the surviving ops mean for each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qlsp.lower.lowering import LayerLowering, Outcome
from qlsp.lower.operation import UNDECIDED, Operation
from qlsp.trace.graph import LayerGraph


def outcomes(
    graph: LayerGraph,
    operations: Sequence[Operation],
    fused: Sequence[Operation],
    raising: Mapping[int, str],
    undecided: Mapping[int, str],
    notes: Mapping[int, str],
    quantized: bool,
) -> tuple[LayerLowering, ...]:
    """One lowering per node.

    `operations` are the final ops and `fused` those that vanished, each with the node it came
    from; `raising`, `undecided` and `notes` (on extra ops) give reasons by node.
    """
    own: dict[int, list[Operation]] = {}
    for operation in operations:
        own.setdefault(operation.node, []).append(operation)
    into: dict[int, int] = {}
    for operation in fused:
        if operation.into is not None and operation.into.node != operation.node:
            into.setdefault(operation.node, operation.into.node)
    found = []
    for node in graph.nodes:
        index = node.index
        if index in raising:
            found.append(LayerLowering(index, Outcome.RAISES, reason=raising[index]))
        elif index in undecided:
            found.append(LayerLowering(index, Outcome.UNKNOWN, reason=undecided[index]))
        elif index in own:
            found.append(_with_ops(index, own[index], notes.get(index, ""), quantized))
        elif index in into:
            found.append(LayerLowering(index, Outcome.FUSED, into=into[index]))
        else:
            found.append(LayerLowering(index, Outcome.REMOVED))
    return tuple(found)


def _with_ops(
    node: int, operations: Sequence[Operation], note: str, quantized: bool
) -> LayerLowering:
    ops = tuple(each.result() for each in operations)
    if quantized:
        for operation in operations:
            if operation.type == "FLOAT32" and operation.name != "DEQUANTIZE":
                return LayerLowering(node, Outcome.FLOAT_ISLAND, ops, reason=operation.reason)
    extra = [each for each in operations if not each.core]
    if any(each.inputs and each.inputs[0].name == UNDECIDED for each in extra):
        reason = "what it follows is not known"
        return LayerLowering(node, Outcome.UNKNOWN, ops, reason=reason)
    if extra:
        names = ", ".join(dict.fromkeys(each.name for each in extra))
        reason = note or next((each.reason for each in extra if each.reason), "")
        reason = reason or f"needs {names}"
        return LayerLowering(node, Outcome.EXTRA_OPS, ops, reason=reason)
    return LayerLowering(node, Outcome.OWN_OP, ops)
