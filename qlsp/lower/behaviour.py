"""What decides a lowering: the versions, each replaced by the nearest one with evidence."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from qlsp.lower.release import Version
from qlsp.lower.tfmot.tables import nearest_tfmot
from qlsp.toolchain import MEASURED, Toolchain, Workflow

__all__ = ["Behaviour", "Version", "behaviour", "nearest_tensorflow"]

_RELEASES: tuple[Version, ...] = (
    *((1, minor) for minor in range(12, 16)),
    *((2, minor) for minor in range(40)),
)


_CONVERTER: Version = (2, 2)
_QAT_CONVERTER: Version = (2, 3)
"""The first release with the converter of today, and with its use of learned ranges."""


class Behaviour(NamedTuple):
    """A class of toolchains that lower every graph to the same ops.

    Toolchains with equal behaviours need to be lowered only once.
    """

    tensorflow: Version
    keras: int
    tfmot: str | None
    """Version whose tables hold; None outside the `qat` workflow, or without tfmot."""


@lru_cache(maxsize=512)
def behaviour(workflow: Workflow, toolchain: Toolchain) -> Behaviour:
    """The behaviour of `toolchain` under `workflow`."""
    return Behaviour(
        nearest_tensorflow(
            toolchain.tensorflow, _QAT_CONVERTER if workflow == "qat" else _CONVERTER
        ),
        toolchain.keras,
        nearest_tfmot(toolchain.tfmot) if workflow == "qat" and toolchain.tfmot else None,
    )


def _version(text: str) -> Version | None:
    numbers = re.findall(r"\d+", text)
    return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 else None


_TENSORFLOWS = sorted({v for each in MEASURED if (v := _version(each.tensorflow))})


@lru_cache(maxsize=64)
def nearest_tensorflow(version: str, converter: Version = _CONVERTER) -> Version:
    """The measured TensorFlow release nearest to `version` on the same side of the release
    `converter`; the older one of two."""
    wanted = _version(version) or _TENSORFLOWS[-1]
    position = _position(wanted)
    same = [each for each in _TENSORFLOWS if (each >= converter) == (wanted >= converter)]
    return min(same, key=lambda each: (abs(_position(each) - position), each))


def _position(version: Version) -> int:
    return _RELEASES.index(version) if version in _RELEASES else len(_RELEASES)
