"""Strings: formatting and methods, within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from qlsp.trace import values as v
from qlsp.trace.containers import items_of
from qlsp.trace.flow import RaisedError
from qlsp.trace.values import Arguments, Builtin, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_LONGEST = 10_000
_UNKNOWN = "a string that isn't known"
# Widths that would make a text too long, or that are taken from an argument.
_WIDTH = re.compile(r"\d{4,}|\{[^{}]*\{|%[-+ #0-9.]*\*")


def to_text(run: Interpreter, value: Value, spec: str = "", conversion: str = "") -> Value:
    """`format(value, spec)` for a value that is known."""
    plain = to_plain(value)
    if plain is _OPAQUE or _WIDTH.search(spec):
        return Unknown(_UNKNOWN)
    if conversion:
        plain = repr(plain) if conversion in "ra" else str(plain)
    try:
        return format(plain, spec)
    except (ValueError, TypeError, OverflowError):
        raise RaisedError(text="format") from None


_OPAQUE = object()


def is_opaque(values: Iterable[object]) -> bool:
    """Whether one of `to_plain`'s results stands for nothing known."""
    return any(value is _OPAQUE for value in values)


def to_plain(value: Value) -> object:
    """The Python value that a value stands for, `_OPAQUE` if it has parts that don't."""
    kind = type(value)
    if kind is int and value.bit_length() > _LONGEST:
        return _OPAQUE
    if kind is range and len(value) > _LONGEST:
        return _OPAQUE
    if kind in v.Native:
        return value
    if kind is tuple:
        items = [to_plain(item) for item in value]
        return _OPAQUE if is_opaque(items) else tuple(items)
    if kind is v.List and not value.open:
        items = [to_plain(item) for item in value.items]
        return _OPAQUE if is_opaque(items) else items
    if kind is v.Dict and not value.open:
        parts = {to_plain(key): to_plain(item) for key, item in value.items.items()}
        return _OPAQUE if is_opaque(parts) or is_opaque(parts.values()) else parts
    if kind is v.Instance and value.cls.kind == "enum":
        return f"{value.cls.name}.{value.names.get('name')}"
    return _OPAQUE


def percent_format(run: Interpreter, text: str, value: Value) -> Value:
    """`text % value`."""
    plain = to_plain(value)
    if plain is _OPAQUE or _WIDTH.search(text):
        return Unknown(_UNKNOWN)
    try:
        return text % plain
    except (ValueError, TypeError, KeyError, OverflowError):
        raise RaisedError(text="format") from None


def _format(run: Interpreter, arguments: Arguments) -> Value:
    text = arguments.args[0]
    args = [to_plain(argument) for argument in arguments.args[1:]]
    kwargs = {name: to_plain(value) for name, value in arguments.kwargs.items()}
    if arguments.open or is_opaque(args) or is_opaque(kwargs.values()) or _WIDTH.search(text):
        return Unknown(_UNKNOWN)
    try:
        return text.format(*args, **kwargs)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
        raise RaisedError(text="format") from None


def _join(run: Interpreter, arguments: Arguments) -> Value:
    items = items_of(run, arguments.get(1, "iterable"))
    if items is None or not all(type(item) is str for item in items):
        return Unknown(_UNKNOWN)
    run.budget.spend(len(items))
    if sum(map(len, items)) + len(items) * len(arguments.args[0]) > 10 * run.limits.items:
        return Unknown(_UNKNOWN)
    return arguments.args[0].join(items)


def _plain(name: str) -> Builtin:
    """A method of str that may be carried out as it is."""

    def method(run: Interpreter, arguments: Arguments) -> Value:
        args = [to_plain(argument) for argument in arguments.args]
        kwargs = {key: to_plain(value) for key, value in arguments.kwargs.items()}
        if arguments.open or is_opaque(args) or is_opaque(kwargs.values()):
            return Unknown(_UNKNOWN)
        if any(isinstance(arg, int) and arg > run.limits.items for arg in args):
            return Unknown(_UNKNOWN)
        receiver = args[0]
        growth = max((len(arg) for arg in args[1:] if isinstance(arg, str)), default=0)
        if isinstance(receiver, str) and len(receiver) * max(growth, 1) > 10 * run.limits.items:
            return Unknown(_UNKNOWN)
        try:
            result = getattr(receiver, name)(*args[1:], **kwargs)
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError):
            raise RaisedError(text=name) from None
        return v.List(result) if isinstance(result, list) else result

    return Builtin(name, method)


_METHODS = (
    "capitalize casefold center count endswith find index isalnum isalpha isdecimal isdigit "
    "isidentifier islower isnumeric isspace istitle isupper ljust lower lstrip partition "
    "removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split "
    "splitlines startswith strip swapcase title upper zfill encode"
)
METHODS: dict[str, Builtin] = {
    **{name: _plain(name) for name in _METHODS.split()},
    "format": Builtin("format", _format),
    "join": Builtin("join", _join),
}
NUMBER_METHODS: dict[str, Builtin] = {
    name: _plain(name) for name in ("bit_length", "is_integer", "conjugate")
}
