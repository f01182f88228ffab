"""Python's own functions, carried out on what is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qlsp.trace import iteration, reflection, text
from qlsp.trace import values as v
from qlsp.trace.natives import numeric
from qlsp.trace.values import MISSING, Arguments, Builtin, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_EXCEPTIONS = (
    "ArithmeticError AssertionError AttributeError BaseException DeprecationWarning Exception "
    "FileNotFoundError FutureWarning ImportError IndexError KeyError KeyboardInterrupt "
    "LookupError ModuleNotFoundError NameError NotImplementedError OSError OverflowError "
    "RuntimeError RuntimeWarning StopIteration SystemExit TypeError UserWarning ValueError "
    "Warning ZeroDivisionError"
)


def _str(run: Interpreter, arguments: Arguments) -> Value:
    if not arguments.args:
        return ""
    value = arguments.args[0]
    if isinstance(value, v.Instance):
        from qlsp.trace import attributes

        found = attributes.find(run, value, "__str__")
        if found is not MISSING:
            return run.call(found, Arguments([], {}), None)
    return text.to_text(run, value)


def _format(run: Interpreter, arguments: Arguments) -> Value:
    spec = arguments.get(1, "format_spec", "")
    if not isinstance(spec, str):
        return Unknown("a string that isn't known")
    return text.to_text(run, arguments.args[0], spec)


def _repr(run: Interpreter, arguments: Arguments) -> Value:
    return text.to_text(run, arguments.args[0], "", "r")


def _bool(run: Interpreter, arguments: Arguments) -> Value:
    if not arguments.args:
        return False
    truth = run.truth(arguments.args[0])
    if truth is None:
        value = arguments.args[0]
        return value if type(value) is Unknown else Unknown("a condition that isn't known")
    return truth


def _print(run: Interpreter, arguments: Arguments) -> Value:
    return None


def _type(run: Interpreter, arguments: Arguments) -> Value:
    if len(arguments.args) != 1:
        return Unknown("a class that is made at run time")
    value = arguments.args[0]
    if isinstance(value, v.Instance):
        return value.cls
    if type(value) is v.Layer:
        return v.External(value.symbol)
    for name, types in reflection.TYPES.items():
        if type(value) in types and name in BUILTINS and name not in ("object", "int"):
            return BUILTINS[name]
    if type(value) is int:
        return BUILTINS["int"]
    return Unknown("a type that isn't known")


def _slice(run: Interpreter, arguments: Arguments) -> Value:
    if all(a is None or isinstance(a, int) for a in arguments.args) and arguments.args:
        return slice(*arguments.args)
    return Unknown("a slice that isn't known")


def _globals(run: Interpreter, arguments: Arguments) -> Value:
    return v.Dict({}, True)


def _property(run: Interpreter, arguments: Arguments) -> Value:
    return v.Descriptor("property", arguments.get(0, "fget"))


def _descriptor(kind: str) -> Callable[[Interpreter, Arguments], Value]:
    return lambda run, arguments: v.Descriptor(kind, arguments.get(0, "function"))


def _exception(run: Interpreter, arguments: Arguments) -> Value:
    return Unknown("an exception")


def _round(value: Any, digits: int | None = None) -> Any:
    return round(value, digits) if digits is not None else round(value)


_FUNCTIONS: dict[str, Callable[[Interpreter, Arguments], Value]] = {
    "abs": numeric(abs, "abs", "operator.abs"),
    "bin": numeric(bin, "bin"),
    "bool": _bool,
    "chr": numeric(chr, "chr"),
    "classmethod": _descriptor("classmethod"),
    "complex": numeric(complex, "complex"),
    "divmod": numeric(divmod, "divmod"),
    "eval": lambda run, arguments: Unknown("the result of `eval`"),
    "float": numeric(float, "float"),
    "format": _format,
    "globals": _globals,
    "hex": numeric(hex, "hex"),
    "int": numeric(int, "int"),
    "locals": _globals,
    "ord": numeric(ord, "ord"),
    "print": _print,
    "property": _property,
    "repr": _repr,
    "round": numeric(_round, "round"),
    "slice": _slice,
    "staticmethod": _descriptor("staticmethod"),
    "str": _str,
    "type": _type,
}
BUILTINS: dict[str, Value] = {
    **{
        name: Builtin(name, function)
        for table in (_FUNCTIONS, iteration.FUNCTIONS, reflection.FUNCTIONS)
        for name, function in table.items()
    },
    **{name: Builtin(name, _exception) for name in _EXCEPTIONS.split()},
    "object": Builtin("object", _exception),
    "NotImplemented": Unknown("NotImplemented"),
    "Ellipsis": ...,
    "__debug__": True,
    "__doc__": None,
}
