"""The attributes that converters of each measured TensorFlow have.

`attributes.json` was read from the converters themselves: what stands in their `__dict__` and
their properties after construction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from packaging.version import Version

from qlsp.toolchain import Toolchain

_DEPRECATED = frozenset({"post_training_quantize", "target_ops"})
"""Which `__setattr__` of the TF 1 converter passes on to `optimizations` and `supported_ops`."""
_SYNONYMS = {
    "calibration_dataset": "representative_dataset",
    "optimisation": "optimizations",
    "optimisations": "optimizations",
    "optimization": "optimizations",
    "post_training_quantize": "optimizations",
    "representative_data": "representative_dataset",
    "representative_data_gen": "representative_dataset",
    "representative_data_set": "representative_dataset",
    "representative_dataset_gen": "representative_dataset",
    "supported_ops": "target_spec.supported_ops",
    "supported_types": "target_spec.supported_types",
    "target_ops": "target_spec.supported_ops",
    "input_type": "inference_input_type",
    "output_type": "inference_output_type",
}
_CLOSE = 0.8


def known(toolchain: Toolchain, name: str, *, tf1: bool = False) -> bool:
    """Whether a converter (or its `target_spec`, for `target_spec.NAME`) has an attribute."""
    part, _, attribute = name.rpartition(".")
    prefix = "tf1_" if tf1 or toolchain.tensorflow.startswith("1.") else ""
    if prefix and attribute in _DEPRECATED:
        return True
    return attribute in _of(toolchain)[prefix + (part or "converter")]


def known_anywhere(name: str) -> bool:
    """Whether any measured converter has the attribute."""
    part, _, attribute = name.rpartition(".")
    kinds = (part or "converter", f"tf1_{part or 'converter'}")
    return attribute in _DEPRECATED or any(
        attribute in each[kind] for each in _load().values() for kind in kinds
    )


def has_factory(toolchain: Toolchain, name: str) -> bool:
    """Whether `tf.lite.TFLiteConverter` has a class method."""
    return name in _of(toolchain)["classes"]["TFLiteConverter"]


def has_toco_converter(toolchain: Toolchain) -> bool:
    """Whether there is a `tf.lite.TocoConverter`."""
    return bool(_of(toolchain)["toco_converter"])


def meant(name: str, toolchain: Toolchain) -> str | None:
    """The attribute of TensorFlow 2's converter that a misspelt or old one stands for."""
    part, _, attribute = name.rpartition(".")
    if attribute in _SYNONYMS and not part:
        return _SYNONYMS[attribute]
    names = list(_of(toolchain)[part or "converter"])
    close = get_close_matches(attribute, names, 1, _CLOSE)
    return (f"{part}.{close[0]}" if part else close[0]) if close else None


def _of(toolchain: Toolchain) -> Mapping[str, Any]:
    """The attributes of the nearest measured version that is not later."""
    data = _load()
    version = Version(toolchain.tensorflow)
    before = [each for each in data if Version(each) <= version]
    return data[max(before or data, key=Version)]


@cache
def _load() -> Mapping[str, Mapping[str, Any]]:
    text = (files("qlsp.rules.converter") / "attributes.json").read_text(encoding="utf-8")
    data: dict[str, dict[str, Any]] = json.loads(text)
    return data
