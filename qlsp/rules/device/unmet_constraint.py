"""QL502 unmet-device-constraint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from qlsp.lower import Outcome
from qlsp.rules.consequence import Fate, consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule
from qlsp.trace.graph import Node

_DEVICES = ("ethos-u55", "ethos-u65")
_MOST_STRIDE = 3
_MOST_AVERAGED = 8
_SCALES = frozenset({2, 4, 8})


class UnmetDeviceConstraint(Rule):
    """A layer's operator is one that the NPU runs, but not with these arguments.

    ## What it does
    With `device = "ethos-u55"` or `"ethos-u65"`, finds layers whose strides, windows or factors
    are outside of what the NPU's operator takes.

    ## Why it matters
    Vela leaves such an operator to the processor and cuts the model in two there, as it does
    with one that the NPU does not run at all. From Vela 5.2.0 (`vela --supported-ops-report`):

    | layer | the NPU takes |
    |---|---|
    | `Conv2D` | strides up to 3; more with valid padding and no dilation |
    | `DepthwiseConv2D` | strides up to 3 |
    | `AveragePooling2D(padding="same")` | windows up to 8 by 8 |
    | `Conv2DTranspose` | strides of 1 and 2 |
    | `UpSampling2D` | factors of 2, 4, 8, the same in both directions unless one is of size 1 |
    | `UpSampling2D(interpolation="bilinear")` | a factor of 2 in both directions (half pixels) |

    Seen so in Vela's summary for `ethos-u55-128`, and of `UpSampling2D` for `ethos-u65-256` too,
    where each of them is a "CPU operator" when the limit is exceeded, and none within it.

    ## How to fix it
    Two layers with smaller strides or factors in place of one.

    ## When it does not apply
    To other devices, and to arguments that the source does not decide.

    ## References
    - [Vela](https://pypi.org/project/ethos-u-vela/)
    """

    code = "QL502"
    name = "unmet-device-constraint"
    applicability = None
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "a bilinear factor of four",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.UpSampling2D(4, interpolation="bilinear")(x)
            """,
            workflows=("ptq",),
            device="ethos-u55",
        ),
        Case(
            "a factor in one direction",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.UpSampling2D((2, 1))(x)
            """,
            workflows=("ptq",),
            device="ethos-u55",
        ),
    )
    good = (
        Case(
            "twice a factor of two",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.UpSampling2D(2, interpolation="bilinear")(x)
            x = layers.UpSampling2D(2, interpolation="bilinear")(x)
            """,
            workflows=("ptq",),
            device="ethos-u55",
        ),
        Case(
            "a single column, which stays one",
            """
            import tensorflow as tf
            from tensorflow.keras import layers

            inputs = layers.Input((64, 1, 8), batch_size=1)
            x = layers.Conv2D(8, (3, 1))(inputs)
            x = layers.UpSampling2D((2, 1))(x)
            model = tf.keras.Model(inputs, x)
            """,
            workflows=("ptq",),
            device="ethos-u55",
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer whose arguments break one of the constraints."""
        if model.device is None or not model.device.startswith(_DEVICES):
            return
        for node in model.flat.nodes:
            check = _CHECKS.get(node.cls) if node.kind == "layer" else None
            broken = None if check is None else check(node)
            if broken is None:
                continue
            found = consequence(_kept(model, node, broken[0]))
            if found is not None:
                message = f"{node.cls} is left to the processor, as {broken[1]}: {found.text}"
                yield Finding(node, message, found)


def _kept(model: LoweredGraph, node: Node, operator: str) -> Fate:
    """What becomes of a layer, as if its one operator were too much."""
    found = {}
    for cell, layer in model.fate(node).items():
        ops = tuple(op for op in layer.ops if op.name == operator and op.type == "INT8")
        outcome = Outcome.EXTRA_OPS if ops else Outcome.OWN_OP
        found[cell] = layer._replace(outcome=outcome, ops=ops)
    return found


Broken = tuple[str, str] | None
"""The operator, and why the NPU does not take it."""


def _conv(node: Node) -> Broken:
    strides, dilation = _pair(node, "strides", 1), _pair(node, "dilation_rate", 1)
    if strides is None or dilation is None or max(strides) <= _MOST_STRIDE:
        return None
    if dilation == (1, 1) and node.attr("padding", "valid") != "same":
        return None
    size = _pair(node, "kernel_size", 1)
    if size is None or max(size) <= max(strides):
        return None  # padding may turn out to be none
    return "CONV_2D", f"strides beyond {_MOST_STRIDE} need valid padding and no dilation"


def _depthwise(node: Node) -> Broken:
    strides = _pair(node, "strides", 1)
    if strides is None or max(strides) <= _MOST_STRIDE:
        return None
    return "DEPTHWISE_CONV_2D", f"its strides are beyond {_MOST_STRIDE}"


def _average(node: Node) -> Broken:
    size = _pair(node, "pool_size", 2)
    if size is None or node.attr("padding", "valid") != "same" or max(size) <= _MOST_AVERAGED:
        return None
    return "AVERAGE_POOL_2D", f"windows beyond {_MOST_AVERAGED} need valid padding"


def _transposed(node: Node) -> Broken:
    strides = _pair(node, "strides", 1)
    if strides is None or strides in {(1, 1), (2, 2)} or 1 in strides:
        return None
    return "TRANSPOSE_CONV", "its strides are beyond 2"


def _upsampling(node: Node) -> Broken:
    size = _pair(node, "size", 2)
    if size is None or size == (1, 1):
        return None
    if node.attr("interpolation", "nearest") == "bilinear":
        other = "it enlarges by another factor than 2 in both directions"
        return None if size == (2, 2) else ("RESIZE_BILINEAR", other)
    operator = "RESIZE_NEAREST_NEIGHBOR"
    if max(size) not in _SCALES:
        return operator, "it enlarges by another factor than 2, 4 or 8"
    if size[0] == size[1]:
        return None
    if 1 not in size:
        return operator, "it enlarges the two directions by different factors"
    # A single row or column may keep its size.
    kept = None if node.shape is None else node.shape[1 + size.index(1)]
    return None if kept in (None, 1) else (operator, "it enlarges one direction alone")


_CHECKS: dict[str, Callable[[Node], Broken]] = {
    "AveragePooling2D": _average,
    "Conv2D": _conv,
    "Conv2DTranspose": _transposed,
    "DepthwiseConv2D": _depthwise,
    "UpSampling2D": _upsampling,
}


def _pair(node: Node, key: str, default: int) -> tuple[int, int] | None:
    """Two numbers that are given as one or as two; None if they are not decided."""
    value = node.attr(key, default)
    if isinstance(value, int):
        return value, value
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int) for v in value):
        return value[0], value[1]
    return None
