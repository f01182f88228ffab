"""What each Keras layer is made of, in TFLite ops, before the converter optimizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qlsp.lower.cases import CASES, CRASH, LOOP_OF_STEPS, UNPARSED, expand_case
from qlsp.lower.convolutions import BROADCAST, CONVOLUTIONS, batch_size, broadcasts
from qlsp.lower.expansion import Expansion, RefusedError, UndecidedError
from qlsp.lower.keras.construction import refusal_of_construction
from qlsp.lower.operation import KEEPS_CHANNELS, Operation
from qlsp.lower.unrolled import unrolled_lstm
from qlsp.lower.windows import PADDING_SINCE, Padding
from qlsp.trace.graph import UNKNOWN

Expand = Callable[[Expansion], Operation]

NOTHING = frozenset(
    {
        "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout",
        "GaussianNoise", "GaussianDropout", "ActivityRegularization", "Identity", "RandomFlip",
        "RandomRotation", "RandomZoom", "RandomTranslation", "RandomContrast", "RandomBrightness",
        "RandomHeight", "RandomWidth",
    }
)  # fmt: skip
"""Layers that do nothing at inference."""

PROGRAMS: Mapping[str, str] = {
    "MaxPooling2D": "MAX_POOL_2D(x)",
    "AveragePooling2D": "AVERAGE_POOL_2D(x)",
    "GlobalAveragePooling1D": "MEAN(x)",
    "GlobalAveragePooling3D": "MEAN(x)",
    "GlobalMaxPooling1D": "REDUCE_MAX(x)",
    "GlobalMaxPooling2D": "REDUCE_MAX(x)",
    "GlobalMaxPooling3D": "REDUCE_MAX(x)",
    "ZeroPadding1D": "PAD(x)",
    "Cropping1D": "STRIDED_SLICE(x)",
    "Cropping2D": "STRIDED_SLICE(x)",
    "Cropping3D": "STRIDED_SLICE(x)",
    "Permute": "TRANSPOSE(x)",
    "LeakyReLU": "LEAKY_RELU(x)",
    "ThresholdedReLU": "GREATER(x, c) CAST:FLOAT32(_) MUL(x, _)",
    "Normalization": "SUB(x, c) MUL(_, c)",
}
"""Layers that are the same ops whatever their arguments (see `programs.py`)."""

MERGES: Mapping[str, str] = {
    "Add": "ADD",
    "Subtract": "SUB",
    "Multiply": "MUL",
    "Maximum": "MAXIMUM",
    "Minimum": "MINIMUM",
}
"""Layers that are one op for each input after the first."""


def expand(expansion: Expansion) -> Operation:
    """The op that produces the current layer's output. Raises `UndecidedError`, `RefusedError`."""
    cls = expansion.node.cls
    refusal = refusal_of_construction(expansion.node, expansion.behaviour)
    if refusal is not None:
        raise RefusedError("build", *refusal)
    if cls in NOTHING:
        return expansion.inputs[0]
    if cls in PROGRAMS:
        result = expansion.run(PROGRAMS[cls], *expansion.inputs)
    elif cls in MERGES:
        result = _merge(expansion, MERGES[cls])
    elif cls in LAYERS:
        result = LAYERS[cls](expansion)
    elif cls in CASES:
        result = expand_case(expansion)
    else:
        raise UndecidedError(f"nothing is known about {cls}")
    return result


def _merge(expansion: Expansion, op: str) -> Operation:
    result = expansion.inputs[0]
    for other in expansion.inputs[1:]:
        result = expansion.emit(op, result, other)
    return result


def _average(expansion: Expansion) -> Operation:
    return expansion.emit("MUL", _merge(expansion, "ADD"), constant=True)


def _global_average_pooling2d(expansion: Expansion) -> Operation:
    x = expansion.inputs[0]
    shape = expansion.shape()
    if (
        expansion.attr("keepdims", False)
        and expansion.since(2, 21)
        and shape is not None
        and shape == (shape[0], 1, 1, shape[-1])
    ):
        return x  # the mean over one pixel
    return expansion.emit("MEAN", x)


_TENSORDOT = (
    "SHAPE(x) GATHER(0) REDUCE_PROD(1) CONCATENATION(1) GATHER(0) REDUCE_PROD(4) PACK(2, 5) "
    "RESHAPE!(x, 6)"
)
_TENSORDOT_FROM_CONSTANTS = (
    "SHAPE(x) GATHER(0) REDUCE_PROD(1) GATHER(0) REDUCE_PROD(3) PACK(2, 4) CONCATENATION(1) "
    "RESHAPE!(x, 5)"
)


def _dense(expansion: Expansion) -> Operation:
    x = expansion.inputs[0]
    rank = expansion.rank()
    activation = expansion.attr("activation")
    if rank is None or rank == 2:
        x = expansion.weighted("FULLY_CONNECTED", x)
    elif expansion.static_batch:
        is_flat = x.name == "RESHAPE" and _rank_of(expansion, x.inputs[0]) == 2
        if not is_flat or not expansion.since(2, 3):
            x = expansion.emit("RESHAPE", x, core=False)
        else:
            x = x.inputs[0]
        x = expansion.weighted("FULLY_CONNECTED", x)
        x = expansion.emit("RESHAPE", x, core=False, detail=KEEPS_CHANNELS)
    else:
        x = expansion.run(_TENSORDOT_FROM_CONSTANTS if expansion.constants_first else _TENSORDOT, x)
        concatenation = next(
            each for each in reversed(expansion.operations) if each.name == "CONCATENATION"
        )
        x = expansion.weighted("FULLY_CONNECTED", x)
        x = expansion.emit("RESHAPE", x, concatenation, core=False)
        if expansion.attr("use_bias", True):
            x = expansion.emit("ADD", x, constant=True, core=False)
    return expansion.activate(x, activation)


def _rank_of(expansion: Expansion, operation: Operation) -> int | None:
    shape = expansion.graph.nodes[operation.node].shape
    return None if shape is None else len(shape)


def _batch_normalization(expansion: Expansion) -> Operation:
    in_training = expansion.node.attr("training") is True and expansion.keras == 2
    if in_training and expansion.ranges is None and not expansion.since(2, 8):
        node = f"model/{expansion.names[expansion.index]}"
        message = (
            f"Input 0 of node {node}/AssignNewValue was passed float from "
            f"{node}/FusedBatchNormV3/ReadVariableOp/resource:0 incompatible"
        )
        if not expansion.since(2, 3):
            message = (
                f"Input 0 of node {node}/AssignMovingAvg/AssignSubVariableOp was passed float "
                f"from {node}/AssignMovingAvg/"
            )
        raise RefusedError("convert", "ValueError", message, "it runs in training mode")
    if in_training and expansion.ranges is None and not expansion.since(2, 15):
        message = "Variable constant folding is failed."
        raise RefusedError("convert", "ConverterError", message, "it runs in training mode")
    if in_training and expansion.ranges is None:
        raise expansion.no_kernel("FusedBatchNormV3", "it runs in training mode")
    if broadcasts(expansion):
        scaled = expansion.run(BROADCAST.format("MUL"), expansion.inputs[0])
        return expansion.run(BROADCAST.format("ADD"), scaled)
    x = expansion.inputs[0]
    axis, rank = _other_axis(expansion), expansion.rank()
    if axis is None or x.detail == KEEPS_CHANNELS:
        result = expansion.run("MUL!(x, c) ADD!(_, c)", x)
        result.variable = result.inputs[0].variable = True
        return result
    if axis == 1 and rank == 4 and expansion.keras == 2:  # taken for a format
        expansion.notes[expansion.index] = "its axis is taken for a format, and transposed"
        return expansion.run("TRANSPOSE!(x) MUL!(_, c) ADD!(_, c) TRANSPOSE!(_)", x)
    expansion.notes[expansion.index] = "its axis is not that of the channels"
    return expansion.run("MUL!(x) ADD!(_)", x)


def _other_axis(expansion: Expansion) -> int | None:
    """The axis of a normalization, if it is certainly another one than the last."""
    axis, rank = expansion.node.attr("axis", -1), expansion.rank()
    if isinstance(axis, tuple) and len(axis) == 1:
        axis = axis[0]
    if not isinstance(axis, int) or rank is None:
        return None
    axis %= rank
    return None if axis == rank - 1 else axis


def _relu(expansion: Expansion) -> Operation:
    x = expansion.inputs[0]
    maximum = expansion.attr("max_value")
    slope = expansion.attr("negative_slope") or 0
    threshold = expansion.attr("threshold") or 0
    if (slope and maximum is not None) or threshold:
        expansion.notes[expansion.index] = "a slope with a maximum, or a threshold, is no op"
    if slope:
        if threshold:
            raise UndecidedError("ReLU with a slope and a threshold")
        if maximum is None:
            return expansion.emit("LEAKY_RELU", x)
        if maximum == 6 and not expansion.since(2, 8) and expansion.constants_first:
            return expansion.run("NEG!(x) RELU!(_) RELU6!(x) MUL!(1, c) SUB!(2, _)", x)
        if maximum == 6:
            return expansion.run("NEG!(x) RELU!(_) MUL!(_, c) RELU6!(x) SUB!(_, 2)", x)
        raise UndecidedError("ReLU with a slope and a maximum")
    if threshold:
        if expansion.keras == 3:
            x = expansion.run("GREATER!(x, c) SELECT_V2!(_, x)", x)
        else:
            x = expansion.run("GREATER!(x, c) CAST!:FLOAT32(_) MUL!(x, _)", x)
        if maximum is None:
            return x
        if maximum == 6 and expansion.since(2, 15):
            return expansion.emit("RELU6", x, core=False)
        return expansion.run("MINIMUM!(x, c) RELU!(_)", x)
    if maximum is None:
        return expansion.emit("RELU", x, core=False)
    if maximum == 6:
        return expansion.emit("RELU6", x, core=False)
    expansion.notes[expansion.index] = "only a maximum of 6 is one op"
    return expansion.run("RELU!(x) MINIMUM!(_, c) RELU!(_)", x)


_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM(x)"


def _lstm(expansion: Expansion) -> Operation:
    if expansion.attr("unroll", False):
        return unrolled_lstm(expansion)
    if not expansion.since(2, 3):
        raise expansion.no_kernel("While", "the converter has no loops")
    if not expansion.static_batch and not expansion.since(2, 8):
        if expansion.calibrated:
            raise RefusedError("convert", *UNPARSED, "calibration can't read its loop")
        last = "TRANSPOSE!" if expansion.attr("return_sequences", False) else "STRIDED_SLICE"
        return expansion.run(f"{LOOP_OF_STEPS} {last}:FLOAT32(_)", expansion.inputs[0])
    if not expansion.static_batch:
        if expansion.may_be_static:
            raise UndecidedError("LSTM converts with a batch of fixed size only")
        raise RefusedError.dynamic_list()
    if expansion.keras == 3:
        if expansion.calibrated:
            raise RefusedError("convert", *CRASH, "the converter does not take LSTM of Keras 3")
        last = "RESHAPE!(_)" if expansion.attr("return_sequences", False) else "STRIDED_SLICE(_)"
        last = last.replace("(", ":FLOAT32(")
        return expansion.run(f"RESHAPE!(x) WHILE:INT32(_) {last}", expansion.inputs[0])
    if expansion.attr("return_sequences", False):
        return expansion.run(_LSTM, expansion.inputs[0])
    return expansion.run(f"{_LSTM} STRIDED_SLICE(_)", expansion.inputs[0])


def _time_distributed(expansion: Expansion) -> Operation:
    inner = expansion.attr("layer")
    shape = expansion.shape()
    if getattr(inner, "cls", None) != "Dense" or shape is None or len(shape) != 3:
        raise UndecidedError("its inner layer is not known in this form")
    if getattr(inner, "attrs", {}).get("activation") is not None:
        raise UndecidedError("its inner layer has an activation")
    x = expansion.inputs[0]
    if expansion.keras == 2:
        return expansion.run("RESHAPE!(x) FULLY_CONNECTED(_) RESHAPE!(_)", x)
    if not isinstance(shape[1], int):
        raise UndecidedError("the number of its time steps is not known")
    # Keras 3 makes a layer of each time step.
    steps = [f"STRIDED_SLICE!(0) FULLY_CONNECTED({2 * step + 1})" for step in range(shape[1])]
    packed = ", ".join(str(2 * step + 2) for step in range(shape[1]))
    return expansion.run(f"TRANSPOSE!(x) {' '.join(steps)} PACK!({packed}) TRANSPOSE!(_)", x)


def _elu(expansion: Expansion) -> Operation:
    if expansion.attr("alpha", 1) != 1:
        raise UndecidedError("ELU with another alpha")
    return expansion.emit("ELU", expansion.inputs[0])


def _activation(expansion: Expansion) -> Operation:
    return expansion.function(expansion.inputs[0], expansion.attr("activation"))


def _lambda(expansion: Expansion) -> Operation:
    function = expansion.node.function
    if (
        function is None
        or not function.complete
        or len(expansion.inputs) != 1
        or sum(node.kind == "input" for node in function.nodes) != 1
    ):
        raise UndecidedError("its function is not known")
    return expansion.inline(function, expansion.inputs[0])


def _softmax(expansion: Expansion) -> Operation:
    return expansion.function(expansion.inputs[0], "softmax")


def _concatenate(expansion: Expansion) -> Operation:
    return expansion.emit("CONCATENATION", *expansion.inputs)


def _reshape(expansion: Expansion) -> Operation:
    x = expansion.inputs[0]
    if expansion.static_batch:
        return expansion.emit("RESHAPE", x)
    packed = batch_size(expansion, x)
    return expansion.emit("RESHAPE", x, packed)


def _flatten(expansion: Expansion) -> Operation:
    if expansion.keras == 3:
        return _reshape(expansion)
    return expansion.emit("RESHAPE", expansion.inputs[0])


def _rescaling(expansion: Expansion) -> Operation:
    x = expansion.emit("MUL", expansion.inputs[0], scalar=_number(expansion.attr("scale")))
    if expansion.attr("offset", 0.0) == 0:
        return x
    return expansion.emit("ADD", x, scalar=_number(expansion.attr("offset")))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _zero_padding2d(expansion: Expansion) -> Operation:
    padding = expansion.attr("padding", 1)
    sides = None
    if isinstance(padding, int):
        sides = ((padding, padding), (padding, padding))
    elif isinstance(padding, tuple) and len(padding) == 2:
        rows, columns = padding
        sides = (
            (rows, rows) if isinstance(rows, int) else rows,
            (columns, columns) if isinstance(columns, int) else columns,
        )
    numbers: list[object] = [
        each for side in sides or () for each in (side if isinstance(side, tuple) else (side,))
    ]
    is_open = UNKNOWN in numbers
    if is_open and expansion.since(*PADDING_SINCE):
        raise UndecidedError("whether its padding is that of a convolution is not known")
    return expansion.emit("PAD", expansion.inputs[0], detail=Padding(sides, expansion.shape()))


def _upsampling2d(expansion: Expansion) -> Operation:
    x = expansion.inputs[0]
    if expansion.attr("interpolation", "nearest") == "bilinear":
        return expansion.emit("RESIZE_BILINEAR", x)
    if expansion.keras == 2:
        return expansion.emit("RESIZE_NEAREST_NEIGHBOR", x)
    shape = expansion.shape()
    if shape is not None and None in shape[1:]:
        # The chain of copies is another one then, and its output may lose the channels: measured
        # with TF 2.21, a convolution behind it isn't converted, unless an `Add` gives them back.
        raise UndecidedError("whether what follows converts, as the image has no fixed size")
    return expand_case(expansion)


def _resizing(expansion: Expansion) -> Operation:
    kinds = {"bilinear": "RESIZE_BILINEAR", "nearest": "RESIZE_NEAREST_NEIGHBOR"}
    interpolation = expansion.attr("interpolation", "bilinear")
    if interpolation not in kinds:
        raise UndecidedError(f"resizing by {interpolation}")
    return expansion.emit(kinds[interpolation], expansion.inputs[0])


LAYERS: Mapping[str, Expand] = {
    **CONVOLUTIONS,
    "Dense": _dense,
    "BatchNormalization": _batch_normalization,
    "ReLU": _relu,
    "ELU": _elu,
    "LSTM": _lstm,
    "Lambda": _lambda,
    "GlobalAveragePooling2D": _global_average_pooling2d,
    "Activation": _activation,
    "Softmax": _softmax,
    "Average": _average,
    "Concatenate": _concatenate,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Rescaling": _rescaling,
    "Resizing": _resizing,
    "TimeDistributed": _time_distributed,
    "UpSampling2D": _upsampling2d,
    "ZeroPadding2D": _zero_padding2d,
}
"""Layers that depend on their arguments, on shapes or on versions."""
