"""What Keras raises when a layer is constructed that it does not have in this form."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from qlsp.lower.behaviour import Behaviour, Version
from qlsp.lower.keras.classes import has_class
from qlsp.lower.keras.rebuilding import Refusal
from qlsp.trace.graph import Node
from qlsp.trace.keras.data import load
from qlsp.trace.keras.signatures import find

_ONLY_KERAS2: Mapping[str, tuple[str, ...]] = {
    "BatchNormalization": ("fused", "virtual_batch_size", "adjustment"),
}
"""Arguments that Keras 3 does not take any more."""


_SINCE: Mapping[str, Mapping[str, Version]] = {
    "Conv2D": {"groups": (2, 3)},
    **{
        f"Global{kind}Pooling{axes}D": {"keepdims": (2, 6)}
        for kind in ("Average", "Max")
        for axes in (1, 2, 3)
    },
}
"""Arguments by the release whose Keras 2 first takes them."""


def refusal_of_construction(node: Node, behaviour: Behaviour) -> Refusal | None:
    """Why a layer can't be constructed, None if it can."""
    cls = node.cls
    if not has_layer(cls, behaviour):
        package = _package(behaviour)
        return (
            "AttributeError",
            f"module '{package}' has no attribute '{cls}'",
            f"this Keras has no {cls}",
        )
    if behaviour.keras == 2:
        for key, since in _SINCE.get(cls, {}).items():
            if key in node.attrs and behaviour.tensorflow < since:
                message = f"('Keyword argument not understood:', '{key}')"
                return "TypeError", message, f"this Keras knows no `{key}`"
        return None
    gone = {key: node.attrs[key] for key in _ONLY_KERAS2.get(cls, ()) if key in node.attrs}
    if gone:
        message = f"Unrecognized keyword arguments passed to {cls}: {gone}"
        return "ValueError", message, f"Keras 3 has no `{next(iter(gone))}` argument"
    missing = [name for name in _required(cls) if name not in node.attrs]
    if len(missing) == 1 and node.attrs_complete:
        message = f"{cls}.__init__() missing 1 required positional argument: '{missing[0]}'"
        return "TypeError", message, f"Keras 3 wants `{missing[0]}`"
    return None


def has_layer(cls: str, behaviour: Behaviour) -> bool:
    """Whether Keras has a layer class; one that no Keras has is the user's own."""
    if behaviour.keras == 3:
        return cls in _signatures("keras3") or cls not in _signatures("keras2")
    if has_class(cls, behaviour.tensorflow):
        return True
    return cls not in _signatures("keras2") and cls not in _signatures("keras3")


def _package(behaviour: Behaviour) -> str:
    if behaviour.keras == 3:
        return "keras.layers"
    for since, package in _PACKAGES:
        if behaviour.tensorflow >= since:
            return package
    return "tensorflow_core.keras.layers"


_PACKAGES: tuple[tuple[Version, str], ...] = (
    ((2, 15), "tf_keras.layers"),
    ((2, 6), "keras.api._v2.keras.layers"),
    ((2, 2), "tensorflow.keras.layers"),
)


@cache
def _required(cls: str) -> tuple[str, ...]:
    signature = find(cls, "keras3") if cls in _signatures("keras3") else None
    if signature is None:
        return ()
    return tuple(name for name in signature.positional if name not in signature.defaults)


@cache
def _signatures(section: str) -> Mapping[str, str]:
    found: Mapping[str, str] = load(section)["signatures"]
    return found
