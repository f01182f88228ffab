"""Where Keras defines its classes, as error messages show them (see `introspect.py`)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from qlsp.lower.behaviour import Version

_SPLIT: Version = (2, 15)
"""tfmot then takes its classes from the package tf_keras."""
_FILE = Path(__file__).with_name("modules.json")


def class_text(cls: str, tensorflow: Version) -> str:
    """`str()` of a Keras 2 layer class; a class that is not Keras's is the user's own."""
    module = _modules(tensorflow).get(cls, "__main__")
    if tensorflow >= _SPLIT and module.startswith("keras."):
        module = f"tf_{module}"
    return f"<class '{module}.{cls}'>"


def has_class(cls: str, tensorflow: Version) -> bool:
    """Whether the Keras 2 of a TensorFlow release has a layer class; unknown releases do."""
    modules = _modules(tensorflow)
    return not modules or cls in modules


@lru_cache(maxsize=16)
def _modules(tensorflow: Version) -> dict[str, str]:
    releases = json.loads(_FILE.read_text(encoding="utf-8"))
    release = releases.get(f"{tensorflow[0]}.{tensorflow[1]}", {})
    return {name: module for module, names in release.items() for name in names}
