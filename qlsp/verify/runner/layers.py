"""The tree of layers within a model, for Keras 2 and 3."""

from __future__ import annotations

from typing import Any, Iterator


def children(layer: Any) -> Iterator[Any]:
    """The layers directly within `layer`, those held in lists and dictionaries included."""
    if hasattr(layer, "_flatten_layers"):
        yield from layer._flatten_layers(recursive=False, include_self=False)
        return
    for item in getattr(layer, "_layers", ()):  # before TF 2.3
        if hasattr(item, "inbound_nodes"):
            yield item
        else:
            yield from getattr(item, "layers", ())


def own_weights(layer: Any) -> list[Any]:
    """The weights that belong to `layer` itself, not to a layer within it."""
    inner = {id(weight) for child in children(layer) for weight in child.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


def all_layers(layer: Any) -> Iterator[Any]:
    """`layer` and every layer within it, parents first."""
    yield layer
    for child in children(layer):
        yield from all_layers(child)
