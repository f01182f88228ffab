"""What functions and operators on layer tensors are made of, in TFLite ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qlsp.lower import activations
from qlsp.lower.behaviour import Version
from qlsp.lower.expansion import Expansion, RefusedError, UndecidedError
from qlsp.lower.operation import WEIGHT, Operation
from qlsp.trace.graph import UNKNOWN

Expand = Callable[[Expansion], Operation]

_ARITHMETIC: Mapping[str, str] = {
    "add": "ADD",
    "sub": "SUB",
    "subtract": "SUB",
    "mul": "MUL",
    "multiply": "MUL",
    "truediv": "DIV",
    "divide": "DIV",
    "maximum": "MAXIMUM",
    "minimum": "MINIMUM",
}

_OPS: Mapping[str, str] = {
    "concat": "CONCATENATION",
    "concatenate": "CONCATENATION",
    "reduce_mean": "MEAN",
    "mean": "MEAN",
    "reduce_max": "REDUCE_MAX",
    "max": "REDUCE_MAX",
    "reduce_sum": "SUM",
    "sum": "SUM",
    "reduce_min": "REDUCE_MIN",
    "transpose": "TRANSPOSE",
    "split": "SPLIT",
    "depth_to_space": "DEPTH_TO_SPACE",
    "squeeze": "RESHAPE",
    "expand_dims": "EXPAND_DIMS",
    "getitem": "STRIDED_SLICE",
    "abs": "ABS",
    "sqrt": "SQRT",
    "rsqrt": "RSQRT",
    "log": "LOG",
    "square": "SQUARE",
    "sign": "SIGN",
    "floor": "FLOOR",
    "round": "ROUND",
    "negative": "NEG",
    "neg": "NEG",
    "sin": "SIN",
    "local_response_normalization": "LOCAL_RESPONSE_NORMALIZATION",
    "max_pool2d": "MAX_POOL_2D",
    "max_pool": "MAX_POOL_2D",
    "avg_pool2d": "AVERAGE_POOL_2D",
    "avg_pool": "AVERAGE_POOL_2D",
    "space_to_depth": "SPACE_TO_DEPTH",
    "stack": "PACK",
    "tile": "TILE",
    "reverse": "REVERSE_V2",
    "gather": "GATHER",
    "matmul": "BATCH_MATMUL",
    "cumsum": "CUMSUM",
}
"""Functions that are one op on all their tensors."""

_PROGRAMS: Mapping[str, str] = {
    "identity": "",
    "stop_gradient": "",
    "reduce_std": "MEAN(x) SQUARED_DIFFERENCE(x, 0) MEAN(_) SQRT(_)",
    "reduce_variance": "MEAN(x) SQUARED_DIFFERENCE(x, 0) MEAN(_)",
    "l2_normalize": "L2_NORMALIZATION(x)",
}
"""Functions of one tensor that are something else than one op (see `programs.py`)."""

_NOT_CONVERTED: Mapping[str, tuple[str, Version]] = {
    "erf": ("Erf", (99, 0)),
    "roll": ("Roll", (99, 0)),
    "sign": ("Sign", (2, 8)),
}
"""Functions that the converter has nothing for: TensorFlow's op, and the last release."""

_SIZED = frozenset({"reshape", "resize"})
"""Functions that take a size, which may be computed."""

_COMPARISONS: Mapping[str, str] = {"gt": "GREATER", "lt": "LESS"}

_CLIPS = frozenset({"clip_by_value", "clip"})

_OF_TENSORFLOW = ("tf.", "keras.backend.")
"""Of `tf.keras.backend` 18 functions were tried with TF 2.21: all raise on a tensor of Keras 3."""


def expand_function(expansion: Expansion) -> Operation:
    """The op that produces the output of the current op node."""
    symbol = expansion.node.cls
    if expansion.keras == 3 and symbol.startswith(_OF_TENSORFLOW) and not expansion.has_tensors:
        raise RefusedError(
            "build",
            "ValueError",
            "A KerasTensor cannot be used as input to a TensorFlow function.",
            "Keras 3 takes no TensorFlow functions, but within a layer",
        )
    name = symbol.rpartition(".")[2]
    if name not in _SIZED and any(each.name == WEIGHT for each in expansion.inputs):
        return _with_weight(expansion, name)
    if name in _ARITHMETIC:
        return _arithmetic(expansion, _ARITHMETIC[name])
    if name in _CLIPS:
        return _clip(expansion)
    op, until = _NOT_CONVERTED.get(name, ("", (0, 0)))
    if expansion.behaviour.tensorflow <= until:
        raise expansion.no_kernel(op, f"the converter has no op for {symbol}")
    if name in _OPS:
        return expansion.emit(_OPS[name], *expansion.inputs)
    if name in _PROGRAMS:
        return expansion.run(_PROGRAMS[name], *expansion.inputs)
    if name in _OTHERS:
        return _OTHERS[name](expansion)
    if name == "relu" and expansion.node.attrs.keys() & {"max_value", "alpha", "threshold"}:
        return _keras_relu(expansion)
    if activations.function_name(_Named(symbol)) in activations.PROGRAMS:
        return expansion.function(expansion.inputs[0], _Named(symbol))
    raise UndecidedError(f"nothing is known about {symbol}")


def _pad(expansion: Expansion) -> Operation:
    mode = str(expansion.attr("mode", "CONSTANT")).upper()
    value = expansion.attr("constant_values", 0)
    if mode in {"REFLECT", "SYMMETRIC"}:
        return expansion.emit("MIRROR_PAD", *expansion.inputs)
    return expansion.emit("PADV2" if value else "PAD", *expansion.inputs)


def _power(expansion: Expansion) -> Operation:
    exponent = expansion.attr("y")
    if exponent == 2 and len(expansion.inputs) == 1:
        return expansion.run("MUL(x, x)", *expansion.inputs)
    if len(expansion.inputs) != 1 or exponent in _SPECIAL_POWERS:
        raise UndecidedError(f"the power {exponent} is not known")
    return expansion.emit("POW", *expansion.inputs)


_SPECIAL_POWERS = (-1, -0.5, 0, 0.5, 1)
"""Exponents for which TensorFlow has other functions."""


def _cast(expansion: Expansion) -> Operation:
    x = expansion.inputs[0]
    name = str(getattr(expansion.attr("dtype"), "name", expansion.attr("dtype")))
    if name.rpartition(".")[2] != "float32" or x.type not in {"FLOAT32", "BOOL"}:
        raise UndecidedError("a cast to or from another type than float32")
    return expansion.emit("CAST", x, type="FLOAT32") if x.type == "BOOL" else x


def _norm(expansion: Expansion) -> Operation:
    attrs = expansion.node.attrs
    if attrs.get("axis") is None or attrs.keys() & {"ord", "keepdims"}:
        raise UndecidedError("its norm is not known")
    return expansion.run("MUL(x, x) SUM(_) SQRT(_) RESHAPE(_)", *expansion.inputs)


def _shape(expansion: Expansion) -> Operation:
    shape = expansion.shape()
    if expansion.static_batch and (shape is None or None not in shape[1:]):
        return Operation(WEIGHT, expansion.index)  # a constant
    return expansion.emit("SHAPE", *expansion.inputs, core=False)


def _reshape(expansion: Expansion) -> Operation:
    """With a size that is computed from the tensor's own, if there is one."""
    x, *sizes = (each for each in expansion.inputs if each.name != WEIGHT)
    if sizes:
        sizes = [expansion.emit("PACK", *sizes, core=False)]
    return expansion.emit("RESHAPE", x, *sizes)


def _compare(expansion: Expansion) -> Operation:
    symbol = expansion.node.cls.rpartition(".")[2]
    return expansion.emit(
        _COMPARISONS[symbol], *expansion.inputs, constant=len(expansion.inputs) < 2
    )


def _where(expansion: Expansion) -> Operation:
    if len(expansion.inputs) < 2 or expansion.inputs[0].type != "BOOL":
        raise UndecidedError("its condition is not known")
    return expansion.emit("SELECT_V2", *expansion.inputs)


class _Named:
    """A function known by its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def _with_weight(expansion: Expansion, name: str) -> Operation:
    """A function of a tensor and a variable of the layer."""
    op = _ARITHMETIC.get(name)
    tensors = [each for each in expansion.inputs if each.name != WEIGHT]
    is_first = expansion.inputs[0] in tensors
    if len(tensors) == 1 and len(expansion.inputs) == 2:
        if is_first and name in _WEIGHTED and _is_plain(expansion):
            return expansion.weighted(_WEIGHTED[name], tensors[0])
        op = "ADD" if name == "bias_add" and is_first else op
    if op is None or len(tensors) != 1 or len(expansion.inputs) != 2:
        raise UndecidedError(f"{expansion.node.cls} with a weight is not known")
    if op in {"SUB", "DIV"} and not is_first:
        return expansion.emit(op, *tensors)
    result = expansion.emit("MUL" if op == "DIV" else op, *tensors, constant=True)
    result.variable = True
    return result


_WEIGHTED: Mapping[str, str] = {"conv2d": "CONV_2D", "matmul": "FULLY_CONNECTED"}


def _is_plain(expansion: Expansion) -> bool:
    """Whether a product with weights is neither dilated nor transposed, nor of other ranks."""
    unusual = ("dilations", "dilation_rate", "transpose_a", "adjoint_a")
    given = any(expansion.attr(key, None) not in (None, False, 1) for key in unusual)
    ranks = {"conv2d": 4, "matmul": 2}
    last = expansion.node.cls.rpartition(".")[2]
    is_first = str(expansion.attr("data_format", "")).startswith(("NC", "channels_first"))
    return not given and not is_first and expansion.rank() == ranks[last]


def _arithmetic(expansion: Expansion, op: str) -> Operation:
    if len(expansion.inputs) == 2:
        return expansion.emit(op, *expansion.inputs)
    other = next(
        (
            value
            for key, value in expansion.node.attrs.items()
            if key != "name" and isinstance(value, int | float | tuple)
        ),
        UNKNOWN,
    )
    if len(expansion.inputs) != 1 or other is UNKNOWN:
        raise UndecidedError("its operands are not known")
    reverse = "x" in expansion.node.attrs
    if op == "DIV" and not reverse:
        op, other = "MUL", 1 / other if isinstance(other, int | float) and other else other
    if op in {"SUB", "DIV"} and reverse:
        return expansion.emit(op, expansion.inputs[0])
    if isinstance(other, int | float):
        return expansion.emit(op, expansion.inputs[0], scalar=float(other))
    return expansion.emit(op, expansion.inputs[0], constant=True)


def _clip(expansion: Expansion) -> Operation:
    low = expansion.node.attr("clip_value_min", expansion.node.attr("x_min"))
    high = expansion.node.attr("clip_value_max", expansion.node.attr("x_max"))
    x = expansion.inputs[0]
    if low == 0 and high == 6 and expansion.since(2, 15):
        return expansion.emit("RELU6", x, core=False)
    if low == 0:
        return expansion.run("MINIMUM!(x, c) RELU!(_)", x)
    return expansion.run("MINIMUM(x, c) MAXIMUM(_, c)", x)


def _resize(expansion: Expansion) -> Operation:
    method = expansion.attr("method", expansion.attr("interpolation", "bilinear"))
    text = str(getattr(method, "name", method)).rpartition(".")[2].lower()
    kinds = {"bilinear": "RESIZE_BILINEAR", "nearest": "RESIZE_NEAREST_NEIGHBOR"}
    kinds["nearest_neighbor"] = kinds["nearest"]
    if text not in kinds:
        raise UndecidedError(f"resizing by {text}")
    return expansion.emit(kinds[text], expansion.inputs[0])


def _keras_relu(expansion: Expansion) -> Operation:
    attrs = expansion.node.attrs
    if attrs.get("alpha") or attrs.get("negative_slope") or attrs.get("threshold"):
        raise UndecidedError("relu with a slope or a threshold")
    maximum = attrs.get("max_value")
    if maximum is UNKNOWN:
        raise UndecidedError("its maximum is not known")
    if maximum is None:
        return expansion.emit("RELU", expansion.inputs[0], core=False)
    if maximum == 6:
        return expansion.emit("RELU6", expansion.inputs[0], core=False)
    return expansion.run("RELU!(x) MINIMUM!(_, c) RELU!(_)", expansion.inputs[0])


_OTHERS: Mapping[str, Expand] = {
    "norm": _norm,
    "pad": _pad,
    "reshape": _reshape,
    "shape": _shape,
    "pow": _power,
    "cast": _cast,
    "where": _where,
    "resize": _resize,
    **dict.fromkeys(_COMPARISONS, _compare),
}
"""Functions whose ops depend on their arguments."""
