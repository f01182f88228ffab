"""What functions and operators on layer tensors are made of, in TFLite ops."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qlsp.lower import activations
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

_PROGRAMS: Mapping[str, str] = {
    "concat": "CONCATENATION",
    "concatenate": "CONCATENATION",
    "reshape": "RESHAPE",
    "reduce_mean": "MEAN",
    "mean": "MEAN",
    "reduce_max": "REDUCE_MAX",
    "max": "REDUCE_MAX",
    "reduce_sum": "SUM",
    "sum": "SUM",
    "pad": "PAD",
    "transpose": "TRANSPOSE",
    "split": "SPLIT",
    "depth_to_space": "DEPTH_TO_SPACE",
    "squeeze": "RESHAPE",
    "expand_dims": "EXPAND_DIMS",
    "getitem": "STRIDED_SLICE",
    "abs": "ABS",
    "sqrt": "SQRT",
    "rsqrt": "RSQRT",
}
"""Functions that are one op on all their tensors."""

_CLIPS = frozenset({"clip_by_value", "clip"})


def expand_function(expansion: Expansion) -> Operation:
    """The op that produces the output of the current op node."""
    symbol = expansion.node.cls
    if expansion.keras == 3 and symbol.startswith("tf.") and not expansion.has_tensors:
        raise RefusedError(
            "build",
            "ValueError",
            "A KerasTensor cannot be used as input to a TensorFlow function.",
            "Keras 3 takes no TensorFlow functions, but within a layer",
        )
    name = symbol.rpartition(".")[2]
    if any(each.name == WEIGHT for each in expansion.inputs):
        return _with_weight(expansion, _ARITHMETIC.get(name))
    if name in _ARITHMETIC:
        return _arithmetic(expansion, _ARITHMETIC[name])
    if name in _CLIPS:
        return _clip(expansion)
    if name in _PROGRAMS:
        return expansion.emit(_PROGRAMS[name], *expansion.inputs)
    if name == "resize":
        return _resize(expansion)
    if name == "relu" and expansion.node.attrs.keys() & {"max_value", "alpha", "threshold"}:
        return _keras_relu(expansion)
    if activations.function_name(_Named(symbol)) in activations.PROGRAMS:
        return expansion.function(expansion.inputs[0], _Named(symbol))
    raise UndecidedError(f"nothing is known about {symbol}")


class _Named:
    """A function known by its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def _with_weight(expansion: Expansion, op: str | None) -> Operation:
    """Arithmetic of a tensor and a variable of the layer."""
    tensors = [each for each in expansion.inputs if each.name != WEIGHT]
    if op is None or len(tensors) != 1 or len(expansion.inputs) != 2:
        raise UndecidedError(f"{expansion.node.cls} with a weight is not known")
    is_first = expansion.inputs[0] is tensors[0]
    if op in {"SUB", "DIV"} and not is_first:
        return expansion.emit(op, *tensors)
    result = expansion.emit("MUL" if op == "DIV" else op, *tensors, constant=True)
    result.variable = True
    return result


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
