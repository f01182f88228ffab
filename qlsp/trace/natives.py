"""Values of Python's own types: their methods, and functions that are carried out as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qlsp.trace import methods, tensors, text
from qlsp.trace import values as v
from qlsp.trace.flow import RaisedError
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def method(value: Value, name: str) -> Value:
    """A method of a value of Python's own types, `MISSING` if it has none of that name."""
    kind = type(value)
    if kind is str:
        return text.METHODS.get(name, MISSING)
    if kind in (int, float):
        return text.NUMBER_METHODS.get(name, MISSING)
    return methods.METHODS.get(kind, {}).get(name, MISSING)


def numeric(
    function: Callable[..., Any], name: str, symbol: str | None = None
) -> Callable[[Interpreter, Arguments], Value]:
    """A function of numbers, strings and tuples of them, safe to carry out as it is."""

    def call(run: Interpreter, arguments: Arguments) -> Value:
        args = [text.to_plain(argument) for argument in arguments.args]
        kwargs = {key: text.to_plain(value) for key, value in arguments.kwargs.items()}
        if arguments.open or text.is_opaque(args) or text.is_opaque(kwargs.values()):
            if any(map(tensors.holds_tensor, arguments.args)):
                site = None
                return tensors.operate(run, symbol or f"python.{name}", arguments.args, site)
            return Unknown(f"`{name}` of values that aren't known")
        try:
            return _as_value(function(*args, **kwargs))
        except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
            raise RaisedError(text=name) from None

    return call


def _as_value(result: Any) -> Value:
    if isinstance(result, list):
        return v.List([_as_value(item) for item in result])
    if isinstance(result, tuple):
        return tuple(_as_value(item) for item in result)
    return result
