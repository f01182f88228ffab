"""Sets of toolchains, in as few words as tell them apart from the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from packaging.version import Version

from qlsp.toolchain import Toolchain, Workflow

_LISTED = 2


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a set of toolchains has in common, and no other toolchain of the range."""

    text: str
    """`tfmot ≤ 0.5.0`; empty for the whole range."""
    setting: str | None = None
    """The key of `[tool.qlsp]` that decides it."""


def describe(
    some: Collection[Toolchain], among: Collection[Toolchain], workflow: Workflow = "qat"
) -> Phrase:
    """How `some` differ from the rest of `among`; by tfmot only where that has a say."""
    chosen = set(some)
    if chosen >= set(among):
        return Phrase("")
    for phrase, holds in _predicates(among, workflow):
        if {each for each in among if holds(each)} == chosen:
            return phrase
    names = list(dict.fromkeys(_short(each, workflow) for each in among if each in chosen))
    if len(names) > _LISTED + 1:
        names[_LISTED:] = [f"{len(names) - _LISTED} others"]
    return Phrase(" or ".join(names), "tensorflow")


def _predicates(
    among: Collection[Toolchain], workflow: Workflow
) -> Iterator[tuple[Phrase, Callable[[Toolchain], bool]]]:
    yield Phrase("Keras 3", "keras"), lambda each: each.keras == 3
    yield Phrase("Keras 2", "keras"), lambda each: each.keras == 2
    by_tfmot, by_tensorflow = ("tfmot", "tfmot", _tfmot), ("TF", "tensorflow", _tensorflow)
    versions = (by_tfmot, by_tensorflow) if workflow == "qat" else (by_tensorflow,)
    for word, setting, version in versions:
        known = sorted({found for each in among if (found := version(each)) is not None})
        for low in known:
            for high in known:
                if low <= high and (low, high) != (known[0], known[-1]):
                    text = _bounds(word, low, high, known)
                    yield Phrase(text, setting), _between(version, low, high)


def _bounds(word: str, low: Version, high: Version, known: list[Version]) -> str:
    if low == high:
        return f"{word} {low}" if low not in (known[0], known[-1]) else _end(word, low, known)
    if low == known[0]:
        return f"{word} ≤ {high}"
    if high == known[-1]:
        return f"{word} ≥ {low}"
    return f"{word} {low} to {high}"


def _end(word: str, version: Version, known: list[Version]) -> str:
    return f"{word} {'≤' if version == known[0] else '≥'} {version}"


def _between(
    version: Callable[[Toolchain], Version | None], low: Version, high: Version
) -> Callable[[Toolchain], bool]:
    def holds(toolchain: Toolchain) -> bool:
        found = version(toolchain)
        return found is not None and low <= found <= high

    return holds


def _tensorflow(toolchain: Toolchain) -> Version:
    return Version(toolchain.tensorflow)


def _tfmot(toolchain: Toolchain) -> Version | None:
    return Version(toolchain.tfmot) if toolchain.tfmot else None


def _short(toolchain: Toolchain, workflow: Workflow) -> str:
    keras = " with Keras 3" if toolchain.keras == 3 else ""
    named = toolchain.tfmot and workflow == "qat" and not keras
    tfmot = f" with tfmot {toolchain.tfmot}" if named else ""
    return f"TF {toolchain.tensorflow}{keras}{tfmot}"
