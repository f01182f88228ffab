"""What Keras 2 raises when it builds a model again from its layers' configurations.

`quantize_model` does that several times. Functions on tensors (`TFOpLambda` layers) then get
lists instead of tensors, which some of them don't take; Lambda layers are not read at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from qlsp.lower.behaviour import Behaviour, Version
from qlsp.lower.names import OP_LAMBDAS, function_names
from qlsp.trace.graph import LayerGraph, Node

Refusal = tuple[str, str, str]
"""Type and message of an exception, and the reason in a few words."""

_LAMBDA_SINCE: Version = (2, 13)
_LAMBDA = "Requested the deserialization of a Lambda layer with a Python `lambda` inside it."


@dataclass(frozen=True, slots=True)
class _Failure:
    """How a function fails; `{rank}` is that of its input, `{more}` that of a list of it."""

    type: str
    message: str


_FUNCTIONS: Mapping[str, _Failure] = {
    "tf.__operators__.add": _Failure("AttributeError", "'list' object has no attribute 'dtype'"),
    "tf.image.resize": _Failure("ValueError", "'images' must have either 3 or 4 dimensions."),
    "tf.nn.depth_to_space": _Failure("ValueError", "Shape must be rank 4 but is rank {more} for"),
    "tf.compat.v1.pad": _Failure("ValueError", "Shape must be rank {rank} but is rank {more} for"),
    "tf.compat.v1.transpose": _Failure("ValueError", "Dimension must be {more} but is {rank} for"),
}
"""By the name that Keras gives the function."""


def refusal_of_lambda(tensorflow: Version) -> Refusal | None:
    """What a Lambda layer with a Python lambda raises."""
    if tensorflow < _LAMBDA_SINCE:
        return None
    return "ValueError", _LAMBDA, "Keras does not copy Lambda layers"


_KEYWORDS: Mapping[str, str] = {
    "MultiHeadAttention": "value",
    "tf.__operators__.add": "y",
    "tf.__operators__.getitem": "slice_spec",
    "tf.clip_by_value": "clip_value_min",
    "tf.compat.v1.pad": "paddings",
    "tf.compat.v1.transpose": "perm",
    "tf.concat": "axis",
    "tf.expand_dims": "axis",
    "tf.image.resize": "size",
    "tf.math.add": "y",
    "tf.math.multiply": "y",
    "tf.math.reduce_mean": "axis",
    "tf.math.subtract": "y",
    "tf.math.truediv": "y",
    "tf.nn.depth_to_space": "block_size",
    "tf.nn.relu": "name",
    "tf.reshape": "shape",
    "tf.split": "num_or_size_splits",
}
"""The argument that a function or layer is called with by name, besides its tensor."""

_STACKING: Mapping[str, tuple[int, Version]] = {
    "tf.math.multiply": (2, (2, 21)),
    "tf.math.sign": (1, (2, 5)),
}
"""Functions that take a list of a tensor for one tensor: with how many tensors, and the first
release that was measured (the first one with RegNetY)."""

_TAKES_KEYWORDS = (0, 6)
"""From this tfmot on, its wrapper hands on arguments by name."""

_NAMES_LAYER: Version = (2, 6)
"""From this TensorFlow on, Keras says which layer an exception came from."""


def refusal_of_function(node: Node, graph: LayerGraph, behaviour: Behaviour) -> Refusal | None:
    """What a function on tensors, or a layer called like one, raises; None if nothing."""
    if node.kind == "layer":
        names: tuple[str, ...] = (node.cls,) if node.cls in _KEYWORDS else ()
    else:
        names = function_names(node) if node.kind == "op" else ()
    if not names or behaviour.tensorflow < OP_LAMBDAS:
        return None
    shape = graph.nodes[node.inputs[0]].shape if node.inputs else None
    rank = 4 if shape is None else len(shape)
    tfmot = tuple(map(int, (behaviour.tfmot or "99.0").split(".")[:2]))
    for name in names:
        if tfmot < _TAKES_KEYWORDS and name in _KEYWORDS:
            message = (
                "in user code: TypeError: tf__call() got an unexpected keyword argument "
                f"'{_KEYWORDS[name]}'"
            )
            return "TypeError", message, "tfmot does not hand on its arguments"
        failure = _FUNCTIONS.get(name)
        if failure is not None:
            message = failure.message.format(rank=rank, more=rank + 1)
            if behaviour.tensorflow >= _NAMES_LAYER:
                where = f'Exception encountered when calling layer "{name}" (type TFOpLambda).'
                message = f"{where} {message}"
            return failure.type, message, "tfmot can't build this function again"
    return None


def refusals_of_stacks(
    graph: LayerGraph, names: Mapping[int, str], behaviour: Behaviour
) -> Iterator[tuple[Node, Refusal]]:
    """What batch normalization raises behind `x * y` and `tf.sign(x)`.

    These functions take a list of a tensor for a tensor with an axis more. Convolutions and
    activations do not mind; the fused batch normalization does.
    """
    stacks: set[int] = set()
    stacking = {
        (name, tensors)
        for name, (tensors, since) in _STACKING.items()
        if behaviour.tensorflow >= since
    }
    for node in graph.nodes if stacking else ():
        if node.kind == "op":
            if any((name, len(node.inputs)) in stacking for name in function_names(node)):
                stacks.add(node.index)
        elif node.kind == "layer" and not stacks.isdisjoint(node.inputs):
            stacks.add(node.index)
            if node.cls == "BatchNormalization" and node.shape is not None and len(node.shape) == 4:
                message = "Shape must be rank 4 but is rank 5"
                if behaviour.tensorflow >= _NAMES_LAYER:
                    where = f'Exception encountered when calling layer "{names[node.index]}"'
                    message = f"{where} (type BatchNormalization). {message}"
                yield node, ("ValueError", message, "tfmot hands a function before it a list")
                return
