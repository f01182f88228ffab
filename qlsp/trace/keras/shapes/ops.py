"""Functions on tensors: `tf.*`, `keras.ops.*`, `keras.backend.*`, `keras.activations.*`.

One rule serves a function under all its names: `tf.math.reduce_mean`, `keras.ops.mean` and
`keras.backend.mean` differ only in how they call their parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from qlsp.trace.graph import UNKNOWN, Shape
from qlsp.trace.keras.shapes import convolution
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
    of_first,
    product,
    shape_of_constant,
    spread,
    unknown,
)
from qlsp.trace.keras.shapes.convolution import window_length
from qlsp.trace.keras.shapes.layers import concatenated, einsum, reshaped

Inputs = Sequence[Shape | None]


def _given(attrs: Attrs, *names: str, default: object = None) -> object:
    """The argument that goes by one of these names."""
    return next((attrs[name] for name in names if name in attrs), default)


def _same(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    return inputs[0] if inputs else None


def _elementwise(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shapes = list(inputs)
    for name in ("x", "y", "x1", "x2", "a", "b", "left", "right"):
        # The operand that is no tensor: a number or nested numbers of the program.
        value = attrs.get(name)
        if value is not None and value is not UNKNOWN:
            shapes.append(shape_of_constant(value))
        elif value is UNKNOWN:
            shapes.append(None)
    return broadcast(shapes)


@of_first
def _reduction(shape: Shape, attrs: Attrs) -> Shape | None:
    axis = attrs.get("axis")
    keep = _given(attrs, "keepdims", "keep_dims", default=False)
    if axis is UNKNOWN or not isinstance(keep, (bool, type(None))):
        return None
    axes = (
        range(len(shape)) if axis is None else axis if isinstance(axis, (tuple, list)) else [axis]
    )
    places = [normalized(item, len(shape)) for item in axes]
    if None in places:
        return None
    if keep:
        return tuple(1 if place in places else axis for place, axis in enumerate(shape))
    return tuple(axis for place, axis in enumerate(shape) if place not in places)


def _reshape(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    target = _given(attrs, "newshape", "shape", default=UNKNOWN)
    if is_int(target):
        target = (target,)
    if not isinstance(target, (tuple, list)):
        return None
    shape = inputs[0] if inputs else None
    return reshaped(UNKNOWN if shape is None else product(shape), target)


@of_first
def _transpose(shape: Shape, attrs: Attrs) -> Shape | None:
    order = _given(attrs, "perm", "axes", "pattern")
    if order is None:
        return tuple(reversed(shape))
    if not isinstance(order, (tuple, list)) or len(order) != len(shape):
        return unknown(len(shape))
    places = [normalized(item, len(shape)) for item in order]
    return tuple(UNKNOWN if place is None else shape[place] for place in places)


def _concat(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    implied = 0 if "values" in attrs else -1
    return concatenated(inputs, attrs.get("axis", implied))


def _concat_ops(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    return concatenated(inputs, attrs.get("axis", 0))


def _stack(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = broadcast(inputs)
    if shape is None:
        return None
    place = normalized(attrs.get("axis", 0), len(shape) + 1)
    if place is None:
        return unknown(len(shape) + 1)
    return (*shape[:place], len(inputs), *shape[place:])


@of_first
def _expand_dims(shape: Shape, attrs: Attrs) -> Shape | None:
    axis = attrs.get("axis", -1)
    for item in axis if isinstance(axis, (tuple, list)) else (axis,):
        place = normalized(item, len(shape) + 1)
        shape = unknown(len(shape) + 1) if place is None else (*shape[:place], 1, *shape[place:])
    return shape


@of_first
def _squeeze(shape: Shape, attrs: Attrs) -> Shape | None:
    axis = attrs.get("axis")
    if axis is UNKNOWN:
        return None
    if axis is None:
        if UNKNOWN in shape or None in shape:
            return None
        return tuple(item for item in shape if item != 1)
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    places = [normalized(item, len(shape)) for item in axes]
    if None in places:
        return None
    return tuple(item for place, item in enumerate(shape) if place not in places)


@of_first
def _pad(shape: Shape, attrs: Attrs) -> Shape | None:
    pairs = _given(attrs, "paddings", "pad_width", default=UNKNOWN)
    if not isinstance(pairs, (tuple, list)) or len(pairs) != len(shape):
        return unknown(len(shape))
    return tuple(
        compute(lambda length, before, after: length + before + after, axis, *spread(pair, 2))
        for axis, pair in zip(shape, pairs, strict=True)
    )


def _resize(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    shape = inputs[0] if inputs else None
    size = spread(attrs.get("size", UNKNOWN), 2)
    if shape is None or len(shape) not in (3, 4) or attrs.get("preserve_aspect_ratio"):
        return None if shape is None else unknown(len(shape))
    if len(shape) == 3:
        return (*size, shape[-1])
    if (attrs.get("data_format") or default) == "channels_first":
        return (shape[0], shape[1], *size) if "data_format" in attrs else unknown(4, shape[0])
    return (shape[0], *size, shape[-1])


def _resize_images(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    """`keras.backend.resize_images`: by factors, unlike `tf.image.resize`."""
    shape = inputs[0] if inputs else None
    factors = (
        as_axis(attrs.get("height_factor", UNKNOWN)),
        as_axis(attrs.get("width_factor", UNKNOWN)),
    )
    if shape is None or len(shape) != 4:
        return unknown(4)
    start = 2 if (attrs.get("data_format") or default) == "channels_first" else 1
    scaled = [
        compute(lambda length, factor: length * factor, length, factor)
        for length, factor in zip(shape[start : start + 2], factors, strict=True)
    ]
    return (*shape[:start], *scaled, *shape[start + 2 :])


def _matmul(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    if len(inputs) != 2 or inputs[0] is None or inputs[1] is None:
        return None
    one, two = inputs[0], inputs[1]
    if len(one) < 2 or len(two) < 2:
        return None
    flips = attrs.get("transpose_a", False), attrs.get("transpose_b", False)
    if not all(isinstance(flip, bool) for flip in flips):
        return None
    rows = one[-1] if flips[0] else one[-2]
    columns = two[-2] if flips[1] else two[-1]
    head = broadcast([one[:-2], two[:-2]])
    return None if head is None else (*head, rows, columns)


def _einsum(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    return einsum(_given(attrs, "equation", "subscripts"), inputs)


@of_first
def _split(shape: Shape, attrs: Attrs) -> Result:
    parts = _given(attrs, "num_or_size_splits", "indices_or_sections")
    axis = attrs.get("axis", 0)
    place = normalized(axis, len(shape))
    if place is None:
        return None
    sizes: list[Axis]
    if isinstance(parts, int) and not isinstance(parts, bool) and 0 < parts <= 4096:
        sizes = [compute(lambda length: length // parts, shape[place])] * parts
    elif isinstance(parts, (tuple, list)) and "num_or_size_splits" in attrs:
        sizes = [UNKNOWN if item == -1 else as_axis(item) for item in parts]
    elif isinstance(parts, (tuple, list)):
        borders = [0, *map(as_axis, parts), shape[place]]
        sizes = [compute(lambda start, stop: stop - start, *pair) for pair in pairwise(borders)]
    else:
        return None
    return [(*shape[:place], size, *shape[place + 1 :]) for size in sizes]


@of_first
def _unstack(shape: Shape, attrs: Attrs) -> Result:
    place = normalized(attrs.get("axis", 0), len(shape))
    if place is None:
        return None
    count = shape[place] if isinstance(shape[place], int) else attrs.get("num")
    if not isinstance(count, int) or not 0 <= count <= 4096:
        return None
    return [(*shape[:place], *shape[place + 1 :])] * count


@of_first
def _tile(shape: Shape, attrs: Attrs) -> Shape | None:
    times = _given(attrs, "multiples", "repeats", "n", default=UNKNOWN)
    return tuple(
        compute(lambda length, times: length * times, *pair)
        for pair in zip(shape, spread(times, len(shape)), strict=True)
    )


@of_first
def _repeat(shape: Shape, attrs: Attrs) -> Shape | None:
    times = as_axis(_given(attrs, "repeats", "rep", default=UNKNOWN))
    place = normalized(attrs.get("axis"), len(shape))
    if place is None:
        return None
    grown = compute(lambda length, times: length * times, shape[place], times)
    return (*shape[:place], grown, *shape[place + 1 :])


def _broadcast_to(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    target = attrs.get("shape", UNKNOWN)
    if not isinstance(target, (tuple, list)):
        return None
    return tuple(UNKNOWN if item == -1 else as_axis(item) for item in target)


def _blocks(sign: int) -> Rule:
    """`tf.nn.space_to_depth` (1) and `tf.nn.depth_to_space` (-1)."""

    def rule(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
        shape = inputs[0] if inputs else None
        block = as_axis(attrs.get("block_size", UNKNOWN))
        if shape is None or len(shape) != 4:
            return unknown(4)
        if attrs.get("data_format", "NHWC") not in ("NHWC", "channels_last", None):
            return unknown(4, shape[0])

        def shrink(length: int, block: int) -> int:
            return length // block

        def grow(length: int, block: int) -> int:
            return length * block

        def on_side(side: Axis) -> Axis:
            return compute(shrink if sign > 0 else grow, side, block)

        area = compute(lambda block: block * block, block)
        channels = compute(grow if sign > 0 else shrink, shape[3], area)
        return (shape[0], on_side(shape[1]), on_side(shape[2]), channels)

    return rule


@of_first
def _window(shape: Shape, attrs: Attrs) -> Shape | None:
    """`tf.nn.conv2d`, `depthwise_conv2d` and the pools on NHWC tensors."""
    if len(shape) != 4:
        return unknown(4)
    if _given(attrs, "data_format", default="NHWC") not in ("NHWC", "channels_last", None):
        return unknown(4, shape[0])
    strides = _sides(attrs.get("strides", 1))
    size = _given(attrs, "ksize", "pool_size", default=None)
    channels: Axis = shape[3] if size is not None else UNKNOWN
    padding = attrs.get("padding", "valid")
    sizes = (UNKNOWN, UNKNOWN) if size is None else _sides(size)
    lengths = [
        window_length(length, window, padding, stride, 1)
        for length, window, stride in zip(shape[1:3], sizes, strides, strict=True)
    ]
    return (shape[0], *lengths, channels)


def _sides(value: object) -> tuple[Axis, ...]:
    """Height and width of an argument that has one, two or four entries."""
    if isinstance(value, (tuple, list)) and len(value) == 4:
        value = tuple(value[1:3])
    return spread(value, 2)


@of_first
def _flatten(shape: Shape, attrs: Attrs) -> Shape | None:
    """`keras.backend.batch_flatten`, which forgets static lengths."""
    return (None, None)


@of_first
def _one_hot(shape: Shape, attrs: Attrs) -> Shape | None:
    depth = as_axis(_given(attrs, "depth", "num_classes", default=UNKNOWN))
    if attrs.get("axis", -1) not in (-1, None):
        return None
    return (*shape, depth)


@of_first
def _gather(shape: Shape, attrs: Attrs) -> Shape | None:
    indices = shape_of_constant(attrs.get("indices", UNKNOWN))
    axis = attrs.get("axis")
    place = normalized(0 if axis is None else axis, len(shape))
    if place is None or indices is None or attrs.get("batch_dims"):
        return None
    return (*shape[:place], *indices, *shape[place + 1 :])


@of_first
def _swapped(shape: Shape, attrs: Attrs) -> Shape | None:
    places = [normalized(attrs.get(name), len(shape)) for name in ("axis1", "axis2")]
    if places[0] is None or places[1] is None:
        return unknown(len(shape))
    result = list(shape)
    result[places[0]], result[places[1]] = result[places[1]], result[places[0]]
    return tuple(result)


def _without_axis(attrs: Attrs, inputs: Inputs, default: str) -> Shape | None:
    """`argmax` and its like: one axis is gone, the first by default in TensorFlow."""
    shape = inputs[0] if inputs else None
    axis = attrs.get("axis", UNKNOWN)
    place = None if shape is None else normalized(0 if axis is None else axis, len(shape))
    if shape is None or place is None or attrs.get("keepdims"):
        return None
    return (*shape[:place], *shape[place + 1 :])


_SAME = (
    "abs acos acosh asin asinh atan atanh cast ceil clip clip_by_value cos cosh cumsum cumprod "
    "dropout elu erf exp expm1 floor gelu hard_sigmoid hard_silu hard_swish hard_tanh identity "
    "l2_normalize leaky_relu log log1p log_sigmoid log_softmax mish negative nan_to_num "
    "normalize ones_like prelu reciprocal relu relu6 relu_n reverse round rsqrt selu sigmoid sign "
    "silu sin sinh softmax softplus softsign sqrt square stop_gradient swish tan tanh zeros_like "
    "celu log_sigmoid squareplus soft_shrink hard_shrink tanh_shrink threshold sparsemax "
    "batch_normalization fused_batch_norm bias_add layer_normalization rms_normalization "
    "local_response_normalization lrn fake_quant_with_min_max_vars fake_quant_with_min_max_args "
    "fake_quant_with_min_max_vars_per_channel check_numerics ensure_shape flip roll random_flip "
    "logical_not isnan isinf isfinite sort linear absolute stop_gradients invert "
    "per_image_standardization adjust_brightness adjust_contrast neg pos"
)
_ELEMENTWISE = (
    "add subtract multiply divide truediv true_divide floordiv floor_divide floormod mod pow power "
    "maximum minimum squared_difference greater greater_equal less less_equal equal not_equal "
    "logical_and logical_or logical_xor divide_no_nan multiply_no_nan sub mul div realdiv atan2 "
    "arctan2 floor_mod where"
)
_REDUCTIONS = (
    "reduce_mean reduce_sum reduce_max reduce_min reduce_prod reduce_std reduce_variance "
    "reduce_any reduce_all reduce_logsumexp mean sum max min prod std var any all logsumexp amax "
    "amin norm"
)
_RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME.split(), _same),
    **dict.fromkeys(_ELEMENTWISE.split(), _elementwise),
    **dict.fromkeys(_REDUCTIONS.split(), _reduction),
    "argmax": _without_axis,
    "argmin": _without_axis,
    "avg_pool": _window,
    "avg_pool2d": _window,
    "batch_flatten": _flatten,
    "broadcast_to": _broadcast_to,
    "concat": _concat_ops,
    "concatenate": _concat,
    "conv2d": _window,
    "depth_to_space": _blocks(-1),
    "einsum": _einsum,
    "expand_dims": _expand_dims,
    "gather": _gather,
    "matmul": _matmul,
    "max_pool": _window,
    "max_pool2d": _window,
    "one_hot": _one_hot,
    "pad": _pad,
    "permute_dimensions": _transpose,
    "repeat": _repeat,
    "repeat_elements": _repeat,
    "reshape": _reshape,
    "resize": _resize,
    "resize_area": _resize,
    "resize_bicubic": _resize,
    "resize_bilinear": _resize,
    "resize_images": _resize_images,
    "resize_nearest_neighbor": _resize,
    "space_to_depth": _blocks(1),
    "spatial_2d_padding": convolution.RULES["ZeroPadding2D"],
    "split": _split,
    "squeeze": _squeeze,
    "stack": _stack,
    "swapaxes": _swapped,
    "take": _gather,
    "tile": _tile,
    "transpose": _transpose,
    "unstack": _unstack,
}
# The same short name, another meaning.
_EXCEPTIONS: dict[str, Rule] = {
    "keras.ops.concatenate": _concat_ops,
    "keras.ops.expand_dims": _expand_dims,
    "tf.compat.v1.image.resize_images": _resize,
    "tf.image.resize_images": _resize,
}
_PACKAGES = ("tf.", "keras.ops.", "keras.backend.", "keras.activations.", "operator.")


@cache
def rule(symbol: str) -> Rule | None:
    """The rule for a canonical function name, None if it isn't known."""
    if not symbol.startswith(_PACKAGES):
        return None
    return _EXCEPTIONS.get(symbol) or _RULES.get(symbol.rpartition(".")[2])
