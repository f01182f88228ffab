"""Arguments of layers: finding them in the source, setting and removing them."""

from __future__ import annotations

import ast

from qlsp.rules.rewrite import names
from qlsp.rules.rewrite.places import CannotWrite, known, place_of
from qlsp.source import items
from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Span
from qlsp.source.syntax import Place, is_local
from qlsp.trace.graph import Node, Style
from qlsp.trace.keras import signatures


def set_argument(document: Document, node: Node, key: str, value: object) -> list[Edit]:
    """Give a layer's constructor another argument. Raises `CannotWrite`."""
    written = names.literal(document, value)
    if written is None:
        raise CannotWrite(f"no way to write {value!r} here")
    call = _constructor(document, node, key)
    position = _position(call, node, key)
    if position is not None:
        return [Edit(*document.offsets(Span.of(call.args[position])), written.code), *written.edits]
    edit = items.set_argument(document, call, _spelling(call, node, key), written.code)
    return [known(edit), *written.edits]


def remove_argument(document: Document, node: Node, key: str, moved: bool) -> Edit:
    """Take an argument from a layer's constructor. Raises `CannotWrite`."""
    call = _constructor(document, node, key, moved)
    position = _position(call, node, key)
    if position is not None:
        return Edit(*document.offsets(Span.of(call.args[position])), "None")
    return known(items.remove_argument(document, call, _spelling(call, node, key)))


def remove_call_argument(document: Document, node: Node, key: str) -> Edit:
    """Take an argument from the call that applies a layer. Raises `CannotWrite`."""
    call = place_of(document, node.call).node
    if node.style is not Style.CALL or not isinstance(call, ast.Call):
        raise CannotWrite("not a call")
    for keyword in call.keywords:
        if keyword.arg == key and not isinstance(keyword.value, ast.Constant):
            raise CannotWrite("the argument is a variable: other callers may give another")
    return known(items.remove_argument(document, call, key))


def _constructor(document: Document, node: Node, key: str, may_vary: bool = False) -> ast.Call:
    """The call that constructs the layer; its argument `key` must not depend on variables."""
    place = place_of(document, node.construct)
    if not isinstance(place.node, ast.Call):
        raise CannotWrite("not constructed by a call")
    value = argument(place.node, node, key)
    if not may_vary and value is not None and reads_locals(place, value):
        raise CannotWrite("the argument is a variable: other callers may give another")
    return place.node


def argument(call: ast.Call, node: Node, key: str) -> ast.expr | None:
    """The expression that `call` gives for the parameter `key`."""
    position = _position(call, node, key)
    if position is not None:
        return call.args[position]
    spelling = _spelling(call, node, key)
    return next((each.value for each in call.keywords if each.arg == spelling), None)


def reads_locals(place: Place, value: ast.expr) -> bool:
    """Whether an expression depends on variables of the function that it stands in."""
    return any(isinstance(each, ast.Name) and is_local(place, each.id) for each in ast.walk(value))


def _position(call: ast.Call, node: Node, key: str) -> int | None:
    """Which positional argument of `call` is `key`."""
    signature = signatures.find(node.cls)
    if signature is None or key not in signature.positional:
        return None
    position = signature.positional.index(key)
    if position >= len(call.args):
        return None
    if any(isinstance(each, ast.Starred) for each in call.args[: position + 1]):
        raise CannotWrite("arguments given as `*`")
    return position


def _spelling(call: ast.Call, node: Node, key: str) -> str:
    """The keyword under which `call` gives the parameter `key`."""
    given = [keyword.arg for keyword in call.keywords if keyword.arg is not None]
    if key in given:
        return key
    return next((each for each in given if key in signatures.bind(node.cls, (), {each: 0})), key)
