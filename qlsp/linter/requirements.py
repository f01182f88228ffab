"""What a document's own imports say about the toolchain."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from qlsp.rules.calls import since
from qlsp.toolchain import Toolchain

_FIRST_WITH_SRC = "2.13"
"""Keras moved into `keras.src` with this release, and TensorFlow takes the Keras of its number."""
_ONLY_IN_KERAS_3 = ("keras.ops", "keras.random", "keras.distribution", "keras.KerasTensor")


def able_to_run(toolchains: Sequence[Toolchain], imports: Collection[str]) -> Sequence[Toolchain]:
    """Those that have what is imported; all of them if none has (then the pins are believed)."""
    return [each for each in toolchains if _has(each, imports)] or toolchains


def _has(toolchain: Toolchain, imports: Collection[str]) -> bool:
    if toolchain.keras == 3:
        return True
    if any(_is_of(name, only) for name in imports for only in _ONLY_IN_KERAS_3):
        return False
    has_src = since(toolchain, _FIRST_WITH_SRC)
    return has_src or not any(_is_of(name, "keras.src") for name in imports)


def _is_of(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
