"""Data about Keras and TensorFlow, written by `introspect.py` and loaded on first use."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any, Literal

Section = Literal["keras2", "keras3", "tf", "tf1"]


@cache
def load(section: Section) -> dict[str, Any]:
    """One section; its keys are described in `introspect.py`."""
    text = resources.files(__package__).joinpath(f"{section}.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
