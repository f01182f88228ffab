"""Layers that look at a window: convolutions, pooling, padding, cropping, resizing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qlsp.trace.graph import UNKNOWN, Shape
from qlsp.trace.keras.shapes.axes import (
    Attrs,
    Axis,
    Rule,
    as_axis,
    compute,
    is_int,
    spread,
    unknown,
)


def _split(shape: Shape, data_format: object) -> tuple[Shape, Axis] | None:
    """Spatial axes and channels of a batched image-like shape."""
    if data_format == "channels_first":
        return shape[2:], shape[1]
    if data_format == "channels_last":
        return shape[1:-1], shape[-1]
    return None


def _join(batch: Axis, spatial: Sequence[Axis], channels: Axis, data_format: object) -> Shape:
    if data_format == "channels_first":
        return (batch, channels, *spatial)
    return (batch, *spatial, channels)


def _format(attrs: Attrs, default: str) -> object:
    return attrs.get("data_format") or default


def window_length(length: Axis, size: Axis, padding: object, stride: Axis, dilation: Axis) -> Axis:
    """How many places a window takes on an axis."""

    def count(length: int, stride: int) -> int:
        return -(-length // stride)

    if isinstance(padding, str):
        padding = padding.lower()
    if padding in ("same", "causal"):
        return compute(count, length, stride)
    if padding == "valid":
        extent = compute(lambda size, dilation: (size - 1) * dilation, size, dilation)
        left = compute(lambda length, extent: length - extent, length, extent)
        return compute(count, left, stride)
    return UNKNOWN


def _transposed_length(
    length: Axis, size: Axis, padding: object, stride: Axis, extra: Axis, dilation: Axis
) -> Axis:
    extent = compute(lambda size, dilation: (size - 1) * dilation + 1, size, dilation)
    if isinstance(padding, str):
        padding = padding.lower()
    if padding not in ("same", "valid"):
        return UNKNOWN
    same = padding == "same"
    if extra is None:
        if same:
            return compute(lambda length, stride: length * stride, length, stride)
        return compute(
            lambda length, stride, extent: length * stride + max(extent - stride, 0),
            length,
            stride,
            extent,
        )
    return compute(
        lambda length, stride, extent, extra: (
            (length - 1) * stride + extent - (2 * (extent // 2) if same else 0) + extra
        ),
        length,
        stride,
        extent,
        extra,
    )


Channels = Callable[[Attrs, Axis], Axis]


def _filters(attrs: Attrs, channels: Axis) -> Axis:
    return as_axis(attrs.get("filters", UNKNOWN))


def _multiplied(attrs: Attrs, channels: Axis) -> Axis:
    multiplier = as_axis(attrs.get("depth_multiplier", 1))
    return compute(lambda channels, times: channels * times, channels, multiplier)


def _convolution(rank: int, channels_of: Channels) -> Rule:
    def rule(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Shape | None:
        shape = inputs[0] if inputs else None
        if shape is None or len(shape) != rank + 2:
            return unknown(rank + 2)
        data_format = _format(attrs, default)
        split = _split(shape, data_format)
        if split is None:
            return unknown(rank + 2, shape[0])
        spatial, channels = split
        sizes = spread(attrs.get("kernel_size", UNKNOWN), rank)
        strides = spread(attrs.get("strides", 1), rank)
        dilations = spread(attrs.get("dilation_rate", 1), rank)
        padding = attrs.get("padding", "valid")
        lengths = [
            window_length(length, size, padding, stride, dilation)
            for length, size, stride, dilation in zip(
                spatial, sizes, strides, dilations, strict=True
            )
        ]
        return _join(shape[0], lengths, channels_of(attrs, channels), data_format)

    return rule


def _transposed(rank: int) -> Rule:
    def rule(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Shape | None:
        shape = inputs[0] if inputs else None
        if shape is None or len(shape) != rank + 2:
            return unknown(rank + 2)
        data_format = _format(attrs, default)
        split = _split(shape, data_format)
        if split is None:
            return unknown(rank + 2, shape[0])
        sizes = spread(attrs.get("kernel_size", UNKNOWN), rank)
        strides = spread(attrs.get("strides", 1), rank)
        dilations = spread(attrs.get("dilation_rate", 1), rank)
        given = attrs.get("output_padding")
        extras = (None,) * rank if given is None else spread(given, rank)
        padding = attrs.get("padding", "valid")
        lengths = [
            _transposed_length(length, size, padding, stride, extra, dilation)
            for length, size, stride, extra, dilation in zip(
                split[0], sizes, strides, extras, dilations, strict=True
            )
        ]
        return _join(shape[0], lengths, _filters(attrs, None), data_format)

    return rule


def _pooling(rank: int) -> Rule:
    def rule(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Shape | None:
        shape = inputs[0] if inputs else None
        if shape is None or len(shape) != rank + 2:
            return unknown(rank + 2)
        data_format = _format(attrs, default)
        split = _split(shape, data_format)
        if split is None:
            return unknown(rank + 2, shape[0])
        sizes = spread(attrs.get("pool_size", 2), rank)
        given = attrs.get("strides")
        strides = sizes if given is None else spread(given, rank)
        padding = attrs.get("padding", "valid")
        lengths = [
            window_length(length, size, padding, stride, 1)
            for length, size, stride in zip(split[0], sizes, strides, strict=True)
        ]
        return _join(shape[0], lengths, split[1], data_format)

    return rule


def _global_pooling(rank: int) -> Rule:
    def rule(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Shape | None:
        keep = attrs.get("keepdims", False)
        shape = inputs[0] if inputs else None
        if not isinstance(keep, bool):
            return None
        if shape is None or len(shape) != rank + 2:
            return unknown(rank + 2 if keep else 2)
        data_format = _format(attrs, default)
        split = _split(shape, data_format)
        channels = UNKNOWN if split is None else split[1]
        if not keep:
            return (shape[0], channels)
        return _join(shape[0], (1,) * rank, channels, data_format)

    return rule


def _adaptive_pooling(rank: int) -> Rule:
    def rule(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Shape | None:
        shape = inputs[0] if inputs else None
        if shape is None or len(shape) != rank + 2:
            return unknown(rank + 2)
        data_format = _format(attrs, default)
        split = _split(shape, data_format)
        channels = UNKNOWN if split is None else split[1]
        sizes = spread(attrs.get("output_size", UNKNOWN), rank)
        return _join(shape[0], sizes, channels, data_format)

    return rule


def _pairs(value: object, rank: int) -> tuple[tuple[Axis, Axis], ...]:
    """A padding or cropping argument as (before, after) per spatial axis."""
    if is_int(value):
        return ((as_axis(value), as_axis(value)),) * rank
    if isinstance(value, (tuple, list)):
        if rank == 1 and len(value) == 2:
            return ((as_axis(value[0]), as_axis(value[1])),)
        if len(value) == rank:
            return tuple(
                spread(item, 2)[:2] if not is_int(item) else (as_axis(item), as_axis(item))  # type: ignore[misc]
                for item in value
            )
    return ((UNKNOWN, UNKNOWN),) * rank


def _grown(rank: int, key: str, sign: int, preset: int) -> Rule:
    """Zero padding (`sign` 1) and cropping (`sign` -1)."""

    def rule(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Shape | None:
        shape = inputs[0] if inputs else None
        if shape is None or len(shape) != rank + 2:
            return unknown(rank + 2)
        data_format = _format(attrs, default)
        split = _split(shape, data_format)
        if split is None:
            return unknown(rank + 2, shape[0])
        pairs = _pairs(attrs.get(key, preset), rank)
        lengths = [
            compute(
                lambda length, before, after: length + sign * (before + after),
                length,
                before,
                after,
            )
            for length, (before, after) in zip(split[0], pairs, strict=True)
        ]
        return _join(shape[0], lengths, split[1], data_format)

    return rule


def _upsampling(rank: int) -> Rule:
    def rule(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Shape | None:
        shape = inputs[0] if inputs else None
        if shape is None or len(shape) != rank + 2:
            return unknown(rank + 2)
        data_format = _format(attrs, default)
        split = _split(shape, data_format)
        if split is None:
            return unknown(rank + 2, shape[0])
        sizes = spread(attrs.get("size", 2), rank)
        lengths = [
            compute(lambda length, times: length * times, length, times)
            for length, times in zip(split[0], sizes, strict=True)
        ]
        return _join(shape[0], lengths, split[1], data_format)

    return rule


def _sized(attrs: Attrs, inputs: Sequence[Shape | None], default: str) -> Shape | None:
    """Layers that give images of a certain height and width."""
    shape = inputs[0] if inputs else None
    size = (
        as_axis(attrs.get("height", UNKNOWN)),
        as_axis(attrs.get("width", UNKNOWN)),
    )
    if shape is None or len(shape) not in (3, 4):
        return None
    if len(shape) == 3:
        shape = (1, *shape)
        return (*size, shape[-1])
    data_format = _format(attrs, default)
    split = _split(shape, data_format)
    return _join(shape[0], size, UNKNOWN if split is None else split[1], data_format)


RULES: dict[str, Rule] = {
    "CenterCrop": _sized,
    "RandomCrop": _sized,
    "Resizing": _sized,
    "DepthwiseConv1D": _convolution(1, _multiplied),
    "DepthwiseConv2D": _convolution(2, _multiplied),
    "LocallyConnected1D": _convolution(1, _filters),
    "LocallyConnected2D": _convolution(2, _filters),
    "SeparableConv1D": _convolution(1, _filters),
    "SeparableConv2D": _convolution(2, _filters),
}
for _rank in (1, 2, 3):
    RULES |= {
        f"Conv{_rank}D": _convolution(_rank, _filters),
        f"Conv{_rank}DTranspose": _transposed(_rank),
        f"MaxPooling{_rank}D": _pooling(_rank),
        f"AveragePooling{_rank}D": _pooling(_rank),
        f"GlobalMaxPooling{_rank}D": _global_pooling(_rank),
        f"GlobalAveragePooling{_rank}D": _global_pooling(_rank),
        f"AdaptiveMaxPooling{_rank}D": _adaptive_pooling(_rank),
        f"AdaptiveAveragePooling{_rank}D": _adaptive_pooling(_rank),
        f"ZeroPadding{_rank}D": _grown(_rank, "padding", 1, 1),
        f"Cropping{_rank}D": _grown(_rank, "cropping", -1, 1 if _rank == 1 else 0),
        f"UpSampling{_rank}D": _upsampling(_rank),
    }
RULES["Cropping3D"] = _grown(3, "cropping", -1, 1)
