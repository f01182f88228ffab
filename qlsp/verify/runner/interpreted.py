"""A converted model, run by TFLite's interpreter."""

from __future__ import annotations

import re
from typing import Any, Sequence

import numpy as np

from .conversion import version

_AROUND_NAME = re.compile(r"^serving_default_|:0$")
"""What is around the name that Keras gave an input, where it went through a SavedModel."""


class Interpreted:
    """Takes and gives floats; quantizes inputs and dequantizes outputs where the model is int8."""

    def __init__(
        self, content: bytes, names: Sequence[str] = (), threads: int = 1, keep: bool = False
    ) -> None:
        """`names` are those of the inputs in Keras's order, as far as they are known.

        With `keep`, tensors within the model can be read too, from TensorFlow 2.5 on.
        """
        import tensorflow as tf

        self._names = names
        self._interpreter = _interpreter(tf, content, threads, keep)
        self.keeps = keep and version() >= (2, 5)
        self._interpreter.allocate_tensors()
        self.inputs = self._interpreter.get_input_details()
        self.outputs = self._interpreter.get_output_details()
        self._details = (
            {each["index"]: each for each in self._interpreter.get_tensor_details()} if keep else {}
        )

    @property
    def steps(self) -> list[float]:
        """Per output the size of one quantization step; 0 for float outputs."""
        return [float(each["quantization"][0]) for each in self.outputs]

    def set_inputs(self, example: Sequence[Any]) -> None:
        """Set the inputs of the next run: one array per input of the Keras model, in order."""
        for details, array in zip(self._in_order(example), example):
            if tuple(details["shape"]) != tuple(array.shape):
                self._interpreter.resize_tensor_input(details["index"], list(array.shape))
                self._interpreter.allocate_tensors()
        for details, array in zip(self._in_order(example), example):
            self._interpreter.set_tensor(details["index"], _quantized(array, details))

    def invoke(self) -> None:
        """Run with the inputs set."""
        self._interpreter.invoke()

    def run(self, example: Sequence[Any]) -> list[Any]:
        """The outputs, in the model's order."""
        self.set_inputs(example)
        self.invoke()
        return [
            _dequantized(self._interpreter.get_tensor(each["index"]), each) for each in self.outputs
        ]

    def tensor(self, index: int) -> Any:
        """A tensor within the model after a run, in floats; None if it has no values."""
        details = self._details.get(index)
        try:
            return (
                None
                if details is None
                else _dequantized(self._interpreter.get_tensor(index), details)
            )
        except ValueError:
            return None

    def _in_order(self, example: Sequence[Any]) -> list[Any]:
        """The model's inputs in Keras's order: by name where it keeps names, else by shape."""
        if len(self.inputs) == 1:
            return list(self.inputs)
        left = list(self.inputs)
        found = []
        for number, array in enumerate(example):
            name = self._names[number] if self._names else None
            named = [each for each in left if _AROUND_NAME.sub("", each["name"]) == name]
            same = [each for each in left if tuple(each["shape"][1:]) == tuple(array.shape[1:])]
            best = (named or same or left)[0]
            left = [each for each in left if each is not best]
            found.append(best)
        return found


def _interpreter(tf: Any, content: bytes, threads: int, keep: bool) -> Any:
    options: dict[str, Any] = {"num_threads": threads}
    if keep and version() >= (2, 5):
        options["experimental_preserve_all_tensors"] = True
        # Delegates compute tensors that they don't show.
        options["experimental_op_resolver_type"] = (
            tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        )
    if version() < (2, 3):
        options = {}
    return tf.lite.Interpreter(model_content=content, **options)


def _quantized(array: Any, details: Any) -> Any:
    scale, zero = details["quantization"]
    if np.dtype(details["dtype"]).kind in "iu" and scale:
        limits = np.iinfo(details["dtype"])
        array = np.clip(np.round(array / scale) + zero, limits.min, limits.max)
    return array.astype(details["dtype"])


def _dequantized(array: Any, details: Any) -> Any:
    scale, zero = details["quantization"]
    if np.dtype(details["dtype"]).kind in "iu" and scale:
        return (array.astype("float32") - zero) * np.float32(scale)
    return array
