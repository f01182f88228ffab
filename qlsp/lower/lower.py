"""From a layer graph to its lowering."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from qlsp.lower import layers as tables
from qlsp.lower.behaviour import Behaviour, Version, behaviour
from qlsp.lower.bodies import within_calls
from qlsp.lower.composite import recognize
from qlsp.lower.expansion import Expansion, RefusedError, UndecidedError
from qlsp.lower.functions import expand_function
from qlsp.lower.fusion import fuse, fuse_quantized
from qlsp.lower.lowering import ConversionError, LayerLowering, Lowering, Outcome
from qlsp.lower.names import layer_names
from qlsp.lower.operation import UNDECIDED, WEIGHT, Operation, pass_on
from qlsp.lower.order import is_chain, naming, schedule
from qlsp.lower.outcome import outcomes
from qlsp.lower.qat import Learned, learn_ranges
from qlsp.lower.quantization import (
    CASTS,
    TOCO_UNTIL,
    cast,
    cast_toco,
    quantize_ptq,
    quantize_qat,
    rescale_ptq,
)
from qlsp.lower.release import Release
from qlsp.lower.scales import Rescaling
from qlsp.lower.tf1.lower import lower_tf1
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace.graph import LayerGraph, Node

_STAGES = ("build", "quantize", "convert")


def lower(
    graph: LayerGraph,
    workflow: Workflow,
    toolchain: Toolchain,
    *,
    representative: bool = False,
) -> Lowering:
    """Predict what the converter makes of `graph`.

    With `representative`, the converter gets data for a `qat` model, too: it then fills in the
    ranges that training left open.

    `LayerLowering.node` indexes `graph.flat.nodes`. After an error `ops` is empty, and `layers`
    tell what the layers that do not raise would become if those that do were given a
    quantization of their own; if the model as such is refused, they are unknown.
    """
    if workflow == "tf1":
        return lower_tf1(graph.flat, toolchain)
    version = behaviour(workflow, toolchain)
    learned = learn_ranges(graph, version) if workflow == "qat" else None
    known = _KNOWN.setdefault(graph, [])
    for each in known:
        if each.holds(workflow, version, learned, representative):
            return replace(each.lowering, toolchain=toolchain)
    release = Release.of(version.tensorflow)
    lowering = _lower(
        graph, workflow, toolchain, version._replace(tensorflow=release), learned, representative
    )
    known.append(
        _Known(
            workflow, version.keras, learned, representative,
            release.since, release.before, lowering,
        )
    )  # fmt: skip
    return lowering


@dataclass(frozen=True, slots=True)
class _Known:
    """A lowering and what it holds for."""

    workflow: Workflow
    keras: int
    learned: Learned | None
    representative: bool
    since: Version
    before: Version
    lowering: Lowering

    def holds(
        self,
        workflow: Workflow,
        version: Behaviour,
        learned: Learned | None,
        representative: bool,
    ) -> bool:
        """Whether a graph would be lowered the same once more."""
        return (
            self.workflow == workflow
            and self.representative == representative
            and self.keras == version.keras
            and self.since <= version.tensorflow < self.before
            and self.learned == learned
        )


_KNOWN: WeakKeyDictionary[LayerGraph, list[_Known]] = WeakKeyDictionary()
"""The lowerings of the graphs in use."""


def _lower(
    graph: LayerGraph,
    workflow: Workflow,
    toolchain: Toolchain,
    version: Behaviour,
    learned: Learned | None,
    representative: bool,
) -> Lowering:
    flat = graph if all(node.body is None for node in graph.nodes) else graph.flat
    names = layer_names(flat, version.keras, version.tensorflow)
    ranges = learned.ranges if learned else None
    calibrated = workflow == "ptq" or representative
    expansion = Expansion(
        flat, names, version, workflow, ranges, calibrated, within_calls(graph),
        expand=expand_function,
    )  # fmt: skip
    _expand_all(expansion, learned.inputs if learned else set())
    if learned is not None and not learned.whole:
        return _refused(expansion, toolchain, learned)
    fused, final = _convert(expansion)
    errors = [*(learned.errors if learned else ()), *expansion.errors]
    errors.sort(key=lambda each: _STAGES.index(each.stage))
    raising = {**expansion.reasons, **(learned.reasons if learned else {})}
    return Lowering(
        workflow,
        toolchain,
        outcomes(
            flat, final, fused, raising, expansion.undecided, expansion.notes, workflow != "float"
        ),
        () if errors else tuple(each.result() for each in final),
        errors[0] if errors else None,
        () if errors else _sources(final, fused),
    )


def _sources(
    operations: Iterable[Operation], fused: Iterable[Operation]
) -> tuple[tuple[int, ...], ...]:
    """Per op the nodes that it was made of."""
    parts: dict[int, set[int]] = {}
    for operation in operations:
        if operation.partner is not None:
            parts.setdefault(id(operation), set()).add(operation.partner)
    for operation in fused:
        target = operation.into
        while target is not None and target.into is not None:
            target = target.into
        if target is not None:
            parts.setdefault(id(target), set()).add(operation.node)
    return tuple(
        ()
        if operation.name in CASTS
        else tuple(sorted({operation.node} | parts.get(id(operation), set())))
        for operation in operations
    )


def _refused(expansion: Expansion, toolchain: Toolchain, learned: Learned) -> Lowering:
    """The lowering of a model that can't be built, or that `quantize_model` does not take."""
    built = [error for error in expansion.errors if error.stage == "build"]
    reasons = learned.reasons
    errors = [*built, *learned.errors]
    if built:
        reasons = {
            each.node: expansion.reasons[each.node] for each in built if each.node is not None
        }
    layers = tuple(
        LayerLowering(node.index, Outcome.RAISES, reason=reasons[node.index])
        if node.index in reasons
        else LayerLowering(node.index, Outcome.UNKNOWN, reason="the model is not quantized")
        for node in expansion.graph.nodes
    )
    return Lowering(expansion.workflow, toolchain, layers, (), errors[0] if errors else None)


def _expand_all(expansion: Expansion, ranged_inputs: set[int]) -> None:
    """Make ops of every layer on the way to the outputs."""
    used = _used(expansion.graph)
    for node in expansion.graph.nodes:
        if used is not None and node.index not in used:
            continue
        if node.kind == "input":
            value = Operation("INPUT", node.index)
            value.ranged = node.index in ranged_inputs
            expansion.values[node.index] = value
        elif node.cls == WEIGHT:
            expansion.values[node.index] = Operation(WEIGHT, node.index)
        else:
            expansion.values[node.index] = _expand(expansion, node)


def _expand(expansion: Expansion, node: Node) -> Operation:
    """The op that produces the output of `node`."""
    expansion.index, expansion.node = node.index, node
    expansion.inputs = [expansion.values[each] for each in node.inputs]
    start = len(expansion.operations)
    try:
        if node.kind == "choice" and len(set(map(id, expansion.inputs))) == 1:
            return expansion.inputs[0]
        if node.kind == "op" and expansion.inputs and all(map(_is_weight, expansion.inputs)):
            return Operation(WEIGHT, node.index)  # computed once, by the converter
        if not expansion.inputs or node.kind not in {"layer", "op"}:
            raise UndecidedError(f"nothing is known about {node.cls}")
        # A layer on an input that it already had is computed once.
        key = (node.layer, *map(id, expansion.inputs))
        if key not in expansion.applied or expansion.repeats:
            expand = expand_function if node.kind == "op" else tables.expand
            value = expansion.applied[key] = expand(expansion)
            value.ranged = value.ranged or expansion.ranges_of().output
        return expansion.applied[key]
    except UndecidedError as error:
        expansion.undecided[node.index] = str(error)
    except RefusedError as error:
        expansion.errors.append(ConversionError(error.type, error.message, node.index, error.stage))
        expansion.reasons[node.index] = error.reason
    for operation in expansion.operations[start:]:
        for each in operation.inputs:
            each.users.remove(operation)
    del expansion.operations[start:]
    placeholder = expansion.emit(UNDECIDED, *expansion.inputs, type=UNDECIDED)
    placeholder.ranged = expansion.ranges is not None
    return placeholder


def _is_weight(operation: Operation) -> bool:
    return operation.name == WEIGHT


def _convert(expansion: Expansion) -> tuple[list[Operation], list[Operation]]:
    """Pass the model through the converter: the ops that vanished, and the final ones."""
    graph, version, workflow = expansion.graph, expansion.behaviour, expansion.workflow
    leaving = {*_outputs(graph), *(node.index for node in graph.nodes if node.escapes)}
    escaping = [value for index, value in expansion.values.items() if index in leaving]
    ends = {id(each) for each in escaping}
    inputs = [each for each in expansion.values.values() if each.name == "INPUT"]
    _drop_unused(expansion.operations, ends)
    order = list(expansion.operations)
    if not is_chain(order, inputs):
        order = schedule(order, inputs, naming(order, expansion.names, version, workflow))
    for place, operation in enumerate(order):
        operation.place = place
    recognize(order)
    fuse(order, version, ends)
    operations = _alive(order)
    if version.tensorflow <= TOCO_UNTIL:
        _reshape_for_toco(operations, graph)
        operations = _alive(operations)
    if workflow == "ptq" and version.tensorflow <= TOCO_UNTIL:
        _refuse_unquantized(expansion, operations)
    if workflow != "float" and version.tensorflow <= TOCO_UNTIL:
        calibrated = quantize_ptq(operations, version) if expansion.calibrated else set()
        operations = cast_toco(operations, inputs, _final(escaping), calibrated)
    elif workflow != "float":
        int8: set[int] = set()
        rescalings: list[Rescaling] = []
        if workflow == "qat":
            int8, rescalings = quantize_qat(operations, inputs, version)
            rescaled = {id(each.source) for each in rescalings}
            fuse_quantized(operations, int8, rescaled, version, _final(escaping))
            operations = _alive(operations)
        if expansion.calibrated:
            int8 = quantize_ptq(operations, version)
            if workflow == "ptq":
                rescalings = rescale_ptq(operations, int8)
            rescaled = {id(each.source) for each in rescalings}
            fuse_quantized(operations, int8, rescaled, version, _final(escaping))
            operations = _alive(operations)
        operations = cast(
            operations, inputs, _final(escaping), int8, version, rescalings, expansion.calibrated
        )
    return [each for each in order if each.dead], operations


def _reshape_for_toco(operations: Iterable[Operation], graph: LayerGraph) -> None:
    """The older converter's forms: a clamp is no ReLU, one channel is convolved depthwise, a
    fully connected op flattens its input itself, and of two reshapes the second is enough."""
    for operation in operations:
        source = operation.inputs[0] if operation.inputs else None
        if operation.name == "RELU" and source is not None and source.name == "MINIMUM":
            operation.name = "MAXIMUM"
        if (
            operation.name == "FULLY_CONNECTED"
            and source is not None
            and source.name == "RESHAPE"
            and graph.nodes[source.node].cls == "Flatten"
            and len(source.users) == 1
            and not source.ranged
        ):
            source.into = operation
            pass_on(source, source.inputs[0])
        if (
            operation.name == "RESHAPE"
            and source is not None
            and source.name == "RESHAPE"
            and len(source.users) == 1
            and not source.ranged
        ):
            source.into = operation
            pass_on(source, source.inputs[0])
        if operation.name == "CONV_2D" and graph.nodes[operation.node].inputs:
            shape = graph.nodes[graph.nodes[operation.node].inputs[0]].shape
            if shape and shape[-1] == 1:
                operation.name = "DEPTHWISE_CONV_2D"


def _refuse_unquantized(expansion: Expansion, operations: Iterable[Operation]) -> None:
    """The older converter leaves no op in float: it raises."""
    int8 = quantize_ptq(list(operations), expansion.behaviour)
    for operation in operations:
        if operation.type == "FLOAT32" and id(operation) not in int8:
            message = f"Quantization not yet supported for op: {operation.name}"
            error = ConversionError("RuntimeError", message, operation.node, "convert")
            expansion.errors.append(error)
            expansion.reasons.setdefault(operation.node, f"{operation.name} has no int8 form")


def _drop_unused(operations: Iterable[Operation], ends: set[int]) -> None:
    """Drop ops that nothing uses (a layer's reshape that another one made needless)."""
    for operation in reversed(list(operations)):
        if not operation.users and id(operation) not in ends:
            operation.dead = True
            for each in operation.inputs:
                each.users = [user for user in each.users if user is not operation]


def _alive(operations: Iterable[Operation]) -> list[Operation]:
    """The ops that are left, in the converter's order."""
    return sorted((each for each in operations if not each.dead), key=lambda each: each.place)


def _final(escaping: Iterable[Operation]) -> set[int]:
    """Ids of the ops that now produce the tensors that leave the model."""
    found = set()
    for operation in escaping:
        while operation.head is not None:
            operation = operation.head
        found.add(id(operation))
    return found


def _outputs(graph: LayerGraph) -> tuple[int, ...]:
    if graph.outputs is not None:
        return graph.outputs
    return tuple(node.index for node in graph.nodes if not graph.consumers(node))


def _used(graph: LayerGraph) -> set[int] | None:
    """The nodes on the way to the outputs; None if those are not known."""
    if graph.outputs is None:
        return None
    found: set[int] = set()
    pending = [*graph.outputs, *(node.index for node in graph.nodes if node.escapes)]
    while pending:
        index = pending.pop()
        if index not in found:
            found.add(index)
            pending.extend(graph.nodes[index].inputs)
    return found
