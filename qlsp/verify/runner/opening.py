"""Whatever file a model is in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

from .graphs import frozen_graph, saved_model
from .loading import BuilderError
from .saved import check_safe, load_model


def open_model(path: Path, trust: bool, inputs: Sequence[str], outputs: Sequence[str]) -> Any:
    """A Keras model, or a `GraphModel` where there is no Keras in the file.

    Raises `BuilderError` for a damaged file, and without `trust` for one that brings code along.
    """
    if path.suffix == ".pb":
        return frozen_graph(path, inputs, outputs, trust)
    if inputs or outputs:
        raise BuilderError("--inputs and --outputs are for frozen graphs (.pb)")
    if path.is_dir() and not (path / "keras_metadata.pb").exists():
        if not trust:
            check_safe(path)
        return saved_model(path)
    return load_model(str(path), trust)
