"""How much memory a converted model's activations take at once."""

from __future__ import annotations

from typing import Final

from qlsp.verify.flatbuffer import Subgraph, Tensor

_BITS: Final = {
    **dict.fromkeys(("FLOAT64", "INT64", "UINT64", "COMPLEX64"), 64),
    **dict.fromkeys(("FLOAT32", "INT32", "UINT32"), 32),
    **dict.fromkeys(("FLOAT16", "BFLOAT16", "INT16", "UINT16"), 16),
    **dict.fromkeys(("INT8", "UINT8", "BOOL"), 8),
    **dict.fromkeys(("INT4", "UINT4"), 4),
    "INT2": 2,
    "COMPLEX128": 128,
}


def peak_activations(graph: Subgraph) -> int:
    """Bytes of all tensors alive while the operator runs during which there are most.

    The operators run in their order; an input lives from the start and an output to the end.
    No arena can be smaller. A runtime's arena is larger by its own bookkeeping, by padding, by
    operators' scratch buffers, and by what its planner can't fit. Dynamic axes count as 1.
    """
    last: dict[int, int] = {}
    first = dict.fromkeys(graph.inputs, 0)
    for number, operator in enumerate(graph.operators):
        for index in operator.inputs:
            last[index] = number
        for index in operator.outputs:
            first.setdefault(index, number)
            last.setdefault(index, number)
    end = len(graph.operators) - 1
    last.update(dict.fromkeys(graph.outputs, end))
    change = [0] * (len(graph.operators) + 1)
    for index, start in first.items():
        if index < 0 or graph.tensors[index].data is not None:
            continue
        size = _size(graph.tensors[index])
        change[start] += size
        change[last.get(index, start) + 1] -= size
    alive = peak = 0
    for each in change:
        alive += each
        peak = max(peak, alive)
    return peak


def _size(tensor: Tensor) -> int:
    return (tensor.elements * _BITS.get(tensor.type, 0) + 7) // 8
