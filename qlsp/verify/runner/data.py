"""Weights as after training and inputs to calibrate with, from a fixed seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Sequence

import numpy as np

from .layers import all_layers
from .loading import BuilderError

_CONSTANT_AT_FIRST = {
    "gamma": (0.5, 1.5),
    "beta": (-0.5, 0.5),
    "moving_mean": (-0.5, 0.5),
    "moving_variance": (0.5, 2.0),
    "mean": (-0.5, 0.5),
    "variance": (0.5, 2.0),
    "bias": (-0.3, 0.3),
    "recurrent_bias": (-0.3, 0.3),
    "alpha": (0.05, 0.3),
}
"""Weights that Keras starts at all zeros or ones, and a range of values as after training."""

_DYNAMIC = 32
"""Size given to a dynamic axis other than the batch."""


def seed_everything(seed: int = 0) -> None:
    """Make weight initialisation reproducible."""
    import tensorflow as tf

    random.seed(seed)
    np.random.seed(seed)
    tf.compat.v2.random.set_seed(seed)


def randomize(model: Any, seed: int = 0) -> list[str]:
    """Move weights that are still at their initial constants to values as after training.

    Keras starts biases, BatchNormalization and PReLU at zeros and ones, with which the
    converter drops operations that a trained model keeps (a zero beta removes the ADD behind a
    MUL). Weights that differ from their initial constants, trained ones above all, are left
    alone. Returns the names of the weights set.
    """
    generator = np.random.RandomState(seed)
    changed = []
    for weight in model.weights:
        low_high = _CONSTANT_AT_FIRST.get(weight_role(weight))
        if low_high is None:
            continue
        value = np.asarray(weight.numpy() if hasattr(weight, "numpy") else weight)
        if value.dtype.kind == "f" and np.isin(value, (0.0, 1.0)).all():
            weight.assign(generator.uniform(*low_high, size=value.shape).astype(value.dtype))
            changed.append(str(weight.name))
    for layer in all_layers(model):
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()  # Normalization computes with copies of its weights
    return changed


def weight_role(weight: Any) -> str:
    """What a weight is within its layer: `kernel`, `gamma`, ...; Keras 2 and 3."""
    return str(weight.name).split("/")[-1].split(":")[0]


@dataclass
class InputSpec:
    """A model input."""

    name: str
    shape: tuple[int | None, ...]
    """Batch axis included; None for dynamic axes."""
    dtype: str
    high: int = 2
    """Integer inputs are drawn below this: the smallest vocabulary they index."""


def input_specs(
    model: Any, shapes: Sequence[Sequence[int | None]] | None = None
) -> list[InputSpec]:
    """The inputs of a model. Raises `BuilderError` where their shapes are not known.

    `shapes` tells them for a subclassed model that was never called.
    """
    sizes = [layer.input_dim for layer in all_layers(model) if hasattr(layer, "input_dim")]
    high = min([size for size in sizes if isinstance(size, int)] or [2])
    tensors = shapes or getattr(model, "inputs", None) or _called_with(model)
    if not tensors:
        raise BuilderError(
            "the model's input shapes are not known; call it in the builder, "
            "or give them with --input, e.g. --input 1,96,96,3"
        )
    return [
        InputSpec(
            str(getattr(tensor, "name", None) or f"input_{number}").split(":")[0],
            tuple(None if size is None else int(size) for size in getattr(tensor, "shape", tensor)),
            _dtype(tensor),
            high,
        )
        for number, tensor in enumerate(tensors)
    ]


def _dtype(tensor: Any) -> str:
    dtype = getattr(tensor, "dtype", "float32")
    return str(getattr(dtype, "name", dtype))


def _called_with(model: Any) -> list[Any]:
    """What a subclassed model was called on or built for, so far as Keras remembers."""
    import tensorflow as tf

    spec = getattr(model, "_saved_model_inputs_spec", None)  # Keras 2, once called
    if spec is not None:
        return list(tf.nest.flatten(spec))
    shapes = getattr(model, "_build_input_shape", None)  # Keras 2, after build(shape)
    if shapes is None:
        known = getattr(model, "_build_shapes_dict", None) or {}  # Keras 3
        shapes = next(iter(known.values())) if len(known) == 1 else None
    if shapes is None:
        return []
    if isinstance(shapes, dict):
        return list(shapes.values())
    shapes = list(shapes)
    return shapes if shapes and not isinstance(shapes[0], (int, type(None))) else [shapes]


def sample(specs: Sequence[InputSpec], count: int = 4, seed: int = 0) -> list[list[Any]]:
    """`count` random examples (batch 1), each a list with one array per input."""
    generator = np.random.RandomState(seed)
    return [[_array(spec, generator) for spec in specs] for _ in range(count)]


def _array(spec: InputSpec, generator: Any) -> Any:
    shape = [
        size if size is not None else (1 if axis == 0 else _DYNAMIC)
        for axis, size in enumerate(spec.shape)
    ]
    kind = array_type(spec)
    if kind == "bool":
        return generator.uniform(size=shape) < 0.5
    if kind.startswith(("int", "uint")):
        return generator.randint(0, max(spec.high, 1), size=shape).astype(kind)
    if kind.startswith("float"):
        return generator.normal(size=shape).astype(kind)
    raise BuilderError(
        f"input '{spec.name}' is of type {spec.dtype}, and examples can only be made of numbers: "
        "let the builder leave the preprocessing out"
    )


def array_type(spec: InputSpec) -> str:
    """The type of arrays for an input; any float is made of 32 bits."""
    return "float32" if spec.dtype.startswith(("float", "bfloat")) else spec.dtype
