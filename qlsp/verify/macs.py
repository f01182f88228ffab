"""Multiply-accumulates of a converted model's operators."""

from __future__ import annotations

from math import prod

from qlsp.verify.flatbuffer import Operator, Subgraph


def macs(graph: Subgraph, operator: Operator) -> int:
    """Multiply-accumulates of one inference; 0 for operators that are not products of sums.

    Dynamic axes count as 1. Weights are laid out as TFLite has them: CONV_2D `[out, h, w, in]`,
    DEPTHWISE_CONV_2D `[1, h, w, out]`, TRANSPOSE_CONV `[out, h, w, in]`, FULLY_CONNECTED
    `[out, in]`, CONV_3D `[d, h, w, in, out]`.
    """
    shapes = [graph.tensors[index].shape if index >= 0 else () for index in operator.inputs]
    output = graph.tensors[operator.outputs[0]].elements if operator.outputs else 0
    match operator.op.name, shapes:
        case "CONV_2D", [_, weights, *_]:
            return output * prod(weights[1:])
        case "DEPTHWISE_CONV_2D", [_, weights, *_]:
            return output * prod(weights[1:3])
        case "TRANSPOSE_CONV", [_, weights, image, *_]:
            return prod(image[:3]) * prod(weights)
        case "FULLY_CONNECTED", [_, weights, *_]:
            return output * weights[-1] if weights else 0
        case "CONV_3D", [_, weights, *_]:
            return output * prod(weights[:4])
        case "BATCH_MATMUL", [left, _, *_]:
            return output * left[-1] if left else 0
        case _:
            return 0
