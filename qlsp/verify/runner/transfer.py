"""The same weights and inputs in two builds of a model, and whether they compute the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import numpy as np

from . import provenance
from .conversion import call
from .data import weight_role
from .layers import all_layers, own_weights
from .loading import BuilderError

Message = Dict[str, Any]
Signature = List[Tuple[str, Tuple[int, ...]]]
"""Role and shape of each weight of a layer."""


class Weighted:
    """A layer that owns weights."""

    def __init__(self, name: str, cls: str, signature: Signature) -> None:
        self.name = name
        self.cls = cls
        self.signature = [(role, tuple(shape)) for role, shape in signature]

    def __str__(self) -> str:
        shapes = ", ".join(f"{role} {list(shape)}" for role, shape in self.signature)
        return f"'{self.name}' ({self.cls}: {shapes})"


def save(model: Any, examples: list[list[Any]], file: Path) -> Message:
    """Write the weights, the inputs and the model's outputs on them to `file`.

    Returns what `transfer` needs besides.
    """
    arrays: dict[str, Any] = {}
    layers = []
    for position, layer in enumerate(_weighted(model)):
        weights = own_weights(layer)
        layers.append([layer.name, type(layer).__name__, _signature(weights)])
        for number, weight in enumerate(weights):
            arrays[f"weight/{position}/{number}"] = np.asarray(weight)
    outputs = [_outputs(model, example) for example in examples]
    for number, example in enumerate(examples):
        arrays.update({f"input/{number}/{index}": each for index, each in enumerate(example)})
        arrays.update(
            {f"output/{number}/{index}": each for index, each in enumerate(outputs[number])}
        )
    with file.open("wb") as stream:
        np.savez(stream, **arrays)
    return {"layers": layers, "examples": len(examples), "outputs": len(outputs[0])}


def transfer(model: Any, saved: Message, file: Path) -> None:
    """Set the model's weights to those saved. Raises `BuilderError` naming the layer that lacks
    a counterpart on either side: no weight is skipped.
    """
    arrays = np.load(str(file))
    targets = list(_weighted(model))
    before = [Weighted(*layer) for layer in saved["layers"]]
    after = [
        Weighted(layer.name, type(layer).__name__, _signature(own_weights(layer)))
        for layer in targets
    ]
    for source, target in match(before, after):
        for number, weight in enumerate(own_weights(targets[target])):
            weight.assign(arrays[f"weight/{source}/{number}"])


def match(before: list[Weighted], after: list[Weighted]) -> list[tuple[int, int]]:
    """Pairs of positions: by name and class, the rest by order within their class.

    Raises `BuilderError` unless every layer has exactly one counterpart, of equal shapes.
    """
    left = dict(enumerate(after))
    unpaired = []
    pairs = []
    for position, layer in enumerate(before):
        same = [
            number
            for number, other in left.items()
            if (other.name, other.cls) == (layer.name, layer.cls)
        ]
        if len(same) == 1 and left[same[0]].signature == layer.signature:
            pairs.append((position, same[0]))
            del left[same[0]]
        else:
            unpaired.append(position)
    for position in unpaired:
        layer = before[position]
        number = next((each for each, other in left.items() if other.cls == layer.cls), None)
        if number is None:
            raise BuilderError(f"the weights of layer {layer} have no place in the other model")
        if left[number].signature != layer.signature:
            raise BuilderError(f"the weights of layer {layer} don't fit layer {left[number]}")
        pairs.append((position, number))
        del left[number]
    if left:
        missing = next(iter(left.values()))
        raise BuilderError(f"layer {missing} gets no weights from the other model")
    return pairs


def compare(model: Any, saved: Message, file: Path) -> list[Message]:
    """Per output how far the model is from the outputs saved, on the inputs saved."""
    arrays = np.load(str(file))
    inputs = len({name for name in arrays.files if name.startswith("input/0/")})
    found: list[Message] = []
    for number in range(saved["examples"]):
        example = [arrays[f"input/{number}/{index}"] for index in range(inputs)]
        outputs = _outputs(model, example)
        if len(outputs) != saved["outputs"]:
            raise BuilderError(
                f"the models have {saved['outputs']} and {len(outputs)} outputs: not comparable"
            )
        for index, output in enumerate(outputs):
            expected = arrays[f"output/{number}/{index}"]
            if expected.shape != output.shape:
                raise BuilderError(
                    f"output {index} has shape {list(expected.shape)} in one model and "
                    f"{list(output.shape)} in the other: not comparable"
                )
            if number == 0:
                found.append({"difference": 0.0, "magnitude": 0.0})
            difference = np.abs(expected.astype("float64") - output.astype("float64"))
            _raise_to(found[index], "difference", difference)
            _raise_to(found[index], "magnitude", np.abs(expected))
    return found


def _raise_to(found: Message, key: str, values: Any) -> None:
    # NaN counts as infinitely far: a comparison must not pass on it.
    largest = float(np.max(values)) if values.size else 0.0
    found[key] = max(found[key], float("inf") if np.isnan(largest) else largest)


def _weighted(model: Any) -> list[Any]:
    """Layers that own weights, in order of construction."""
    layers = {id(layer): layer for layer in all_layers(model) if own_weights(layer)}
    return sorted(layers.values(), key=provenance.order_of)


def _signature(weights: list[Any]) -> Signature:
    return [(weight_role(weight), tuple(int(size) for size in weight.shape)) for weight in weights]


def _outputs(model: Any, example: list[Any]) -> list[Any]:
    import tensorflow as tf

    return [np.asarray(output) for output in tf.nest.flatten(call(model, example))]
