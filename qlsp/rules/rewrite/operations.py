"""What a fix does to a layer graph, apart from how the source is written."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields

from qlsp.trace.graph import Node


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """The value that the constructor of `node` gives for `key`, as it is written there."""

    node: Node
    key: str


@dataclass(frozen=True, slots=True)
class NewLayer:
    """A layer that a fix adds."""

    cls: str
    """Keras class name."""
    attrs: Mapping[str, object]
    """Constructor arguments by Keras parameter name, in the order they are written; the first
    is written without its name. A value may be `Given`."""
    suffix: str
    """Ending of the attribute name where it has to be kept in `self`: `relu` gives `conv1_relu`."""
    named: bool = False
    """Whether the first argument is written with its name, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Swap:
    """Exchange two consecutive applications: `second` takes the output of `first`."""

    first: Node
    second: Node


@dataclass(frozen=True, slots=True, eq=False)
class InsertAfter:
    """Apply a new layer to the output of `node`, for all its consumers."""

    node: Node
    layer: NewLayer


@dataclass(frozen=True, slots=True, eq=False)
class Remove:
    """Give the input of `node` to all its consumers."""

    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Replace:
    """Put a new layer in the place of a layer or op; keeps its `name=`."""

    node: Node
    layer: NewLayer


@dataclass(frozen=True, slots=True, eq=False)
class SetArgument:
    """Construct the layer of `node` with `key=value`.

    `value` is None, a bool, int, float, str or `Symbol` (a TensorFlow function).
    """

    node: Node
    key: str
    value: object


@dataclass(frozen=True, slots=True, eq=False)
class RemoveArgument:
    """Construct the layer of `node` with the default of `key`."""

    node: Node
    key: str
    moved: bool = False
    """Whether another layer is given the value; then it may be a variable."""


@dataclass(frozen=True, slots=True, eq=False)
class RemoveCallArgument:
    """Apply the layer of `node` without the keyword argument `key`."""

    node: Node
    key: str


Operation = (
    Swap | InsertAfter | Remove | Replace | SetArgument | RemoveArgument | RemoveCallArgument
)


def crosses_functions(finding: Node, operations: Sequence[Operation]) -> bool:
    """Whether operations change code that is reached through other calls than the finding.

    Such a change would alter a function for callers that do not have the fault. A swap is
    written at the calls themselves.
    """
    return any(each.node.path != finding.path for each in operations if not isinstance(each, Swap))


def source_of(operation: Operation) -> Hashable:
    """What tells the text of an operation's edits: layers that one line makes have it in common."""
    return type(operation), tuple(_key(getattr(operation, each.name)) for each in fields(operation))


def _key(part: object) -> Hashable:
    if isinstance(part, Node):
        return part.construct, part.call, part.style
    if isinstance(part, Given):
        return _key(part.node), part.key
    if isinstance(part, NewLayer):
        attrs = tuple((key, _key(value)) for key, value in part.attrs.items())
        return part.cls, attrs, part.suffix, part.named
    return repr(part)
