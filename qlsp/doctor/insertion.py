"""Put fake-quantization and what it needs into a graph."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import replace

from qlsp.doctor import wire
from qlsp.doctor.graphdef import Graph, Node, node_of, port_of
from qlsp.doctor.tensor import FLOAT, Tensor, const
from qlsp.doctor.view import value
from qlsp.lower.tf1.graph import Range

_BITS = 8


def insert(graph: Graph, ranges: Mapping[str, Range], outputs: tuple[str, ...]) -> Graph:
    """With a fake-quantization behind the first output of each node in `ranges`.

    An output of the graph keeps its name: its node gets another one.
    """
    inner, outer = dict.fromkeys(ranges, ""), dict.fromkeys(ranges, "")
    for name in ranges:
        own = name in outputs
        inner[name] = graph.unused(f"{name}/unquantized") if own else name
        outer[name] = name if own else graph.unused(f"{name}/fake_quant")
    nodes: dict[str, Node] = {}
    for node in graph:
        inputs = tuple(outer.get(_first(taken), taken) for taken in node.inputs)
        if inputs != node.inputs:
            node = replace(node, inputs=inputs)
        name = node.name
        nodes[inner.get(name, name)] = replace(node, name=inner.get(name, name))
        if name in ranges:
            nodes[outer[name]] = fake_quant(outer[name], inner[name], ranges[name])
    return replace(graph, nodes=nodes)


def fake_quant(name: str, source: str, given: Range) -> Node:
    """A `FakeQuantWithMinMaxArgs` of 8 bits."""
    low, high = given
    attrs = {
        "min": wire.float32(4, low),
        "max": wire.float32(4, high),
        "num_bits": wire.varint(3, _BITS),
        "narrow_range": wire.varint(5, 0),
    }
    return Node(name, "FakeQuantWithMinMaxArgs", (source,), attrs)


def _first(tensor: str) -> str:
    """The node whose first output a tensor is; empty for others."""
    return "" if tensor.startswith("^") or port_of(tensor) else node_of(tensor)


def unfused(graph: Graph, node: Node) -> Graph | None:
    """With a `FusedBatchNorm` of inference as a product and a sum, each of which can have a range.

    The ranges of the factors and summands are theirs.

    None where its parameters aren't constants, or not those of the last axis.
    """
    found = [value(graph, each) for each in node.inputs[1:5]]
    if node.text("data_format") not in ("", "NHWC") or len(found) != 4:
        return None
    if any(each is None or each.dtype != FLOAT for each in found):
        return None
    gamma, beta, mean, variance = (list(each.values) for each in found if each is not None)
    if not len(gamma) == len(beta) == len(mean) == len(variance):
        return None
    epsilon = node.real("epsilon", 1e-4)
    scales = [g / math.sqrt(v + epsilon) for g, v in zip(gamma, variance, strict=True)]
    shifts = [b - m * s for b, m, s in zip(beta, mean, scales, strict=True)]
    names = [graph.unused(f"{node.name}/{part}") for part in ("scale", "shift", "mul")]
    kind = {"T": wire.varint(6, FLOAT)}
    scale, shift, product = names
    made = []
    for name, values in ((scale, scales), (shift, shifts)):
        made.append(const(name, Tensor(FLOAT, (len(values),), array("f", values))))
        # TensorFlow 2.21 computes in float with a constant operand that has no range.
        given = (min(0.0, *values), max(0.0, *values))
        made.append(fake_quant(f"{name}/fake_quant", name, given))
    return graph.edited(
        (
            *made,
            Node(product, "Mul", (node.inputs[0], made[1].name), kind, node.device),
            Node(node.name, "Add", (product, made[3].name), kind, node.device),
        )
    )
