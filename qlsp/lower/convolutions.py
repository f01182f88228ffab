"""Convolutions, in one to three dimensions, and the layers made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qlsp.lower.expansion import Expansion, RefusedError, UndecidedError, pair
from qlsp.lower.operation import KEEPS_CHANNELS, Operation
from qlsp.lower.windows import Window

Expand = Callable[[Expansion], Operation]


def _conv2d(expansion: Expansion, op: str = "CONV_2D", part: str = "") -> Operation:
    x = expansion.inputs[0]
    activation = expansion.attr("activation")
    if expansion.attr("groups", 1) != 1:
        _refuse_groups(expansion)
    if expansion.attr("data_format") == "channels_first":
        if not expansion.since(2, 3):
            message = "Check failed: status.ok() Unexpected value for attribute 'data_format'."
            reason = "the converter wants channels last"
            raise RefusedError("convert", "ConverterError", message, reason)
        x = expansion.emit("TRANSPOSE", x, core=False)
        x = expansion.weighted(op, x, part)
        x = expansion.emit("TRANSPOSE", x, core=False, detail=KEEPS_CHANNELS)
    elif (
        any(each != 1 for each in pair(expansion.attr("dilation_rate", 1)))
        and not expansion.static_batch
        and expansion.since(2, 5)
    ):
        x = expansion.emit("SPACE_TO_BATCH_ND", x, core=False)
        x = expansion.weighted(op, x, part)
        x = expansion.emit("BATCH_TO_SPACE_ND", x, core=False)
        if expansion.attr("use_bias", True):
            x = expansion.emit("ADD", x, constant=True, core=False)
    else:
        x = expansion.weighted(op, x, part, detail=_window(expansion))
    return expansion.activate(x, activation, part)


def _refuse_groups(expansion: Expansion) -> None:
    """Raise `RefusedError` where groups are not converted, or not calibrated."""
    if expansion.since(2, 8) and not expansion.since(2, 15):
        raise expansion.no_kernel("Conv2D", "the converter has no groups")
    if expansion.calibrated and not expansion.since(2, 8):
        message = (
            "tensorflow/lite/kernels/conv.cc:349 input->dims->data[3] != filter->dims->data[3]"
        )
        raise RefusedError("convert", "RuntimeError", message, "calibration can't run its groups")


def _window(expansion: Expansion) -> Window:
    return Window(
        pair(expansion.attr("kernel_size")),
        pair(expansion.attr("strides", 1)),
        pair(expansion.attr("dilation_rate", 1)),
        expansion.attr("padding", "valid"),
    )


def _depthwise(expansion: Expansion) -> Operation:
    return _conv2d(expansion, "DEPTHWISE_CONV_2D")


def _separable(expansion: Expansion) -> Operation:
    x = expansion.weighted("DEPTHWISE_CONV_2D", expansion.inputs[0], "depthwise")
    # Only `quantize_model` makes two layers of it, each with a range.
    x.ranged = expansion.ranges_of("depthwise").after
    x = expansion.weighted("CONV_2D", x, "pointwise")
    return expansion.activate(x, expansion.attr("activation"), "pointwise")


def _separable1d(expansion: Expansion) -> Operation:
    x = _as_image(expansion, expansion.inputs[0])
    x = expansion.weighted("DEPTHWISE_CONV_2D", x, "depthwise")
    x.ranged = expansion.ranges_of("depthwise").after
    x = expansion.weighted("CONV_2D", x, "pointwise")
    if expansion.ranges is not None:
        x = expansion.activate(x, expansion.attr("activation"), "pointwise")
        return _squeeze(expansion, x)
    x = _squeeze(expansion, x)
    return expansion.activate(x, expansion.attr("activation"))


def _conv1d(expansion: Expansion) -> Operation:
    x = expansion.inputs[0]
    if expansion.attr("padding", "valid") == "causal":
        x = expansion.emit("PAD", x, core=False)
    dilated = expansion.attr("dilation_rate", 1) not in (1, (1,)) and not expansion.static_batch
    if dilated:
        x = expansion.emit("SPACE_TO_BATCH_ND", x, core=False)
    x = expansion.weighted("CONV_2D", _as_image(expansion, x))
    x = _squeeze(expansion, x)
    if dilated:
        x = expansion.emit("BATCH_TO_SPACE_ND", x, core=False)
        if expansion.attr("use_bias", True):
            x = expansion.emit("ADD", x, constant=True, core=False)
    return expansion.activate(x, expansion.attr("activation"))


def _as_image(expansion: Expansion, x: Operation) -> Operation:
    """A sequence as an image of one row."""
    return expansion.emit("RESHAPE" if expansion.static_batch else "EXPAND_DIMS", x, core=False)


def _squeeze(expansion: Expansion, x: Operation) -> Operation:
    """An image of one row as a sequence."""
    return expansion.emit("RESHAPE", x, core=False, detail=KEEPS_CHANNELS)


def _pool1d(op: str) -> Expand:
    def expand_pool(expansion: Expansion) -> Operation:
        return _squeeze(expansion, expansion.emit(op, _as_image(expansion, expansion.inputs[0])))

    return expand_pool


def _conv2d_transpose(expansion: Expansion) -> Operation:
    x = expansion.inputs[0]
    operands = [x]
    if not expansion.static_batch and expansion.since(2, 5):
        operands.append(batch_size(expansion, x))
    result = expansion.weighted("TRANSPOSE_CONV", x)
    for operand in operands[1:]:
        result.inputs.append(operand)
        operand.users.append(result)
    if expansion.attr("use_bias", True):
        result = expansion.emit("ADD", result, constant=True, core=False)
    return expansion.activate(result, expansion.attr("activation"))


def batch_size(expansion: Expansion, x: Operation) -> Operation:
    """The ops that read a dynamic batch size to build a shape."""
    return expansion.run("SHAPE(x) STRIDED_SLICE(_) PACK(_)", x)


def _conv3d(expansion: Expansion) -> Operation:
    if not expansion.since(2, 3):
        raise expansion.no_kernel("Conv3D", "the converter has no op for it")
    x = expansion.emit("CONV_3D", expansion.inputs[0])
    if expansion.attr("use_bias", True):
        if not expansion.since(2, 8):
            raise expansion.no_kernel("BiasAdd", "the converter can't add its bias")
        if broadcasts(expansion):
            x = expansion.run(BROADCAST.format("ADD"), x)
        else:
            x = expansion.emit("ADD", x, constant=True, core=False)
    return expansion.activate(x, expansion.attr("activation"))


BROADCAST = (
    "SHAPE:INT64(x) BROADCAST_ARGS(_) BROADCAST_TO!:FLOAT32(_) BROADCAST_TO!(x, 1) {}!(2, 3)"
)
"""How TF 2.8 computes with a constant and volumes of an unknown number."""


def broadcasts(expansion: Expansion) -> bool:
    """Whether arithmetic with a constant becomes `BROADCAST`."""
    return (
        expansion.rank() == 5
        and not expansion.static_batch
        and expansion.since(2, 8)
        and not expansion.since(2, 15)
    )


def _locally_connected2d(expansion: Expansion) -> Operation:
    sizes = [each for each in (expansion.node.shape or ())[1:3] if isinstance(each, int)]
    if (
        expansion.attr("implementation", 1) != 1
        or expansion.attr("data_format") == "channels_first"
        or len(sizes) != 2
    ):
        raise UndecidedError("its positions are not known")
    # A slice of the input for each position of the output.
    x = expansion.inputs[0]
    slices = [expansion.run("STRIDED_SLICE!(x) RESHAPE!(_)", x) for _ in range(sizes[0] * sizes[1])]
    x = expansion.emit("CONCATENATION", *slices, core=False)
    x = expansion.run("BATCH_MATMUL(x) RESHAPE!(_) TRANSPOSE!(_)", x)
    if expansion.since(2, 16):
        x.detail = KEEPS_CHANNELS
    if expansion.attr("use_bias", True):
        x = expansion.emit("ADD", x, constant=True, core=False)
    return expansion.activate(x, expansion.attr("activation"))


CONVOLUTIONS: Mapping[str, Expand] = {
    "Conv2D": _conv2d,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv2D": _separable,
    "SeparableConv1D": _separable1d,
    "Conv1D": _conv1d,
    "MaxPooling1D": _pool1d("MAX_POOL_2D"),
    "AveragePooling1D": _pool1d("AVERAGE_POOL_2D"),
    "Conv3D": _conv3d,
    "Conv2DTranspose": _conv2d_transpose,
    "LocallyConnected2D": _locally_connected2d,
}
"""By layer class."""
