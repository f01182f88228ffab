"""Python's own functions that ask for types and attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qlsp.trace import kinds
from qlsp.trace import values as v
from qlsp.trace.containers import items_of
from qlsp.trace.keras.names import resolve
from qlsp.trace.natives import method
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

TYPES: dict[str, tuple[type[Any], ...]] = {
    "int": (int, bool),
    "float": (float,),
    "complex": (complex,),
    "str": (str,),
    "bytes": (bytes,),
    "bool": (bool,),
    "list": (v.List,),
    "tuple": (tuple,),
    "dict": (v.Dict,),
    "set": (v.Set,),
    "frozenset": (v.Set,),
    "range": (range,),
    "slice": (slice,),
    "type": (v.Class,),
    "property": (v.Descriptor,),
    "object": (object,),
    "collections.abc.Callable": (v.Function, v.Bound, v.Builtin, v.Partial, v.Layer, v.Class),
    "collections.abc.Iterable": (v.List, tuple, v.Dict, v.Set, str, range),
    "collections.abc.Sequence": (v.List, tuple, str, range),
    "collections.abc.Mapping": (v.Dict,),
    "numbers.Number": (int, float, complex, bool),
    "numbers.Integral": (int, bool),
    "numbers.Real": (int, float, bool),
    "types.FunctionType": (v.Function,),
    "types.LambdaType": (v.Function,),
    "functools.partial": (v.Partial,),
    "collections.OrderedDict": (v.Dict,),
}
"""The tracer's values by Python's names for their types."""
_OPAQUE = (Unknown, v.Choice, v.External, v.Tensor)


def _isinstance(run: Interpreter, arguments: Arguments) -> Value:
    if len(arguments.args) != 2:
        return Unknown("a type that isn't known")
    value, types = arguments.args
    options = types if type(types) is tuple else (types,)
    truths = [is_instance(run, value, kind) for kind in options]
    if True in truths:
        return True
    return Unknown("a type that isn't known") if None in truths else False


def is_instance(run: Interpreter, value: Value, kind: Value) -> bool | None:
    """`isinstance(value, kind)`; None if that isn't known."""
    if type(value) is v.Choice:
        truths = {is_instance(run, option, kind) for option in value.options}
        return truths.pop() if len(truths) == 1 else None
    if type(kind) is tuple:
        truths = {is_instance(run, value, part) for part in kind}
        return True if True in truths else (None if None in truths else False)
    if value is None and type(kind) in (v.Class, v.Builtin, v.External):
        return type(kind) is v.Builtin and kind.name == "object"
    if isinstance(kind, v.Builtin) or (isinstance(kind, v.External) and kind.path in TYPES):
        name = kind.name if isinstance(kind, v.Builtin) else kind.path
        if type(value) in (Unknown, v.External) or name not in TYPES:
            return None
        if name == "tuple" and isinstance(value, v.Instance):
            return value.cls.kind == "namedtuple"
        if name == "collections.abc.Callable" and isinstance(value, v.Instance):
            return None
        return isinstance(value, TYPES[name])
    if type(kind) is v.Class:
        if isinstance(value, v.Instance):
            if kind in value.cls.mro:
                return True
            return None if any(type(base) is Unknown for base in value.cls.mro) else False
        return None if type(value) in (Unknown, v.External) else False
    if type(kind) is v.External:
        return kinds.is_instance(run, value, kind)
    return None


def _issubclass(run: Interpreter, arguments: Arguments) -> Value:
    cls, classes = arguments.args[:2]
    options = classes if type(classes) is tuple else (classes,)
    if type(cls) is v.Class and all(type(kind) is v.Class for kind in options):
        return any(kind in cls.mro for kind in options)
    return Unknown("a type that isn't known")


def _hasattr(run: Interpreter, arguments: Arguments) -> Value:
    value, name = arguments.args[:2]
    if isinstance(value, v.Instance) and isinstance(name, str):
        from qlsp.trace import attributes

        if attributes.find(run, value, name) is not MISSING:
            return True
        if all(type(base) is v.Class or kinds.is_object(base) for base in value.cls.mro):
            return False
    elif type(value) not in _OPAQUE and isinstance(name, str):
        if method(value, name) is not MISSING:
            return True
        if name == "__iter__" or name == "__len__":
            return items_of(run, value) is not None
        if name in ("__call__", "__name__"):
            return isinstance(value, v.Function | v.Class | v.Builtin)
        if type(value) in v.Native:
            return hasattr(value, name)
    return Unknown("an attribute that isn't known")


def _getattr(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import attributes

    value, name = arguments.args[0], arguments.get(1, "name")
    if not isinstance(name, str):
        return Unknown("an attribute whose name isn't known")
    if isinstance(value, v.Instance) and len(arguments.args) > 2:
        found = attributes.find(run, value, name)
        if found is MISSING and all(type(base) is v.Class for base in value.cls.mro):
            return arguments.args[2]
    if type(value) in v.Native and len(arguments.args) > 2 and not hasattr(value, name):
        return arguments.args[2]
    return attributes.get(run, value, name, None, None)


def _setattr(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import attributes

    if len(arguments.args) == 3 and isinstance(arguments.args[1], str):
        attributes.set_attribute(run, *arguments.args)
    return None


def _callable(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.args[0]
    if type(value) in (Unknown, v.Choice):
        return Unknown("a type that isn't known")
    if isinstance(value, v.Instance):
        from qlsp.trace import attributes

        found = attributes.find_in_classes(value.cls.mro, "__call__")
        return found is not MISSING or kinds.is_keras(value.cls)
    callables = (
        v.Function, v.Bound, v.Builtin, v.Partial, v.Class, v.Layer, v.Model, v.Sequential
    )  # fmt: skip
    if type(value) is v.External:
        name = resolve(value.path)
        if name is None or name.kind in ("value", "module"):
            return Unknown("a type that isn't known")
        return True
    return isinstance(value, callables)


def _super(run: Interpreter, arguments: Arguments) -> Value:
    if len(arguments.args) == 2 and type(arguments.args[0]) is v.Class:
        return v.Super(arguments.args[0], arguments.args[1])
    return Unknown("`super()` of values that aren't known")


FUNCTIONS: dict[str, Callable[[Interpreter, Arguments], Value]] = {
    "callable": _callable,
    "getattr": _getattr,
    "hasattr": _hasattr,
    "isinstance": _isinstance,
    "issubclass": _issubclass,
    "setattr": _setattr,
    "super": _super,
}
