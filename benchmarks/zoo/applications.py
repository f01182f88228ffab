"""Models of tf_keras.applications at their smallest input, with random weights."""

from __future__ import annotations

from typing import Any


def application(name: str, pixels: int = 32) -> Any:
    """The model that `tf_keras.applications` calls `name`, for square images of so many pixels."""
    from tf_keras import applications

    return getattr(applications, name)(weights=None, input_shape=(pixels, pixels, 3))
