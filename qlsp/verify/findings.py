"""What in a converted model is worse than it has to be.

Judged by the converted model alone, so that it holds where nothing was predicted, and can
contradict a prediction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from qlsp.lower.lowering import Outcome
from qlsp.verify.console import fatal
from qlsp.verify.flatbuffer import Operator, Subgraph
from qlsp.verify.measurement import Measurement

_CLAMPS: Final = frozenset({"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"})
_BOUNDS: Final = frozenset({"MINIMUM", "MAXIMUM"})
_ACTIVATIONS: Final = _CLAMPS | {
    *("LEAKY_RELU", "PRELU", "ELU", "LOGISTIC", "TANH", "HARD_SWISH", "GELU"),
}
_WEIGHTED: Final = frozenset(
    {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "CONV_3D"}
)
_FUSING: Final = frozenset(
    {
        *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL", "DIV"),
        *("AVERAGE_POOL_2D", "MAX_POOL_2D"),
    }
)
"""Operators that take an activation in every converter; TRANSPOSE_CONV only in newer ones."""
_ARITHMETIC: Final = frozenset({"MUL", "ADD", "SUB", "RSQRT", "SQUARED_DIFFERENCE"})
_DILATION: Final = frozenset({"SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"})

_LAYER = re.compile(r"[Ll]ayer:? [\"'`]?([\w./-]+?)[\"'`]?(?::<class| \(|[\s,.:]|$)")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worse than it has to be: an outcome, where, and why."""

    outcome: Outcome
    """`EXTRA_OPS`, `FLOAT_ISLAND` or `RAISES`."""
    operators: tuple[int, ...]
    layers: tuple[int, ...]
    message: str


def findings(measurement: Measurement) -> tuple[Finding, ...]:
    """The findings of one workflow, in the order of the operators."""
    if measurement.flat is None:
        return (_raised(measurement),)
    found = [*_islands(measurement), *_extras(measurement)]
    return tuple(sorted(found, key=lambda finding: finding.operators))


def _raised(measurement: Measurement) -> Finding:
    error = measurement.error
    assert error is not None
    stage = {"quantize": "quantize_model", "convert": "the converter"}.get(error.stage, error.stage)
    names = {layer.name: layer.index for layer in reversed(measurement.model.layers[1:])}
    named = [names[name] for name in _LAYER.findall(error.message) if name in names]
    text = " ".join((fatal(error.message) or error.message).split())
    return Finding(
        Outcome.RAISES, (), tuple(named[:1]), f"{stage} raises {error.type}: {shorten(text, 300)}"
    )


def shorten(text: str, length: int) -> str:
    """`text`, cut at a word with an ellipsis if it is longer than `length`."""
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"


def _islands(measurement: Measurement) -> Iterator[Finding]:
    assert measurement.flat is not None
    operators = measurement.flat.main.operators
    _, total = measurement.coverage
    for island in measurement.islands:
        names = " ".join(operators[index].op.name for index in island[:6])
        more = f" and {len(island) - 6} more" if len(island) > 6 else ""
        what = f"all {total} ops compute" if len(island) == total else f"{names}{more}: computes"
        but = (
            "; not so if the converter gets representative data too"
            if measurement.calibrated
            else ""
        )
        yield Finding(
            Outcome.FLOAT_ISLAND, island, _layers(measurement, island), f"{what} in float{but}"
        )


def _extras(measurement: Measurement) -> Iterator[Finding]:
    assert measurement.flat is not None
    graph = measurement.flat.main
    floating = {index for island in measurement.islands for index in island}
    seen: set[int] = set()
    for index in range(len(graph.operators)):
        if index in seen or index in floating:
            continue
        found = _extra(measurement, graph, index)
        if found is not None:
            members, message = found
            seen.update(members)
            yield Finding(Outcome.EXTRA_OPS, members, _layers(measurement, members), message)


def _extra(
    measurement: Measurement, graph: Subgraph, index: int
) -> tuple[tuple[int, ...], str] | None:
    operator = graph.operators[index]
    name = operator.op.name
    source = _only_source(graph, operator)
    before = None if source is None else graph.operators[source]
    if name in _ARITHMETIC and _made_by(measurement, index, "BatchNormalization"):
        weighted = _weighted_source(graph, operator)
        if weighted is not None:
            members = _same_layers(measurement, index)
            ops = " ".join(graph.operators[each].op.name for each in members)
            return members, f"{ops}: BatchNormalization is not folded into {weighted}"
    if name in _CLAMPS and before is not None:
        if before.op.name in _FUSING:
            return (index,), f"{name} is not fused into {before.op.name}"
        if before.op.name in _BOUNDS and source is not None:
            text = f"{before.op.name} {name}: only ReLU, ReLU6 and ReLU(-1, 1) fuse"
            return (source, index), text
    if name in _DILATION and _made_by(measurement, index, "Conv2D", "DepthwiseConv2D"):
        return (index,), f"{name}: the batch is dynamic, so the dilation is not fused"
    return None


def _layers(measurement: Measurement, operators: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(
        dict.fromkeys(layer for index in operators for layer in measurement.operators[index].layers)
    )


def _made_by(measurement: Measurement, index: int, *classes: str) -> bool:
    layers = measurement.operators[index].layers
    return bool(layers) and measurement.model.layers[layers[0]].cls in classes


def _same_layers(measurement: Measurement, index: int) -> tuple[int, ...]:
    """The operators from `index` on that the same layers made."""
    layers = measurement.operators[index].layers
    members = [index]
    while (
        members[-1] + 1 < len(measurement.operators)
        and measurement.operators[members[-1] + 1].layers[:1] == layers[:1]
    ):
        members.append(members[-1] + 1)
    return tuple(members)


def _only_source(graph: Subgraph, operator: Operator) -> int | None:
    """The operator whose output only this one takes; None if there are others on either side."""
    sources = {graph.producer[tensor] for tensor in operator.inputs if tensor in graph.producer}
    if len(sources) != 1:
        return None
    (source,) = sources
    outputs = graph.operators[source].outputs
    users = [user for tensor in outputs for user in graph.consumers.get(tensor, ())]
    if len(users) > 1 or any(tensor in graph.outputs for tensor in outputs):
        return None
    return source


def _weighted_source(graph: Subgraph, operator: Operator) -> str | None:
    """The convolution or Dense that the operator follows, through activations at most."""
    source = _only_source(graph, operator)
    while source is not None and graph.operators[source].op.name in _ACTIVATIONS | _BOUNDS:
        source = _only_source(graph, graph.operators[source])
    if source is None or graph.operators[source].op.name not in _WEIGHTED:
        return None
    return graph.operators[source].op.name
