"""Rebuild a quantization-aware trained model in another form of itself, without training.

The other form computes the same function, but lets the converter fuse: its activations stand
elsewhere, a normalization is folded. It is quantized by tfmot like the trained one, gets the
trained weights, and every quantizer in it takes over the range of the trained quantizer *through
which the same values pass*. So the range learned behind a separate ReLU moves to the convolution
that now carries it, wherever tfmot's version at hand puts either quantizer.
"""

from __future__ import annotations

import contextlib
from typing import Any, Sequence

import numpy as np

from .conversion import Examples, quantize_aware
from .layout import annotated
from .loading import BuilderError
from .observing import Observation, observe, quantizers_replaced
from .pairing import Fold, Weighted, carry_over, folded, pairings, weighted_layers

_TOLERANCE = 1e-4
"""Difference of equal tensors, relative to their largest value: float32 sums in another order,
and a normalization folded into weights."""
_UNTRAINED = (-6.0, 6.0)
"""Where tfmot starts its ranges."""


class Merged:
    """A trained model in its other form."""

    def __init__(self, model: Any, notes: list[str], ranges: list[Range]) -> None:
        self.model = model
        """Quantized by tfmot, with the trained weights and ranges: ready for the converter."""
        self.notes = notes
        """What was done besides copying weights, in words."""
        self.ranges = ranges
        """One per quantizer, in order of execution."""


class Range:
    """The range of a quantizer of the merged model, and where it is from."""

    def __init__(self, place: Observation, learned: Observation | None, source: str) -> None:
        self.place = place
        self.learned = learned
        """The trained quantizer it was taken from."""
        self.source = source
        """Its name; `weights` or `data` where the range was computed."""

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest value, over all channels."""
        return _bounds(self.place)

    @property
    def step(self) -> float:
        """Distance of two values that 8 bits can tell apart."""
        low, high = self.bounds
        return (high - low) / 255


def merge(
    trained: Any, fused: Any, examples: Examples, representative: Examples | None = None
) -> Merged:
    """`fused`, a float Keras model, with the weights and ranges of `trained`, a tfmot one.

    `examples` are any inputs: they tell tensors apart. `representative` gives ranges to tensors
    that the trained model has none for. Raises `BuilderError` naming the layer where the two
    don't correspond, and where a range is missing.
    """
    example = _batch(trained, examples)
    expected, learned = observe(trained, example)
    if not learned:
        raise BuilderError("the trained model has no quantizers: it is not from quantize_model")
    _check_trained(learned)
    before = weighted_layers(trained, _variables(learned))
    quantized = _quantized(fused, before)
    _, empty = observe(quantized, example)
    after = weighted_layers(quantized, _variables(empty))
    seen, notes, folds = _transfer(before, after, quantized, example, expected, learned)
    ranges = _take_ranges(seen, learned, quantized, representative)
    _keep_integers(folds, seen, learned)
    return Merged(quantized, notes, ranges)


def _batch(model: Any, examples: Examples) -> list[Any]:
    """All examples as one, unless the model takes them in fixed numbers."""
    if any(tensor.shape[0] is not None for tensor in model.inputs):
        return list(examples[0])
    return [np.concatenate(each, axis=0) for each in zip(*examples)]


def _variables(observations: Sequence[Observation]) -> list[Any]:
    return [variable for each in observations for variable in each.variables.values()]


def _bounds(observation: Observation) -> tuple[float, float]:
    values = [np.asarray(each) for _, each in sorted(observation.variables.items())]
    return float(min(map(np.min, values))), float(max(map(np.max, values)))


def _check_trained(learned: list[Observation]) -> None:
    for each in learned:
        if _bounds(each) == _UNTRAINED:
            raise BuilderError(
                f"'{each.name}' of the trained model still has the range that quantize_model "
                "starts with: train it first, or load the weights of the trained one"
            )


def _quantized(fused: Any, before: list[Weighted]) -> Any:
    """`fused`, quantized as its place in the trained model asks for."""
    import tensorflow_model_optimization as tfmot

    after = weighted_layers(fused, [])
    names: list[str] = []
    with contextlib.suppress(BuilderError):  # as of a layer that tfmot splits
        names = folded(before, after, pairings(before, after)[0])
    with tfmot.quantization.keras.quantize_scope():
        return quantize_aware(annotated(fused, names))


def _transfer(
    before: list[Weighted],
    after: list[Weighted],
    quantized: Any,
    example: Any,
    expected: list[Any],
    learned: list[Observation],
) -> tuple[list[Observation], list[str], list[Fold]]:
    """Carry the weights over in the way in which both then compute the same."""
    failures: list[list[Observation]] = []
    for pairs in pairings(before, after):
        notes, folds = carry_over(before, after, pairs)
        outputs, seen = observe(quantized, example)
        if _same(outputs, expected):
            return seen, notes, folds
        failures.append(seen)
    raise BuilderError(_difference(failures[0], learned))


def _same(outputs: list[Any], expected: list[Any]) -> bool:
    return len(outputs) == len(expected) and all(
        one.shape == other.shape
        and bool(np.all(np.abs(one - other) <= _TOLERANCE * max(float(np.abs(other).max()), 1e-6)))
        for one, other in zip(outputs, expected)
    )


def _difference(seen: list[Observation], learned: list[Observation]) -> str:
    for each in seen:
        if not each.of_weight and not any(other.sees(each, _TOLERANCE) for other in learned):
            return (
                f"BUILDER's model is not the trained one in another form: with the same weights, "
                f"'{each.name}' has values that the trained model computes nowhere"
            )
    return "BUILDER's model is not the trained one in another form: its outputs differ"


def _take_ranges(
    seen: list[Observation],
    learned: list[Observation],
    quantized: Any,
    representative: Examples | None,
) -> list[Range]:
    """Set the range of every quantizer, and say where each is from."""
    found = []
    for each in seen:
        source = _source(each, learned)
        if source is not None:
            for role, variable in each.variables.items():
                variable.assign(np.asarray(source.variables[role]))
            found.append(Range(each, source, source.name))
        elif each.of_weight:
            # As in every step of training.
            each.quantizer(each.weight, True, weights=each.variables)
            found.append(Range(each, None, "weights"))
        else:
            found.append(Range(each, None, "data"))
    missing = [each.place for each in found if each.source == "data"]
    if missing and representative is None:
        names = ", ".join(f"'{each.name}'" for each in missing)
        raise BuilderError(
            f"the trained model learned no range for {names}: give representative data with --data"
        )
    if missing and representative is not None:
        _calibrate(quantized, missing, representative)
    return found


def _keep_integers(folds: list[Fold], seen: list[Observation], learned: list[Observation]) -> None:
    """Let a folded kernel have the quantized values that were trained, times the normalization.

    Where it has a quantizer with a range per channel, the trained range is scaled likewise.
    """
    for fold in folds:
        targets = [each for each in seen if each.weight is fold.kernel]
        for source in (each for each in learned if each.weight is fold.trained):
            if not targets:
                values = source.quantizer(fold.trained, False, weights=source.variables)
                fold.kernel.assign(np.asarray(values) * fold.factors)
            elif tuple(targets[0].variables["min_var"].shape) == fold.scale.shape:
                for role, variable in targets[0].variables.items():
                    variable.assign(np.asarray(source.variables[role]) * np.abs(fold.scale))


def _source(each: Observation, learned: list[Observation]) -> Observation | None:
    """The trained quantizer through which the same values pass.

    Of several in a row (a ReLU6 behind a ReLU) it is the last, whose range holds for what comes
    after; in different places, the one of the same name.
    """
    same = [
        other
        for other in learned
        if other.of_weight == each.of_weight
        and set(other.variables) == set(each.variables)
        and _fits(other, each)
        and each.sees(other, _TOLERANCE)
    ]
    named = [other for other in same if other.name == each.name]
    if each.of_weight and named:
        return named[0]
    return same[-1] if same else None


def _fits(one: Observation, other: Observation) -> bool:
    return all(
        tuple(one.variables[role].shape) == tuple(other.variables[role].shape)
        for role in one.variables
    )


def _calibrate(quantized: Any, missing: list[Observation], representative: Examples) -> None:
    """Give quantizers the smallest and largest value that passes them, the others at work."""
    wanted = {id(each.variables["min_var"]): each.variables for each in missing}
    lows: dict[int, float] = {}
    highs: dict[int, float] = {}

    def replacement(original: Any) -> Any:
        def passing(self: Any, inputs: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
            key = id(weights.get("min_var"))
            if key not in wanted:
                return original(self, inputs, training, weights, **kwargs)
            values = np.asarray(inputs)
            lows[key] = min(lows.get(key, 0.0), float(values.min()))
            highs[key] = max(highs.get(key, 0.0), float(values.max()))
            return inputs

        return passing

    from .conversion import call

    with quantizers_replaced(replacement):
        for example in representative:
            call(quantized, example, training=False)
    for key, variables in wanted.items():
        variables["min_var"].assign(lows[key])
        variables["max_var"].assign(highs[key])
