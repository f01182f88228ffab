"""Representative data: a file of arrays, or a function of the user's that yields examples."""

from __future__ import annotations

import itertools
import zipfile
import zlib
from pathlib import Path
from typing import Any, Iterable, Sequence

import numpy as np

from .loading import BuilderError, load, overlay

_MOST = 256
"""Examples taken of a function that may yield for ever."""


def load_examples(data: str, like: Sequence[Any]) -> list[list[Any]]:
    """Examples from an `.npy` or `.npz` file, or from `FILE.py::FUNCTION`.

    A file has one array per model input, in order; the first axis counts examples. A function
    yields per example the list of arrays that a converter's `representative_dataset` does.
    Raises `BuilderError` if they don't fit `like`, an example made from the model's inputs.
    """
    file, separator, function = data.rpartition("::")
    name = Path(file if separator else data).name
    examples = _yielded(file, function) if separator else _stored(data, name)
    found = [list(example) for example in examples]
    if not found:
        raise BuilderError(f"{name}: no examples in it")
    for example in found:
        _check(name, example, like)
    return [[array.astype(each.dtype) for array, each in zip(one, like)] for one in found]


def _stored(data: str, name: str) -> Iterable[Any]:
    try:
        loaded = np.load(data, allow_pickle=False)
        arrays = [loaded] if hasattr(loaded, "shape") else [loaded[key] for key in loaded.files]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BuilderError(f"{name}: not an .npy or .npz file of arrays ({error})") from None
    count = min(len(array) if array.shape else 0 for array in arrays) if arrays else 0
    return ([array[index : index + 1] for array in arrays] for index in range(count))


def _yielded(file: str, function: str) -> Iterable[Any]:
    module = load(file, [], overlay({}))
    make = getattr(module, function, None)
    if not callable(make):
        raise BuilderError(f"no function '{function}' in {Path(file).name}")
    for example in itertools.islice(make(), _MOST):
        values = example.values() if isinstance(example, dict) else example
        values = values if isinstance(values, (list, tuple)) or example is not values else [values]
        yield [np.asarray(value) for value in values]


def _check(name: str, example: Sequence[Any], like: Sequence[Any]) -> None:
    if len(example) != len(like):
        raise BuilderError(f"{name}: has {len(example)} arrays, and the model {len(like)} inputs")
    for array, expected in zip(example, like):
        same = len(array.shape) == len(expected.shape) and array.shape[1:] == expected.shape[1:]
        if not same:
            raise BuilderError(
                f"{name}: an example of shape {list(array.shape)}, and the model takes "
                f"{list(expected.shape)}"
            )
