"""`tf.contrib.quantize`: folding batch normalization and placing fake-quantization.

Follows `fold_batch_norms.py` and `quantize.py` of TensorFlow 1.15.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from qlsp.lower.tf1.graph import TfGraph, TfOp

_LAYERS = frozenset({"Conv2D", "MatMul", "DepthwiseConv2dNative"})
_ADDS = frozenset({"Add", "AddV2"})
_ACTIVATIONS = frozenset({"Relu", "Relu6", "Identity"})
_PASSING = frozenset({"Reshape", "Identity", "BatchToSpaceND", "SpaceToBatchND", "MaxPool", "Max"})
_ARITHMETIC = frozenset({"Add", "AddV2", "Mul"})
_LEARNED = "FakeQuantWithMinMaxVars"
_FAKE_QUANT = frozenset({_LEARNED, "FakeQuantWithMinMaxArgs"})
_ACTIVATION_RANGE = (0.0, 6.0)
"""What the range of an activation is before it is trained."""
_WIDE_RANGE = (-6.0, 6.0)


@dataclass
class _Match:
    """A layer and what follows it, as far as it is there."""

    layer: TfOp
    bias: TfOp | None = None
    bypass: TfOp | None = None
    activation: TfOp | None = None
    late_bypass: TfOp | None = None


def rewrite(graph: TfGraph) -> list[str]:
    """Fold and quantize in place; gives the names of the learned ranges, in their order."""
    _fold(graph)
    return list(_quantize(graph))


def _fold(graph: TfGraph) -> None:
    """Fold normalization into the layer before it: a new layer and an addition, made last."""
    for op in list(graph.ops):
        if op.type == "FusedBatchNormV3" or (op.group is not None and op.type == "Mul"):
            end = op if op.group is None else _shift_of(graph, op)
            layer = op.inputs[0]
            while layer.type in {"Identity", "BatchToSpaceND", "Reshape"}:
                layer = layer.inputs[0]
            if end is None or layer.type not in _LAYERS or layer.constants != 1:
                continue
            if layer.type == "MatMul" and op.group is None:
                reshape = graph.consumers(end)
                end = reshape[0] if reshape and reshape[0].type == "Reshape" else end
            folded = graph.add(
                layer.type, f"{layer.name}_Fold", *layer.inputs, node=layer.node, constants=1
            )
            shift = graph.add(
                "Add", f"{layer.scope}/add_fold".lstrip("/"), folded, node=op.node, constants=1
            )
            graph.reroute(end, shift, [each for each in graph.consumers(end) if each is not shift])
            graph.outputs = [shift if each is end else each for each in graph.outputs]


def _shift_of(graph: TfGraph, scale: TfOp) -> TfOp | None:
    found = graph.consumers(scale)
    return found[0] if len(found) == 1 and found[0].type in _ADDS else None


def _quantize(graph: TfGraph) -> Iterator[str]:
    done: set[int] = set()
    for match in _matches(graph):
        scope = match.layer.scope
        outer = scope.rpartition("/")[0] if match.bypass is not None else scope
        if match.activation is not None:
            yield from _insert(graph, match.activation, outer, "act_quant", _ACTIVATION_RANGE)
            done.add(id(match.activation))
        if match.bypass is not None and match.bias is not None:
            yield from _insert(graph, match.bias, scope, "conv_quant", _WIDE_RANGE)
            done.add(id(match.bias))
            if not any(each.type in _ACTIVATIONS for each in graph.consumers(match.bypass)):
                yield from _insert(graph, match.bypass, outer, "add_quant", _WIDE_RANGE)
                done.add(id(match.bypass))
        late = match.late_bypass
        if late is not None and not any(
            each.type in {"Relu", "Relu6"} for each in graph.consumers(late)
        ):
            name = "post_activation_bypass_quant"
            yield from _insert(graph, late, late.scope, name, _WIDE_RANGE)
            done.add(id(late))
    for op in list(graph.ops):
        if _needs_range(graph, op, done):
            yield from _insert(graph, op, op.name, f"activation_{op.type}_quant", _WIDE_RANGE)


def _insert(
    graph: TfGraph, op: TfOp, scope: str, name: str, given: tuple[float, float]
) -> Iterator[str]:
    """Put a learned range behind `op`, unless one is there."""
    consumers = graph.consumers(op)
    if _is_followed(graph, op):
        return
    full = f"{scope}/{name}".lstrip("/")
    made = graph.add(_LEARNED, f"{full}/FakeQuantWithMinMaxVars", op, node=op.node)
    made.given = given
    graph.reroute(op, made, [each for each in consumers if each is not made])
    yield full


def _is_followed(graph: TfGraph, op: TfOp) -> bool:
    """Whether fake-quantization follows, maybe after a reshape."""
    pending = graph.consumers(op)
    while pending:
        each = pending.pop()
        if each.type in _FAKE_QUANT:
            return True
        if each.type in {"Reshape", "Identity"}:
            pending += graph.consumers(each)
    return False


def _needs_range(graph: TfGraph, op: TfOp, done: set[int]) -> bool:
    """Whether `op` adds or multiplies something that has a learned range."""
    if id(op) in done or op.type not in _ARITHMETIC:
        return False
    consumers = graph.consumers(op)
    if len(consumers) == 1 and consumers[0].type in {"Relu", "Relu6"}:
        return False
    for source in op.inputs:
        while source.type in _PASSING and source.inputs:
            source = source.inputs[0]
        if source.type == _LEARNED:
            return True
        if source.type in _ARITHMETIC and any(
            _needs_range(graph, each, done) for each in source.inputs
        ):
            return True
    return False


def _matches(graph: TfGraph) -> list[_Match]:
    """The layers to quantize, the largest patterns first, each layer once."""
    found: dict[int, _Match] = {}
    patterns: tuple[Callable[[TfOp], _Match | None], ...] = (
        _late_bypass,
        _activation,
        _last,
        _separable,
    )
    for pattern in patterns:
        for op in list(graph.ops):
            match = pattern(op)
            if match is None or id(match.layer) in found:
                continue
            if pattern is _activation and _feeds_normalization(graph, op):
                continue
            found[id(match.layer)] = match
    return list(found.values())


def _layer(op: TfOp) -> _Match | None:
    if op.type == "BatchToSpaceND":
        return _layer(op.inputs[0])
    return _Match(op) if op.type in _LAYERS and op.constants == 1 else None


def _bias(op: TfOp) -> _Match | None:
    if op.type in _ADDS or op.type == "BiasAdd":
        for source in op.inputs:
            match = _layer(source)
            if match is not None:
                match.bias = op
                return match
    return None


def _bypass(op: TfOp) -> _Match | None:
    if op.type in _ADDS:
        for source in op.inputs:
            match = _bias(source)
            if match is not None:
                match.bypass = op
                return match
    return None


def _activation(op: TfOp) -> _Match | None:
    if op.type not in _ACTIVATIONS or not op.inputs:
        return None
    source = op.inputs[0]
    match = _bias(source) or _bypass(source)
    if match is None and source.type in _LAYERS:
        match = _layer(source)
    if match is not None:
        match.activation = op
    return match


def _late_bypass(op: TfOp) -> _Match | None:
    if op.type in _ADDS and len(op.inputs) + op.constants == 2:
        for source in reversed(op.inputs):
            match = _activation(source)
            if match is not None:
                match.late_bypass = op
                return match
    return None


def _last(op: TfOp) -> _Match | None:
    """A layer without activation: its bias is what gets a range."""
    match = _bias(op)
    if match is not None:
        match.activation, match.bias = op, None
    return match


def _separable(op: TfOp) -> _Match | None:
    """A layer right behind another one: the first of the two gets a range."""
    if op.type in _LAYERS and op.inputs:
        match = _layer(op.inputs[0])
        if match is not None:
            match.activation = match.layer
        return match
    return None


def _feeds_normalization(graph: TfGraph, op: TfOp) -> bool:
    consumers = graph.consumers(op)
    return op.type == "Identity" and len(consumers) == 1 and consumers[0].type == "FusedBatchNormV3"
