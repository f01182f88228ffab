"""Layers that don't look at a window: dense, merging, reshaping, recurrent, attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from qlsp.trace.graph import UNKNOWN, Shape
from qlsp.trace.keras.shapes.axes import (
    Attrs,
    Axis,
    Result,
    Rule,
    as_axis,
    broadcast,
    compute,
    is_int,
    normalized,
    product,
    spread,
    unknown,
)
from qlsp.trace.keras.shapes.convolution import window_length

Inputs = Sequence[Shape | None]


def _first(inputs: Inputs) -> Shape | None:
    return inputs[0] if inputs else None


def _same(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    return _first(inputs)


def _dense(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = _first(inputs)
    return None if not shape else (*shape[:-1], as_axis(attrs.get("units", UNKNOWN)))


def _embedding(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = _first(inputs)
    return None if shape is None else (*shape, as_axis(attrs.get("output_dim", UNKNOWN)))


def _flatten(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = _first(inputs)
    if not shape:
        return (UNKNOWN, UNKNOWN)
    return (shape[0], product(shape[1:]) if len(shape) > 1 else 1)


def reshaped(whole: Axis, target: Sequence[object]) -> Shape:
    """`target` with its -1 or None replaced by what `whole` elements leave for it."""
    axes = [as_axis(item) for item in target]
    if axes.count(-1) == 1:
        place = axes.index(-1)
        rest = product(axes[:place] + axes[place + 1 :])
        if rest == 0:
            axes[place] = UNKNOWN
        else:
            axes[place] = compute(lambda whole, rest: whole // rest, whole, rest)
    return tuple(axes)


def _reshape(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    target = attrs.get("target_shape", UNKNOWN)
    if is_int(target):
        target = (target,)
    if not isinstance(target, (tuple, list)):
        return None
    shape = _first(inputs)
    batch: Axis = shape[0] if shape else UNKNOWN
    whole = product(shape[1:]) if shape else UNKNOWN
    return (batch, *reshaped(whole, target))


def _permute(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape, dims = _first(inputs), attrs.get("dims", UNKNOWN)
    if shape is None:
        return None
    if not isinstance(dims, (tuple, list)) or not all(
        isinstance(dim, int) and 0 < dim < len(shape) for dim in dims
    ):
        return unknown(len(shape), shape[0])
    return (shape[0], *(shape[dim] for dim in dims))


def _repeat_vector(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = _first(inputs)
    if shape is None or len(shape) != 2:
        return unknown(3)
    return (shape[0], as_axis(attrs.get("n", UNKNOWN)), shape[1])


def _merge(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    return broadcast(inputs)


def concatenated(inputs: Inputs, axis: object) -> Shape | None:
    """Several shapes joined along `axis`."""
    known = [shape for shape in inputs if shape is not None]
    if not known:
        return None
    rank = len(known[0])
    place = normalized(axis, rank)
    if place is None or any(len(shape) != rank for shape in known):
        return unknown(rank) if all(len(shape) == rank for shape in known) else None
    result: list[Axis] = []
    for position in range(rank):
        column = [shape[position] for shape in known]
        if position == place:
            total: Axis = 0 if len(known) == len(inputs) else UNKNOWN
            for value in column:
                total = compute(lambda a, b: a + b, total, value)
            result.append(total)
        else:
            static = [value for value in column if isinstance(value, int)]
            result.append(static[0] if static else column[0])
    return tuple(result)


def _concatenate(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    return concatenated(inputs, attrs.get("axis", -1))


def _dot(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    if len(inputs) != 2 or inputs[0] is None or inputs[1] is None:
        return None
    one, two = inputs[0], inputs[1]
    axes = attrs.get("axes", UNKNOWN)
    pair = spread(axes, 2)
    first, second = normalized(pair[0], len(one)), normalized(pair[1], len(two))
    if first is None or second is None:
        return None
    left = [axis for position, axis in enumerate(one) if position != first]
    right = [axis for position, axis in enumerate(two) if position not in (0, second)]
    result = (*left, *right)
    return result if len(result) > 1 else (*result, 1)


def _units(attrs: Attrs) -> Axis:
    if "units" in attrs:
        return as_axis(attrs["units"])
    cell = attrs.get("cell")
    inner = getattr(cell, "attrs", None)
    return as_axis(inner.get("units", UNKNOWN)) if isinstance(inner, Mapping) else UNKNOWN


def _recurrent(states: int) -> Rule:
    def rule(attrs: Attrs, inputs: Inputs, default: str) -> Result:
        shape = _first(inputs)
        sequences = attrs.get("return_sequences", False)
        state = attrs.get("return_state", False)
        if not isinstance(sequences, bool) or not isinstance(state, bool):
            return None
        batch, steps = (shape[0], shape[1]) if shape and len(shape) > 1 else (UNKNOWN, UNKNOWN)
        units = _units(attrs)
        output: Shape = (batch, steps, units) if sequences else (batch, units)
        return [output, *[(batch, units)] * states] if state else output

    return rule


def _convolutional_recurrent(rank: int) -> Rule:
    def rule(attrs: Attrs, inputs: Inputs, default: str) -> Result:
        shape = _first(inputs)
        sequences = attrs.get("return_sequences", False)
        if not isinstance(sequences, bool) or attrs.get("return_state", False) is not False:
            return None
        full = rank + 3 if sequences else rank + 2
        if shape is None or len(shape) != rank + 3:
            return unknown(full)
        first = attrs.get("data_format") == "channels_first" or (
            attrs.get("data_format") is None and default == "channels_first"
        )
        spatial = shape[3:] if first else shape[2:-1]
        sizes = spread(attrs.get("kernel_size", UNKNOWN), rank)
        strides = spread(attrs.get("strides", 1), rank)
        dilations = spread(attrs.get("dilation_rate", 1), rank)
        padding = attrs.get("padding", "valid")
        lengths = [
            window_length(*place[:2], padding, *place[2:])
            for place in zip(spatial, sizes, strides, dilations, strict=True)
        ]
        filters = as_axis(attrs.get("filters", UNKNOWN))
        image = (filters, *lengths) if first else (*lengths, filters)
        return (shape[0], shape[1], *image) if sequences else (shape[0], *image)

    return rule


def _attention(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    if len(inputs) < 2 or inputs[0] is None or inputs[1] is None:
        return None
    return (*inputs[0][:-1], inputs[1][-1])


def _multi_head_attention(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = _first(inputs)
    given = attrs.get("output_shape")
    if shape is None:
        return None
    if given is None:
        return shape
    if is_int(given):
        return (*shape[:-1], as_axis(given))
    if isinstance(given, (tuple, list)):
        return (*shape[:-1], *map(as_axis, given))
    return None


def einsum(equation: object, inputs: Inputs) -> Shape | None:
    """The shape of `einsum(equation, …)`; axes of operands not given are not decided."""
    if not isinstance(equation, str) or "->" not in equation:
        return None
    operands, _, output = equation.replace(" ", "").partition("->")
    lengths: dict[str, Axis] = {}
    ellipsis: Shape | None = ()
    for labels, shape in zip(operands.split(","), inputs, strict=False):
        if shape is None:
            if "..." in labels:
                return None
            continue
        head, dots, tail = labels.partition("...")
        if len(head) + len(tail) > len(shape) or (not dots and len(head) + len(tail) != len(shape)):
            return None
        if dots:
            ellipsis = broadcast([ellipsis, shape[len(head) : len(shape) - len(tail)]])
        places = [*zip(head, shape, strict=False)]
        if tail:
            places += zip(tail, shape[-len(tail) :], strict=True)
        for label, axis in places:
            if not isinstance(lengths.get(label), int):
                lengths[label] = axis
    if ellipsis is None:
        return None
    head, dots, tail = output.partition("...")
    result = [lengths.get(label, UNKNOWN) for label in head]
    if dots:
        result += ellipsis
    return (*result, *(lengths.get(label, UNKNOWN) for label in tail))


def _einsum_dense(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = einsum(attrs.get("equation"), inputs[:1])
    given = attrs.get("output_shape", UNKNOWN)
    last = (given,) if is_int(given) or given is None else given
    if shape is None or not isinstance(last, (tuple, list)) or len(last) >= len(shape) + 1:
        return shape
    # Keras 2 fills a None from the input, Keras 3 leaves it dynamic.
    filled = [UNKNOWN if item is None else as_axis(item) for item in last]
    return (*shape[: len(shape) - len(last)], *filled)


def _lambda(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape, given = _first(inputs), attrs.get("output_shape")
    if isinstance(given, (tuple, list)):
        return (shape[0] if shape else UNKNOWN, *map(as_axis, given))
    return None


def _category_encoding(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = _first(inputs)
    return None if not shape else (shape[0], as_axis(attrs.get("num_tokens", UNKNOWN)))


_ELEMENTWISE = (
    "Activation ActivityRegularization AlphaDropout BatchNormalization Dropout ELU "
    "GaussianDropout GaussianNoise GroupNormalization Identity LayerNormalization LeakyReLU "
    "Masking Normalization PReLU RMSNormalization RandomBrightness RandomContrast RandomFlip "
    "RandomHue RandomRotation RandomSaturation RandomTranslation RandomZoom ReLU Rescaling "
    "Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D ThresholdedReLU "
    "UnitNormalization AutoContrast RandomGrayscale RandomErasing Equalization Solarization "
    "RandomSharpness RandomShear RandomPosterization RandomGaussianBlur RandomColorJitter "
    "RandomInvert RandomPerspective RandomElasticTransform RandomColorDegeneration Discretization"
)
_MERGES = "Add Average Maximum Minimum Multiply Subtract"

RULES: dict[str, Rule] = {
    **dict.fromkeys(_ELEMENTWISE.split(), cast(Rule, _same)),
    **dict.fromkeys(_MERGES.split(), cast(Rule, _merge)),
    "AdditiveAttention": _attention,
    "Attention": _attention,
    "CategoryEncoding": _category_encoding,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Dot": _dot,
    "EinsumDense": _einsum_dense,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "GRU": _recurrent(1),
    "GroupQueryAttention": _same,
    "LSTM": _recurrent(2),
    "Lambda": _lambda,
    "MultiHeadAttention": _multi_head_attention,
    "Permute": _permute,
    "RepeatVector": _repeat_vector,
    "Reshape": _reshape,
    "SimpleRNN": _recurrent(1),
}
for _rank in (1, 2, 3):
    RULES[f"ConvLSTM{_rank}D"] = _convolutional_recurrent(_rank)
