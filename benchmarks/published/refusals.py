"""Run by an interpreter with tfmot: which layers `quantize_model` refuses, all of them.

    python refusals.py FILE ROOT

`FILE` has a function `build`. tfmot stops at the first layer that it refuses; here its own
registry decides as ever, and what it refuses is noted and left in float, so that the next one is
seen as well. Prints `{"refused": [names], "error": text or null}`.
"""

from __future__ import annotations

import json
import runpy
import sys
from typing import Any

_ROUNDS = 100
"""How many layers are let off that raise in another way than by the registry."""
_OPERATIONS = frozenset({"TFOpLambda", "SlicingOpLambda"})
"""Operations in the place of layers. Annotated, one gets its input in a list, and may make a tensor
of one more dimension of it, at which a layer behind it raises."""


def refusals(model: Any) -> dict[str, Any]:
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    from tensorflow_model_optimization.python.core.quantization.keras import quantize_annotate
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_configs,
        default_8bit_quantize_registry,
        default_8bit_quantize_scheme,
    )

    refused: dict[str, None] = {}

    class Registry(default_8bit_quantize_registry.Default8BitQuantizeRegistry):  # type: ignore
        def supports(self, layer: Any) -> bool:
            if not super().supports(layer):
                refused[layer.name] = None
            return True

        def get_quantize_config(self, layer: Any) -> Any:
            if layer.name in refused:
                return default_8bit_quantize_configs.NoOpQuantizeConfig()
            return super().get_quantize_config(layer)

    class Scheme(default_8bit_quantize_scheme.Default8BitQuantizeScheme):  # type: ignore
        def get_quantize_registry(self) -> Any:
            return Registry()

    names = {layer.name for layer in model.layers}
    for layer in model.layers:
        if type(layer).__name__ in _OPERATIONS:
            Registry().supports(layer)  # else it raises in ways of its own, or those behind it do
        elif hasattr(layer, "layers"):
            refused[layer.name] = None

    def annotate(layer: Any) -> Any:
        if layer.name in refused:
            return layer
        return quantize_annotate.QuantizeAnnotate(layer)

    for _ in range(_ROUNDS):
        try:
            keras = type(model).__module__.partition(".")[0]
            models = __import__(keras).models if keras == "tf_keras" else tf.keras.models
            annotated = models.clone_model(model, clone_function=annotate)
            tfmot.quantization.keras.quantize_apply(annotated, Scheme())
        except Exception as error:
            name = _culprit(error, names)
            if name is None or name in refused:
                return {"refused": list(refused), "error": f"{type(error).__name__}: {error}"[:500]}
            refused[name] = None
        else:
            return {"refused": list(refused), "error": None}
    raise SystemExit(f"more than {_ROUNDS} layers raise by themselves")


def _culprit(error: BaseException, names: set[str]) -> str | None:
    """The layer at which `error` was raised: the innermost one that a caller was busy with."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        for variable in ("layer", "self"):
            value = trace.tb_frame.f_locals.get(variable)
            for each in (value, getattr(value, "layer", None)):
                name = getattr(each, "name", None)
                if name in names:
                    found = name
        trace = trace.tb_next
    return found


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[2])
    print("\n" + json.dumps(refusals(runpy.run_path(sys.argv[1])["build"]())))
