"""Layers that apply another layer: their shape is asked of the inner one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from qlsp.trace.graph import UNKNOWN, Shape
from qlsp.trace.keras.shapes.axes import Attrs, Result, compute

Inputs = Sequence[Shape | None]
Inner = Callable[[Inputs], Result]
"""The shape of the inner layer."""


def inner_layer(attrs: Attrs) -> tuple[str, Mapping[str, object]] | None:
    """Class and arguments of `attrs["layer"]`, if that says them."""
    layer = attrs.get("layer")
    cls, inner = getattr(layer, "cls", None), getattr(layer, "attrs", None)
    return (cls, inner) if isinstance(cls, str) and isinstance(inner, Mapping) else None


def _same(attrs: Attrs, inputs: Inputs, inner: Inner) -> Result:
    return inner(inputs)


def _time_distributed(attrs: Attrs, inputs: Inputs, inner: Inner) -> Result:
    shape = inputs[0] if inputs else None
    if shape is None or len(shape) < 2:
        return None
    result = inner([(shape[0], *shape[2:])])
    if result is None or isinstance(result, list):
        return None
    return (result[0], shape[1], *result[1:])


def _bidirectional(attrs: Attrs, inputs: Inputs, inner: Inner) -> Result:
    result = inner(inputs[:1])
    mode = attrs.get("merge_mode", "concat")
    if result is None or mode is UNKNOWN:
        return None
    output, *states = result if isinstance(result, list) else [result]
    if output is None:
        return None
    if mode == "concat":
        output = (*output[:-1], compute(lambda units: 2 * units, output[-1]))
    merged: list[Shape | None] = [output, output] if mode is None else [output]
    merged += states * 2
    return merged if len(merged) > 1 else merged[0]


RULES: dict[str, Callable[[Attrs, Inputs, Inner], Result]] = {
    "Bidirectional": _bidirectional,
    "SpectralNormalization": _same,
    "TimeDistributed": _time_distributed,
}
