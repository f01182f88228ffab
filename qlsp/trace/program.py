"""What a program does with its models beside building them: calls, in the order they are made.

Converters, tfmot, compiling, loading: recorded by `tools.py`, judged by rules about calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from qlsp.source.span import Site
from qlsp.trace.graph import Shape

Kind = Literal["float", "loaded", "quantized", "annotated", "converter", "scope", "unknown"]
"""What a subject is: `float` a model that the program builds, `loaded` one that it reads from a
file without naming further classes, `quantized` what `quantize_model` or
`quantize_apply` gives, `annotated` what is only marked for it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A model or converter that calls are about."""

    number: int
    """The same for the same object, within a document."""
    kind: Kind
    lost: bool = False
    """Whether it was handed to code that isn't followed before the call."""
    shapes: tuple[Shape | None, ...] | None = None
    """Of a model's inputs, the batch first, where they are known."""
    shapeless: bool = False
    """Whether it is a Sequential that begins with a layer, and is not told its input's shape."""

    def is_same(self, other: Subject | None) -> bool:
        """Whether both are the same object, whatever was known of it at either call."""
        return other is not None and self.number == other.number


@dataclass(frozen=True, slots=True)
class Callback:
    """A function of the program given as an argument, e.g. as a representative dataset."""

    site: Site
    """The definition or lambda."""
    generator: bool
    bound: bool
    """Whether its first argument is given already."""


@dataclass(frozen=True, slots=True)
class Custom:
    """An object of a class of the program given as an argument, or the layers in a model."""

    cls: str
    site: Site
    """The class's definition."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What an attribute of a converter holds."""

    value: object
    """Like `Node.attrs`, or a `Callback`; `UNKNOWN` if it can't be decided."""
    site: Site | None
    """The attribute where it is assigned; None where several places may have done so."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call, or one attribute that is set on a converter."""

    symbol: str
    """Canonical name (`tfmot.quantization.keras.quantize_model`), `model.METHOD` for what is called
    on a model, `converter.convert`, or `converter.NAME =` and `target_spec.NAME =`."""
    site: Site | None
    path: tuple[Site, ...] = ()
    """Calls through which it was reached."""
    conditions: tuple[Site, ...] = ()
    """Unknown `if` tests under which it is made."""
    args: tuple[object, ...] = ()
    """Like `Node.attrs`, or a `Callback` or `Custom`."""
    kwargs: Mapping[str, object] = field(default_factory=dict)
    subject: Subject | None = None
    """The model or converter it is called on, or the model that it is given."""
    result: Subject | None = None
    model: Subject | None = None
    """Of `converter.convert`, the model that the converter was made for."""
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """Of `converter.convert`, what was set by then; a name may begin with `target_spec.`."""
    maker: str = ""
    """Of what is called on a converter, the function that made it."""
    tf1: bool = False
    """Whether it is reached through `tf.compat.v1` or `tf.contrib`."""

    def is_about(self, other: Subject | None) -> bool:
        """Whether it is called on `other`, or given it."""
        return self.subject is not None and self.subject.is_same(other)

    def gives(self, other: Subject | None) -> bool:
        """Whether `other` is its result."""
        return self.result is not None and self.result.is_same(other)

    @property
    def method(self) -> str:
        """The last part of the symbol."""
        return self.symbol.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Program:
    """The calls of one root."""

    name: str
    calls: tuple[Call, ...]
