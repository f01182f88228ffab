"""The names that Keras gives to layers without `name=`.

Keras counts per class over the life of the process: `conv2d`, `conv2d_1`, … in the order in which
layers are *constructed*, whether they end in the model or not. `Namer` starts from a fresh process.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from typing import Literal

from qlsp.trace.keras.operations import made

Keras = Literal[2, 3]


@cache
def snake_case(cls: str) -> str:
    """A class name as Keras writes it in layer names: `SeparableConv2D` -> `separable_conv2d`."""
    split = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", cls)
    name = re.sub("([a-z])([A-Z])", r"\1_\2", split).lower()
    return f"private{name}" if name.startswith("_") else name


class Namer:
    """Gives automatic names as one Keras process does."""

    def __init__(self, keras: Keras) -> None:
        self._keras = keras
        self._counts: Counter[str] = Counter()
        self._observed: set[str] = set()

    def layer(self, cls: str) -> str:
        """The name of a new layer or model of class `cls` (`Model` and `InputLayer` included)."""
        if self._keras == 2 and cls == "InputLayer":
            self._counts["input"] += 1
            return f"input_{self._counts['input']}"
        if cls in ("Model", "Functional"):
            cls = "model" if self._keras == 2 else "functional"
        return self._next(snake_case(cls))

    def op(self, symbol: str) -> str:
        """The name of what a function or operator makes of symbolic tensors.

        Where it makes several layers, that of the last one.
        """
        names = [self._op(reported) for reported in made(symbol, self._keras) or (symbol,)]
        return names[-1]

    def observe(self, name: str) -> None:
        """Tell of a name given in code: op layers of Keras 2 avoid it, nothing else does."""
        self._observed.add(name)

    def _op(self, reported: str) -> str:
        if self._keras == 3:
            return self._next(snake_case(reported))
        while (name := self._next(reported)) in self._observed:
            pass
        return name

    def _next(self, prefix: str) -> str:
        count = self._counts[prefix]
        self._counts[prefix] += 1
        return f"{prefix}_{count}" if count else prefix
