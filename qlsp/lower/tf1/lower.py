"""From a layer graph to what TensorFlow 1 makes of it in 8 bits."""

from __future__ import annotations

from typing import Literal

from qlsp.lower.lowering import ConversionError, LayerLowering, Lowering, Op, Outcome
from qlsp.lower.tf1.graph import UNDECIDED, TfGraph, TfOp
from qlsp.lower.tf1.layers import expand
from qlsp.lower.tf1.rewriting import rewrite
from qlsp.lower.tf1.toco import TITLES, Converted, convert
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import LayerGraph

_TYPE = "UINT8"
_NO_RANGE = "its output has no range: no fake-quantization stands behind it"
_SWITCH = "whether it normalizes by the batch is decided when the model runs"


def lower_tf1(graph: LayerGraph, toolchain: Toolchain) -> Lowering:
    """Predict what `contrib.quantize` and TOCO make of a flat graph.

    A graph that holds its placeholders is converted as it is written. Of one that doesn't, the
    rest stands elsewhere: without fake-quantization of its own, it is taken to be exported
    through `create_eval_graph`.
    """
    built = _build(graph)
    phase = _phase(graph, built)
    ranges = rewrite(built) if phase is not None else []
    trains = phase == "training" and bool(ranges)
    converted = _training(built, ranges[0]) if trains else convert(built)
    message, culprit = converted.message, converted.culprit
    error = None
    if message is not None:
        error = ConversionError("ConverterError", message, culprit.node if culprit else None)
    layers = _layers(graph, built, converted)
    if error is not None:
        return Lowering("tf1", toolchain, layers, (), error)
    sources: dict[int, set[int]] = {id(op): {op.node} for op in converted.ops}
    for op in built.ops:
        target = _target(op)
        if target is not op and id(target) in sources:
            sources[id(target)].add(op.node)
    kept = [op for op in converted.ops if op.type != "Placeholder"]
    return Lowering(
        "tf1",
        toolchain,
        layers,
        tuple(map(_result, kept)),
        None,
        tuple(tuple(sorted(sources[id(op)])) for op in kept),
    )


def _build(graph: LayerGraph) -> TfGraph:
    """The ops of all layers."""
    built = TfGraph()
    phases = [each for each in graph.effects if each.symbol.endswith("set_learning_phase")]
    is_open = _holds_placeholders(graph) and not phases
    values: dict[int, TfOp] = {}
    for node in graph.nodes:
        inputs = [values[index] for index in node.inputs]
        if node.kind == "input":
            name = built.unique(node.name or "Placeholder")
            values[node.index] = built.add("Placeholder", name, node=node.index)
        else:
            values[node.index] = expand(built, node, inputs, is_open)
    ends = graph.outputs
    if not ends:  # a script, or a function that returns nothing
        ends = tuple(node.index for node in graph.nodes if not graph.consumers(node))
    built.outputs = [values[index] for index in ends if graph.nodes[index].kind != "input"]
    return built


def _holds_placeholders(graph: LayerGraph) -> bool:
    return any(node.cls == "tf.placeholder" for node in graph.nodes)


def _phase(graph: LayerGraph, built: TfGraph) -> Literal["eval", "training"] | None:
    """How `contrib.quantize` rewrites the graph; None if it doesn't."""
    effects = [each for each in graph.effects if "contrib.quantize" in each.symbol]
    if effects and not effects[-1].conditions:
        return "training" if "training" in effects[-1].symbol else "eval"
    if any(op.type.startswith("FakeQuant") for op in built.ops):
        return None
    if _holds_placeholders(graph) and not effects:
        return None
    return "eval"


def _training(built: TfGraph, scope: str) -> Converted:
    """The graph for training keeps the learning of its ranges, which can't be converted."""
    for op in built.ops:
        if op.type == "Switch":
            return convert(built)
    average = f"{scope}/AssignMinEma"
    return Converted(
        [],
        f"Array {average}/AssignAdd, which is an input to the Pow operator producing the output "
        f"array {average}/Pow, is lacking min/max data, which is necessary for quantization.",
    )


def _target(op: TfOp) -> TfOp:
    while op.fused is not None:
        op = op.fused
    return op


def _result(op: TfOp) -> Op:
    if op.type == UNDECIDED:
        return Op(UNDECIDED, None, UNDECIDED)
    activation = op.activation.upper() if op.activation else None
    return Op(TITLES[op.type][1] if op.type in TITLES else op.type, activation, _TYPE)


def _layers(graph: LayerGraph, built: TfGraph, converted: Converted) -> tuple[LayerLowering, ...]:
    raising = {op.node: _NO_RANGE for op in converted.lacking}
    culprit = converted.culprit
    if culprit is not None and culprit.type == "Switch":
        raising[culprit.node] = _SWITCH
    undecided = {op.node: op.undecided for op in built.ops if op.undecided}
    own: dict[int, list[TfOp]] = {}
    for op in converted.ops:
        if op.type != "Placeholder":
            own.setdefault(op.node, []).append(op)
    into = {
        op.node: target.node
        for op in built.ops
        if (target := _target(op)) is not op and target.node != op.node
    }
    found = []
    for node in graph.nodes:
        index = node.index
        if index in raising:
            found.append(LayerLowering(index, Outcome.RAISES, reason=raising[index]))
        elif index in undecided:
            found.append(LayerLowering(index, Outcome.UNKNOWN, reason=undecided[index]))
        elif not converted.ops and node.kind != "input":
            reason = "the graph as a whole does not convert"
            found.append(LayerLowering(index, Outcome.UNKNOWN, reason=reason))
        elif index in own:
            ops = tuple(map(_result, own[index]))
            found.append(LayerLowering(index, Outcome.OWN_OP, ops))
        elif index in into:
            found.append(LayerLowering(index, Outcome.FUSED, into=into[index]))
        else:
            found.append(LayerLowering(index, Outcome.REMOVED))
    return tuple(found)
