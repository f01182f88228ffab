"""Where Keras defines its classes, as error messages show them (see `introspect.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from qlsp.lower.behaviour import Version

_SPLIT: Version = (2, 15)
"""tfmot then takes its classes from the package tf_keras."""
_FILE = Path(__file__).with_name("modules.json")


def class_text(cls: str, tensorflow: Version) -> str:
    """`str()` of a Keras 2 layer class; a class that is not Keras's is the user's own."""
    module = _releases().get(tensorflow, {}).get(cls, "__main__")
    if tensorflow >= _SPLIT and module.startswith("keras."):
        module = f"tf_{module}"
    return f"<class '{module}.{cls}'>"


def has_class(cls: str, tensorflow: Version) -> bool:
    """Whether the Keras 2 of a TensorFlow release has a layer class."""
    lacks = _lacks(cls)
    return lacks is None or tensorflow > lacks


@cache
def _lacks(cls: str) -> Version | None:
    """The last release without the class, None if there is none: classes come and stay."""
    return max((each for each, modules in _releases().items() if cls not in modules), default=None)


@cache
def _releases() -> Mapping[Version, Mapping[str, str]]:
    """By release and class the module."""
    content = json.loads(_FILE.read_text(encoding="utf-8"))
    found: dict[Version, Mapping[str, str]] = {}
    for release, modules in content.items():
        major, minor = map(int, release.split("."))
        found[major, minor] = {name: module for module, names in modules.items() for name in names}
    return found
