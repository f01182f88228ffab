"""A trained model and the merged one, both converted and run on the same inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Sequence

import numpy as np

from .conversion import Examples, call, convert_quantized, input_names, quantize_aware
from .data import input_specs
from .describe import aliases
from .examples import load_examples
from .fidelity import matching
from .interpreted import Interpreted
from .loading import BuilderError
from .merging import Merged, merge
from .observing import outputs_of, quantizers_replaced

Message = Dict[str, Any]

_STEP = 1.001
"""Outputs are whole steps apart, up to the rounding of floats."""


def restore(model: Any, weights: str) -> Any:
    """`model` as `quantize_model` rewrites it, with the trained weights in a file.

    Raises `BuilderError` if not every weight finds its place.
    """
    quantized = quantize_aware(model)
    name = Path(weights).name
    try:
        status = quantized.load_weights(weights)
        if hasattr(status, "assert_existing_objects_matched"):  # a checkpoint's
            status.assert_existing_objects_matched()
    except Exception as error:
        raise BuilderError(
            f"{name}: not the weights of the builder's model after quantize_model: "
            + " ".join(str(error).split())[:300]
        ) from None
    return quantized


def merge_and_compare(
    trained: Any, fused: Any, examples: Examples, data: str | None, folder: Path
) -> Message:
    """Merge, convert the trained and the merged model, and run both on the same inputs.

    With the files of both models: how far their outputs are apart, in steps of the output's
    quantization; that of the trained model is also computed by Keras, as it was in training.
    """
    representative = None if data is None else load_examples(data, input_specs(fused))
    merged = merge(trained, fused, examples, representative)
    inputs = representative or examples
    ranges = [
        {
            "name": each.place.name,
            "low": each.bounds[0],
            "high": each.bounds[1],
            "source": each.source,
            "steps": steps,
        }
        for each, steps in zip(merged.ranges, layerwise(trained, merged, inputs))
    ]
    found: Message = {"notes": merged.notes, "ranges": ranges, "models": []}
    for name, model in (("trained", trained), ("merged", merged.model)):
        converted = convert_quantized(model, examples)
        if converted.content is None:
            assert converted.failure is not None
            found["models"].append({"file": None, "failure": vars(converted.failure)})
            continue
        file = folder / (name + ".tflite")
        file.write_bytes(converted.content)
        found["models"].append({"file": str(file), "aliases": aliases(model)})
    files = [each["file"] for each in found["models"]]
    found["examples"] = len(inputs)
    if all(files):
        found["outputs"] = _differences(trained, files, inputs)
    return found


def layerwise(trained: Any, merged: Merged, inputs: Examples) -> list[float]:
    """Per quantizer of the merged model how far its output is from that of the trained one.

    In quantization steps, with everything before it as in the trained model, so that rounding
    does not add up from layer to layer. 0 where the trained model has no such quantizer.
    """
    largest = [0.0] * len(merged.ranges)
    place = {
        id(each.place.variables["min_var"]): number for number, each in enumerate(merged.ranges)
    }
    passed: dict[int, Any] = {}

    def remembering(original: Any) -> Any:
        def passing(self: Any, tensor: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
            output = original(self, tensor, training, weights, **kwargs)
            passed[id(weights.get("min_var"))] = output
            return output

        return passing

    def measuring(original: Any) -> Any:
        def passing(self: Any, tensor: Any, training: Any, weights: Any, **kwargs: Any) -> Any:
            output = original(self, tensor, training, weights, **kwargs)
            number = place[id(weights["min_var"])]
            each = merged.ranges[number]
            if each.learned is None:
                return output
            expected = passed[id(each.learned.variables["min_var"])]
            apart = float(np.max(np.abs(np.asarray(output) - np.asarray(expected))))
            largest[number] = max(largest[number], apart / each.step)
            return expected

        return passing

    for example in inputs:
        with quantizers_replaced(remembering):
            call(trained, example, training=False)
        with quantizers_replaced(measuring):
            call(merged.model, example, training=False)
    return largest


def _differences(trained: Any, files: Sequence[str], inputs: Examples) -> list[Message]:
    """Per output how far the converted models are apart, in the merged one's quantization steps.

    `own_steps`: how far conversion alone brings the trained model from itself in training.
    """
    names = input_names(trained)
    before, after = (Interpreted(Path(file).read_bytes(), names) for file in files)
    found: list[Message] = []
    for example in inputs:
        expected = outputs_of(trained, example)
        old, new = before.run(example), after.run(example)
        order = matching(expected, new)
        for number, keras in enumerate(expected):
            if number == len(found):
                found.append({"steps": 0.0, "outside": 0, "elements": 0, "own_steps": 0.0})
            step = after.steps[order[number]] or 1.0
            one, other = old[order[number]], new[order[number]]
            entry = found[number]
            apart = np.abs(one - other) / step
            entry["steps"] = max(entry["steps"], float(apart.max()))
            entry["outside"] += int((apart > _STEP).sum())
            entry["elements"] += int(apart.size)
            entry["own_steps"] = max(entry["own_steps"], float((np.abs(keras - one) / step).max()))
    return found
