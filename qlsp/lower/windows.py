"""Windows of convolutions, and paddings that the converter takes into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qlsp.lower.behaviour import Version
from qlsp.trace.graph import Shape


@dataclass(frozen=True, slots=True)
class Window:
    """The geometry of a two-dimensional convolution; anything may be unknown."""

    kernel: tuple[Any, Any]
    strides: tuple[Any, Any]
    dilation: tuple[Any, Any]
    padding: object


PADDING_SINCE: Version = (2, 21)
"""The first release in which padding vanishes into a convolution."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Zero padding of images."""

    sides: tuple[Any, Any] | None
    """(before, after) for rows and for columns."""
    shape: Shape | None
    """Of the unpadded images."""


def is_same_padding(padding: Padding, window: Window) -> bool:
    """Whether zero padding in front of a `valid` convolution makes it one with `same` padding."""
    shape = padding.shape
    if window.padding != "valid" or padding.sides is None or shape is None or len(shape) != 4:
        return False
    for axis in range(2):
        numbers = (
            shape[axis + 1],
            window.kernel[axis],
            window.strides[axis],
            window.dilation[axis],
            *padding.sides[axis],
        )
        if not all(isinstance(each, int) for each in numbers):
            return False
        size, kernel, stride, dilation, before, after = numbers
        extent = (kernel - 1) * dilation + 1
        total = max((-(-size // stride) - 1) * stride + extent - size, 0)
        if (before, after) != (total // 2, total - total // 2):
            return False
    return True
