"""Representative data: a file of arrays, or a function of the user's that yields examples."""

from __future__ import annotations

import itertools
import zipfile
import zlib
from pathlib import Path
from typing import Any, Dict, Iterable, Sequence

import numpy as np

from .data import InputSpec, array_type
from .loading import BuilderError, load, overlay

Example = Dict[str, Any]
"""An array per input, by name, or in order."""

_MOST = 256
"""Examples taken of a function that may yield for ever."""


def load_examples(data: str, specs: Sequence[InputSpec]) -> list[list[Any]]:
    """Examples from an `.npy` or `.npz` file, or from `FILE.py::FUNCTION`.

    A file has one array per model input, whose first axis counts examples. A function yields per
    example the arrays that a converter's `representative_dataset` does. Arrays with the names of
    the inputs are taken by name, others in order. Raises `BuilderError` if they don't fit `specs`.
    """
    file, separator, function = data.rpartition("::")
    name = Path(file if separator else data).name
    examples = _yielded(file, function) if separator else _stored(data, name)
    found = [_ordered(example, specs) for example in examples]
    if not found:
        raise BuilderError(f"{name}: no examples in it")
    for example in found:
        _check(name, example, specs)
    return [[array.astype(array_type(spec)) for array, spec in zip(one, specs)] for one in found]


def _stored(data: str, name: str) -> Iterable[Example]:
    try:
        loaded = np.load(data, allow_pickle=False)
        arrays = {"": loaded} if hasattr(loaded, "shape") else dict(loaded)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BuilderError(f"{name}: not an .npy or .npz file of arrays ({error})") from None
    count = min((len(each) if each.shape else 0 for each in arrays.values()), default=0)
    return (
        {key: array[index : index + 1] for key, array in arrays.items()} for index in range(count)
    )


def _yielded(file: str, function: str) -> Iterable[Example]:
    module = load(file, [], overlay({}))
    make = getattr(module, function, None)
    if not callable(make):
        raise BuilderError(f"no function '{function}' in {Path(file).name}")
    for example in itertools.islice(make(), _MOST):
        if not isinstance(example, dict):
            values = example if isinstance(example, (list, tuple)) else [example]
            example = {str(index): value for index, value in enumerate(values)}
        yield {key: np.asarray(value) for key, value in example.items()}


def _ordered(example: Example, specs: Sequence[InputSpec]) -> list[Any]:
    names = [spec.name for spec in specs]
    return [example[each] for each in (names if set(names) == set(example) else example)]


def _check(name: str, example: Sequence[Any], specs: Sequence[InputSpec]) -> None:
    if len(example) != len(specs):
        raise BuilderError(f"{name}: has {len(example)} arrays, and the model {len(specs)} inputs")
    for array, spec in zip(example, specs):
        sizes = spec.shape[1:]
        fits = len(array.shape) == len(spec.shape) and all(
            size in (None, found) for size, found in zip(sizes, array.shape[1:])
        )
        if not fits:
            wanted = ", ".join(("1", *("?" if size is None else str(size) for size in sizes)))
            raise BuilderError(
                f"{name}: an example of shape {list(array.shape)}, and the model takes [{wanted}]"
            )
