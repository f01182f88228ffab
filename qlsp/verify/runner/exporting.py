"""A SavedModel of a Keras model that holds what the converter reads of it, and nothing else.

`TFLiteConverter.from_keras_model` has Keras 2 save the model in full: every layer's functions are
traced again, to rebuild the layers when loading, and the converter reads one of them, the model's
call for inference. Saving that one alone takes an eighth of the time, and what is converted from
it is the same, byte for byte (but for the mark that says which kind of model it came from).
"""

from __future__ import annotations

import importlib
from typing import Any, Callable

_OWN = ("tf_keras.src", "keras", "tensorflow.python.keras")
"""Where Keras 2 defines its own kinds of models."""


def export(model: Any, folder: str) -> bool:
    """Save a functional or Sequential model into `folder`; False if it has to be left to Keras."""
    import tensorflow as tf

    trace = _trace_of(model)
    if trace is None:
        return False
    holder = tf.Module()
    holder.kept = list(model.variables)  # a function keeps no variable alive
    try:
        signatures = {"serving_default": trace(model)}
        options = tf.saved_model.SaveOptions(save_debug_info=True)
        tf.saved_model.save(holder, folder, signatures, options)
    except Exception:  # the converter has a way of its own for what can't be saved
        return False
    return True


def _trace_of(model: Any) -> Callable[[Any], Any] | None:
    """What Keras itself traces a model's call with."""
    keras, inside, _ = type(model).__module__.partition(".engine.")
    if not inside or keras not in _OWN:
        return None
    for place in ("saving.legacy", "saving"):
        try:
            module = importlib.import_module(f"{keras}.{place}.saving_utils")
        except ImportError:
            continue
        trace: Callable[[Any], Any] = module.trace_model_call
        return trace
    return None
