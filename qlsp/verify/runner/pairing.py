"""Which layer of one quantized model is which of another, and its weights carried over.

Two forms of one model differ in their activations and at most in BatchNormalization: where a
trained one is missing from the other form it is folded into the layer before it, and where the
other form has one more it becomes the identity. Everything else must have its counterpart.
"""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Tuple

import numpy as np

from .data import weight_role
from .layers import all_layers, children
from .loading import BuilderError

Pairs = List[Tuple[Optional[int], Optional[int]]]
"""Positions in both lists of layers; None where one has no counterpart."""

_NORMALIZATIONS = {"BatchNormalization", "SyncBatchNormalization"}
_KERNELS = {
    "Conv1D": "kernel",
    "Conv2D": "kernel",
    "Conv3D": "kernel",
    "Dense": "kernel",
    "DepthwiseConv2D": "depthwise_kernel",
}
"""Layers that take a normalization in, and the weight that it is multiplied into."""


class Fold:
    """A normalization that was multiplied into a kernel."""

    def __init__(self, trained: Any, kernel: Any, scale: Any, factors: Any) -> None:
        self.trained = trained
        """The trained kernel's variable."""
        self.kernel = kernel
        """That of the kernel it became."""
        self.scale = scale
        """Per output channel."""
        self.factors = factors
        """The same in a shape that the kernel can be multiplied with."""


class Weighted:
    """A layer with weights, by role; those of quantizers left out."""

    def __init__(self, layer: Any, weights: dict[str, Any]) -> None:
        inner = getattr(layer, "layer", layer)
        self.layer = layer
        self.name = str(inner.name)
        self.cls = type(inner).__name__
        self.inner = inner
        self.weights = weights

    @property
    def key(self) -> Any:
        """What the counterpart has too: a bias may be missing in one, as zero is one too."""
        shapes = sorted(
            (role, tuple(weight.shape)) for role, weight in self.weights.items() if role != "bias"
        )
        if self.cls in _NORMALIZATIONS:
            return "BatchNormalization", int(self.weights["moving_mean"].shape[0])
        return self.cls, tuple(shapes)

    def __str__(self) -> str:
        shapes = ", ".join(f"{role} {list(each.shape)}" for role, each in self.weights.items())
        return f"'{self.name}' ({self.cls}: {shapes})"


def weighted_layers(model: Any, ranges: Iterable[Any]) -> list[Weighted]:
    """The layers of a quantized model that have weights besides `ranges`, in their order."""
    taken = {id(variable) for variable in ranges}
    found = []
    for layer in all_layers(model):
        if layer is model or (list(children(layer)) and not hasattr(layer, "quantize_config")):
            continue
        weights: dict[str, Any] = {}
        for weight in layer.weights:
            role = weight_role(weight)
            if id(weight) in taken or role == "optimizer_step":
                continue
            taken.add(id(weight))
            if role in weights:
                role = str(weight.name)
            weights[role] = weight
        if weights:
            found.append(Weighted(layer, weights))
    return found


def pairings(before: list[Weighted], after: list[Weighted]) -> list[Pairs]:
    """The ways in which the layers may correspond, most likely first.

    Raises `BuilderError` naming a layer that has no counterpart in any of them.
    """
    ways = [_by_name(before, after), _in_order(before, after)]
    errors = [_left_over(before, after, pairs) for pairs in ways]
    good = [pairs for pairs, error in zip(ways, errors) if error is None]
    if not good:
        raise BuilderError(errors[1])
    return good if good[0] != good[-1] else good[:1]


def _by_name(before: list[Weighted], after: list[Weighted]) -> Pairs:
    there = {(each.name, each.key): position for position, each in enumerate(after)}
    pairs: Pairs = [
        (position, there.pop((each.name, each.key), None)) for position, each in enumerate(before)
    ]
    return pairs + [(None, position) for position in there.values()]


def _in_order(before: list[Weighted], after: list[Weighted]) -> Pairs:
    """The longest common subsequence of like layers."""
    length = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for first in reversed(range(len(before))):
        for second in reversed(range(len(after))):
            length[first][second] = (
                length[first + 1][second + 1] + 1
                if before[first].key == after[second].key
                else max(length[first + 1][second], length[first][second + 1])
            )
    pairs: Pairs = []
    first = second = 0
    while first < len(before) or second < len(after):
        both = first < len(before) and second < len(after)
        if both and before[first].key == after[second].key:
            pairs.append((first, second))
            first, second = first + 1, second + 1
        elif second == len(after) or (
            first < len(before) and length[first + 1][second] >= length[first][second + 1]
        ):
            pairs.append((first, None))
            first += 1
        else:
            pairs.append((None, second))
            second += 1
    return pairs


def _left_over(before: list[Weighted], after: list[Weighted], pairs: Pairs) -> str | None:
    """What keeps the pairs from being a correspondence; None if nothing does."""
    for first, second in pairs:
        if second is None and first is not None and before[first].cls not in _NORMALIZATIONS:
            return f"layer {before[first]} of the trained model has no place in BUILDER's"
    for first, second in pairs:
        if first is None and second is not None and after[second].cls not in _NORMALIZATIONS:
            return f"layer {after[second]} of BUILDER's model has no like in the trained model"
    return None


def folded(before: list[Weighted], after: list[Weighted], pairs: Pairs) -> list[str]:
    """Names of the layers of `after` that take in a normalization of `before`."""
    counterparts = {
        id(before[first].layer): after[second].name
        for first, second in pairs
        if first is not None and second is not None
    }
    producers = [
        _producer(before[first].layer)
        for first, second in pairs
        if first is not None and second is None
    ]
    return [counterparts[id(each)] for each in producers if id(each) in counterparts]


def carry_over(
    before: list[Weighted], after: list[Weighted], pairs: Pairs
) -> tuple[list[str], list[Fold]]:
    """Set the weights of `after`. Returns what was done beyond copying, in words, and the folds.

    Raises `BuilderError` naming a layer whose weights can't be placed.
    """
    notes = []
    folds = []
    copies: dict[int, tuple[Weighted, Weighted]] = {}
    for first, second in pairs:
        if first is not None and second is not None:
            notes += _copy(before[first], after[second])
            copies[id(before[first].layer)] = before[first], after[second]
    for first, second in pairs:
        if first is not None and second is None:
            note, fold = _fold(before[first], copies)
            notes.append(note)
            folds.append(fold)
        elif first is None and second is not None:
            notes.append(_identity(after[second]))
    return notes, folds


def _copy(source: Weighted, target: Weighted) -> list[str]:
    missing = set(source.weights) - set(target.weights)
    if source.cls in _NORMALIZATIONS:
        _normalize(target, *_statistics(source))
        return []
    if missing:
        raise BuilderError(
            f"layer {target} has no place for the trained {', '.join(sorted(missing))}"
        )
    for role, weight in target.weights.items():
        if role in source.weights:
            weight.assign(np.asarray(source.weights[role]))
        else:
            weight.assign(np.zeros(tuple(weight.shape), "float32"))
    added = [role for role in target.weights if role not in source.weights]
    return [f"{target.name}: {', '.join(added)} set to zero, as there was none"] if added else []


def _fold(source: Weighted, copies: dict[int, tuple[Weighted, Weighted]]) -> tuple[str, Fold]:
    """Multiply a normalization into the layer before it."""
    producer, target = copies.get(id(_producer(source.layer)), (source, source))
    if target.cls not in _KERNELS:
        raise BuilderError(
            f"layer {source} of the trained model has no place in BUILDER's, and there is no "
            "convolution or Dense directly before it to fold it into"
        )
    if "bias" not in target.weights:
        raise BuilderError(
            f"layer {target} needs a bias (use_bias=True) to take in the trained {source}"
        )
    gamma, beta, mean, variance = _statistics(source)
    scale = gamma / np.sqrt(variance + source.inner.epsilon)
    kernel = target.weights[_KERNELS[target.cls]]
    factors = scale.reshape(kernel.shape[-2:]) if target.cls == "DepthwiseConv2D" else scale
    kernel.assign(np.asarray(kernel) * factors)
    bias = target.weights["bias"]
    bias.assign((np.asarray(bias) - mean) * scale + beta)
    fold = Fold(producer.weights[_KERNELS[producer.cls]], kernel, scale, factors)
    return f"{source.name}: folded into {target.name}", fold


def _producer(layer: Any) -> Any:
    node = layer._inbound_nodes[0]
    layers = node.inbound_layers
    return layers[0] if isinstance(layers, (list, tuple)) else layers


def _statistics(layer: Weighted) -> tuple[Any, Any, Any, Any]:
    """Gamma, beta, mean and variance of a normalization, those left out included."""
    mean = np.asarray(layer.weights["moving_mean"])
    found = {role: np.asarray(weight) for role, weight in layer.weights.items()}
    return (
        found.get("gamma", np.ones_like(mean)),
        found.get("beta", np.zeros_like(mean)),
        mean,
        found["moving_variance"],
    )


def _identity(target: Weighted) -> str:
    mean = np.zeros(tuple(target.weights["moving_mean"].shape), "float32")
    _normalize(target, np.ones_like(mean), mean, mean, np.ones_like(mean) - target.inner.epsilon)
    return f"{target.name}: set to the identity, as the trained model has none there"


def _normalize(target: Weighted, gamma: Any, beta: Any, mean: Any, variance: Any) -> None:
    """Give a normalization these values. Raises `BuilderError` if it lacks what they need."""
    values = {"gamma": gamma, "beta": beta, "moving_mean": mean, "moving_variance": variance}
    neutral = {"gamma": 1.0, "beta": 0.0}
    for role, value in values.items():
        if role in target.weights:
            target.weights[role].assign(value)
        elif not np.all(value == neutral[role]):
            raise BuilderError(f"layer {target} has no place for the trained {role}")
