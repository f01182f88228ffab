"""tfmot's registry, activations, transforms and messages, per version (see `extract.py`)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("tables.json")


@dataclass(frozen=True, slots=True)
class Quantized:
    """Which tensors of a layer get a learned range."""

    weights: bool = False
    activation: bool = False
    """Ranges around the layer's `activation=`, as that activation asks for."""
    output: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LayerPattern:
    """A layer with its producers, as tfmot's transforms match them."""

    classes: re.Pattern[str]
    config: tuple[tuple[str, re.Pattern[str]], ...]
    inputs: tuple[LayerPattern, ...]

    @lru_cache(maxsize=4096)  # noqa: B019 (patterns live as long as the tables)
    def matches_class(self, cls: str) -> bool:
        """Whether a layer of this class may match."""
        return self.classes.match(cls) is not None


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """A layout transform: what it matches and what it sets on the matched layers."""

    name: str
    pattern: LayerPattern
    sets: tuple[tuple[str, str], ...] | None
    """Pairs of role and setting; None for a transform that builds other layers."""
    guarded: bool
    """Whether it leaves layers alone that already have a quantize config."""


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """One version of tfmot."""

    version: str
    layers: dict[str, Quantized]
    activation_output: frozenset[str]
    """Activations of `Activation` layers whose output gets a range."""
    activation_plain: frozenset[str]
    """Those accepted without a range."""
    before: frozenset[str]
    """Activations of `activation=` with a range in front."""
    after: frozenset[str]
    """Those with a range behind."""
    transforms: tuple[Transform, ...]
    skips_lambda: bool
    wants_bias: bool
    """Whether a separable convolution is always taken to have a bias."""
    messages: dict[str, str]


@lru_cache(maxsize=1)
def _content() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return content


@lru_cache(maxsize=64)
def nearest_tfmot(version: str) -> str:
    """The release with tables nearest to `version`; equal releases give one answer."""
    versions: dict[str, str] = _content()["versions"]
    wanted = _key(version)
    older = [each for each in versions if _key(each) <= wanted]
    best = max(older, key=_key) if older else min(versions, key=_key)
    return versions[best]


@lru_cache(maxsize=16)
def tables(version: str) -> Tables:
    """The tables of `version`, one of those that `nearest_tfmot` returns."""
    raw = _content()["tables"][version]
    return Tables(
        version=version,
        layers={name: Quantized(**quantized) for name, quantized in raw["layers"].items()},
        activation_output=frozenset(raw["activation_layer"]["output"]),
        activation_plain=frozenset(raw["activation_layer"]["none"]),
        before=frozenset(raw["activations"]["before"]),
        after=frozenset(raw["activations"]["after"]),
        transforms=tuple(
            Transform(
                each["name"],
                _pattern(each["pattern"]),
                None if each["sets"] is None else tuple(each["sets"].items()),
                each["guarded"],
            )
            for each in raw["transforms"]
        ),
        skips_lambda=raw["skips_lambda"],
        wants_bias=raw["wants_bias"],
        messages=raw["messages"],
    )


def _pattern(raw: dict[str, Any]) -> LayerPattern:
    return LayerPattern(
        _regex(raw["class"]),
        tuple((key, _regex(value)) for key, value in raw["config"].items()),
        tuple(map(_pattern, raw["inputs"])),
    )


def _regex(text: str) -> re.Pattern[str]:
    # As tfmot does it: without parentheses, so that `^` and `$` bind to the outer alternatives
    # only and `Conv2D|DepthwiseConv2D` also matches `Conv2DTranspose`.
    return re.compile("^" + text + "$")


def _key(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
