"""Small helpers on calls and the structures of tensors."""

from __future__ import annotations

import ast

from qlsp.source.span import Site, Span
from qlsp.trace import values as v
from qlsp.trace.values import Arguments, Tensor, Value


def elements(arguments: Arguments, index: int, name: str) -> list[Site] | None:
    """Where the elements of a list argument stand, if the list is written at the call."""
    call = arguments.node
    if not isinstance(call, ast.Call) or arguments.path is None:
        return None
    given: ast.expr | None = None
    if index < len(call.args):
        given = call.args[index]
    else:
        given = next((k.value for k in call.keywords if k.arg == name), None)
    if not isinstance(given, ast.List | ast.Tuple):
        return None
    if any(isinstance(element, ast.Starred) for element in given.elts):
        return None
    return [Site(arguments.path, Span.of(element)) for element in given.elts]


def flat_tensors(value: Value) -> list[Tensor]:
    """The tensors in a structure, in order."""
    kind = type(value)
    if kind is Tensor:
        return [value]
    items: tuple[Value, ...] = ()
    if kind is tuple:
        items = value
    elif kind is v.List:
        items = tuple(value.items)
    elif kind is v.Dict:
        items = tuple(value.items.values())
    return [tensor for item in items for tensor in flat_tensors(item)]
