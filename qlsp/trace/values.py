"""What expressions evaluate to while a program is followed.

None, booleans, numbers, strings, bytes, `...`, slices, ranges and tuples stand for themselves.
Everything else is one of the classes below; they compare by identity.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qlsp.source.span import Site
from qlsp.trace.graph import Flavour, LayerGraph, Node, Shape

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter
    from qlsp.trace.scope import Module, Scope
    from qlsp.trace.tape import Tape
    from qlsp.trace.tools import Handle

Value = Any
"""Any of the values above; the interpreter tells them apart by type."""

Native = (type(None), bool, int, float, complex, str, bytes, type(...), slice, range)
"""Types that stand for themselves and hold no other values."""


class Missing:
    """The absence of a value, where None would be one."""

    def __repr__(self) -> str:
        return "<missing>"


MISSING = Missing()


WEIGHT = "a weight"
"""Why a variable of a user-defined layer is unknown."""


@dataclass(slots=True, eq=False)
class Unknown:
    """A value that can't be decided, and why. The same object is the same (unknown) value."""

    why: str
    parts: dict[object, Unknown] | None = None
    """Attributes and items taken from it, so that `x[0]` twice is one value."""
    argument: bool = False
    """Whether it stands for an argument of the root (or is a part of one)."""
    module: str | None = None
    """The module it is taken for, by the names of the attributes that are read."""
    handle: Handle | None = None
    """What is known of it as a converter, or as what tfmot gives."""

    def part(self, key: object, text: str) -> Unknown:
        """What lies under `key` of this value: unknown too, but always the same."""
        if self.parts is None:
            self.parts = {}
        found = self.parts.get(key)
        if found is None:
            found = self.parts[key] = Unknown(text, argument=self.argument)
        return found


@dataclass(slots=True, eq=False)
class External:
    """Something outside the project, known by its dotted path."""

    path: str


@dataclass(slots=True, eq=False)
class ArgScope:
    """`slim.arg_scope(...)`: arguments of slim's functions, by their canonical names."""

    defaults: dict[str, dict[str, Value]]


@dataclass(slots=True, eq=False)
class List:
    """A list; `Fork` items stand for stretches that depend on unknown conditions."""

    items: list[Value]
    open: bool = False
    """Whether there may be more (or other) items than these."""


@dataclass(slots=True, eq=False)
class Fork:
    """Inside a list: one of several stretches of items, by conditions that aren't known."""

    options: tuple[tuple[Value, ...], ...]
    condition: Site | None = None


@dataclass(slots=True, eq=False)
class Dict:
    """A dict whose keys are natives (or values, by identity)."""

    items: dict[Any, Value]
    open: bool = False
    """Whether there may be more keys than these."""
    kind: str = "dict"
    """`dict`, `OrderedDict`, `defaultdict`."""
    default: Value = None
    """The factory of a defaultdict."""
    rest: Unknown | None = None
    """What stands for the items of an open dict that aren't seen."""


@dataclass(slots=True, eq=False)
class Set:
    """A set of natives."""

    items: dict[Any, None]


@dataclass(slots=True, eq=False)
class Choice:
    """One of several values, by conditions that aren't known."""

    options: tuple[Value, ...]
    conditions: tuple[Site, ...] = ()


@dataclass(slots=True, eq=False)
class Function:
    """A function or lambda of the program, with its closure."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    module: Module
    name: str
    """Qualified name."""
    defaults: tuple[Value, ...] = ()
    keyword_defaults: dict[str, Value] = field(default_factory=dict)
    owner: Class | None = None
    """The class whose body defines it, for `super()`."""
    attributes: dict[str, Value] = field(default_factory=dict)
    generator: bool = False
    manages: bool = False
    """Whether it is decorated with `contextmanager`."""


@dataclass(slots=True, eq=False)
class Managed:
    """What calling a function decorated with `contextmanager` gives."""

    function: Function
    arguments: Arguments
    receiver: Value


@dataclass(slots=True, eq=False)
class Bound:
    """A function bound to its first argument."""

    function: Function | Builtin
    receiver: Value


@dataclass(slots=True, eq=False)
class Partial:
    """`functools.partial`."""

    function: Value
    args: tuple[Value, ...]
    kwargs: dict[str, Value]


@dataclass(slots=True, eq=False)
class Builtin:
    """A function of Python or its library that the tracer carries out itself."""

    name: str
    run: Callable[[Interpreter, Arguments], Value]


@dataclass(slots=True, eq=False)
class Class:
    """A class of the program."""

    name: str
    bases: tuple[Value, ...]
    names: dict[str, Value]
    module: Module
    node: ast.ClassDef
    mro: tuple[Value, ...] = ()
    """This class, then its bases: `Class`, `External` or `Unknown`."""
    fields: tuple[tuple[str, Value], ...] | None = None
    """For a dataclass or NamedTuple, its fields with defaults (`MISSING` where required)."""
    kind: str = "class"
    """`class`, `dataclass`, `namedtuple`, `enum`."""
    qualname: str = ""


@dataclass(slots=True, eq=False)
class Descriptor:
    """`property`, `staticmethod` or `classmethod` of a class."""

    kind: str
    function: Value


@dataclass(slots=True, eq=False)
class Instance:
    """An object of a class of the program."""

    cls: Class
    names: dict[str, Value] = field(default_factory=dict)
    site: Site | None = None
    keras: Layer | Sequential | Model | Unknown | None = None
    """The part of it that is Keras's, for a subclass of Layer, Model or Sequential; `Unknown`
    after a loop of unknown length that makes it."""
    built: bool = False


@dataclass(slots=True, eq=False)
class Super:
    """`super()`: attribute look-up begins after `cls` in the receiver's classes."""

    cls: Class
    receiver: Value


@dataclass(slots=True, eq=False)
class Tensor:
    """An output of a node."""

    node: Node
    tape: Tape
    slot: int = 0
    shape: Shape | None = None


@dataclass(slots=True, eq=False)
class Layer:
    """A Keras layer object."""

    cls: str
    """Class name, e.g. `Conv2D`."""
    symbol: str
    """Canonical name, e.g. `keras.layers.Conv2D`."""
    flavour: Flavour
    attrs: dict[str, Value]
    complete: bool
    """Whether all arguments of the constructor were seen."""
    site: Site | None
    name: str | None = None
    shape: Shape | None = None
    """Output shape of its last call."""
    calls: list[Tensor] = field(default_factory=list)
    """What its applications gave, in order: `layer.output` is the first."""


@dataclass(slots=True, eq=False)
class Entry:
    """A layer of a Sequential, and how it came there."""

    layer: Value
    site: Site | None
    element: bool
    """An element of the constructor's list (else added by `add`)."""
    path: tuple[Site, ...]
    conditions: tuple[Site, ...]


@dataclass(slots=True, eq=False)
class Sequential:
    """A Sequential model while it is being put together."""

    entries: List
    """Of `Entry` (and `Fork`s of them)."""
    name: str | None
    flavour: Flavour
    site: Site | None
    lost: list[tuple[Site | None, str]] = field(default_factory=list)
    """Where it was handed to code that may have changed it."""
    root: str = ""


@dataclass(slots=True, eq=False)
class Model:
    """A functional model."""

    graph: LayerGraph
    inputs: Value
    outputs: Value
    name: str | None
    flavour: Flavour
    site: Site | None
    tape: Tape | None = None
    """Where its layers were recorded."""
    nodes: tuple[int, ...] = ()
    """Indexes of its nodes on that tape."""
    starts: tuple[Tensor, ...] = ()
    ends: tuple[Tensor, ...] = ()
    opaque: str = ""
    """Name of a known application whose inside is not followed."""
    attrs: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Arguments:
    """The arguments of a call."""

    args: list[Value]
    kwargs: dict[str, Value]
    open: bool = False
    """Whether more arguments were given that could not be seen."""
    node: ast.expr | None = None
    """The call's expression."""
    path: str | None = None
    """The document that the expression stands in."""

    def get(self, index: int, name: str, default: Value = None) -> Value:
        """The argument at `index` or called `name`."""
        if 0 <= index < len(self.args):
            return self.args[index]
        return self.kwargs.get(name, default)
