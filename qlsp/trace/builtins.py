"""Python's own functions, carried out on what is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qlsp.trace import containers, models, tensors, text
from qlsp.trace import values as v
from qlsp.trace.containers import is_key, is_open, items_of
from qlsp.trace.flow import RaisedError
from qlsp.trace.keras.names import resolve
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
_TYPES: dict[str, tuple[type[Any], ...]] = {
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
_OPAQUE = (Unknown, v.Choice, v.External, v.Tensor)


def method(value: Value, name: str) -> Value:
    """A method of a value of Python's own types, `MISSING` if it has none of that name."""
    kind = type(value)
    if kind is str:
        return text.METHODS.get(name, MISSING)
    if kind in (int, float):
        return text.NUMBER_METHODS.get(name, MISSING)
    return containers.METHODS.get(kind, {}).get(name, MISSING)


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


def _len(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.args[0] if arguments.args else None
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, v.Instance) and value.cls.kind != "namedtuple":
        return models.length(run, value)
    if type(value) is v.Tensor:
        return len(value.shape) if value.shape is not None else Unknown("a tensor's length")
    items = items_of(run, value)
    if items is None or is_open(value):
        return Unknown("a length that isn't known")
    return len(items)


def _range(run: Interpreter, arguments: Arguments) -> Value:
    if all(isinstance(argument, int) for argument in arguments.args) and arguments.args:
        try:
            made = range(*arguments.args)
        except (TypeError, ValueError):
            raise RaisedError(text="range") from None
        return made if abs(made.start) < 2**62 and abs(made.stop) < 2**62 else _no_range()
    return _no_range()


def _no_range() -> Unknown:
    return Unknown("a range that isn't known")


def _items(run: Interpreter, arguments: Arguments, index: int = 0) -> Sequence[Value] | None:
    value = arguments.args[index] if len(arguments.args) > index else ()
    items = items_of(run, value)
    if items is None or len(items) > run.limits.items:
        return None
    run.budget.spend(len(items) // 8)
    return items


def _list(run: Interpreter, arguments: Arguments) -> Value:
    items = _items(run, arguments)
    if items is None:
        return v.List([], True)
    return v.List(list(items), is_open(arguments.args[0]) if arguments.args else False)


def _tuple(run: Interpreter, arguments: Arguments) -> Value:
    if arguments.args and type(arguments.args[0]) is Unknown:
        return arguments.args[0]
    items = _items(run, arguments)
    if items is None or (arguments.args and is_open(arguments.args[0])):
        return Unknown("a tuple of values that aren't known")
    return tuple(items)


def _dict(run: Interpreter, arguments: Arguments) -> Value:
    made = v.Dict({}, arguments.open)
    if arguments.args:
        containers.update(run, made, arguments.args[0])
    made.items.update(arguments.kwargs)
    return made


def _set(run: Interpreter, arguments: Arguments) -> Value:
    items = _items(run, arguments)
    if items is None or not all(is_key(item) for item in items):
        return Unknown("a set of values that aren't known")
    return v.Set(dict.fromkeys(items))


def _enumerate(run: Interpreter, arguments: Arguments) -> Value:
    items = _items(run, arguments)
    start = arguments.get(1, "start", 0)
    if not isinstance(start, int):
        start = 0
        items = None
    if items is None:
        return _unknown_pairs(run, arguments)
    if any(type(item) is v.Fork for item in items):
        plain: list[Value] = [
            _numbered(item) if type(item) is v.Fork else (Unknown("a number"), item)
            for item in items
        ]
        return v.List(plain, is_open(arguments.args[0]))
    return v.List(list(enumerate(items, start)), is_open(arguments.args[0]))


def _numbered(fork: v.Fork) -> v.Fork:
    number = Unknown("the number of an item")
    options = tuple(tuple((number, item) for item in option) for option in fork.options)
    return v.Fork(options, fork.condition)


def _unknown_pairs(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.args[0] if arguments.args else None
    return value if type(value) is Unknown else Unknown("an iterable that isn't known")


def _zip(run: Interpreter, arguments: Arguments) -> Value:
    columns = [_items(run, arguments, index) for index in range(len(arguments.args))]
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return Unknown("an iterable that isn't known")
    rows, exact = _rows(known)
    return v.List(rows, not exact or any(map(_may_go_on, arguments.args)))


def _rows(columns: Sequence[Sequence[Value]]) -> tuple[list[Value], bool]:
    """The rows of columns side by side, as far as they go together, and whether they all do."""
    rows: list[Value] = []
    for items in zip(*columns, strict=False):
        forks = [item for item in items if type(item) is v.Fork]
        if not forks:
            rows.append(items)
            continue
        shapes = {(fork.condition, *map(len, fork.options)) for fork in forks}
        if len(forks) < len(items) or len(shapes) > 1:
            return rows, False
        # Stretches that depend on one condition: the same one decides for all of them.
        stretches = [_rows(options) for options in zip(*(f.options for f in forks), strict=True)]
        if not all(exact for _, exact in stretches):
            return rows, False
        rows.append(v.Fork(tuple(tuple(made) for made, _ in stretches), forks[0].condition))
    return rows, True


def _may_go_on(value: Value) -> bool:
    return type(value) in (v.List, v.Dict) and bool(value.open)


def _reversed(run: Interpreter, arguments: Arguments) -> Value:
    items = _items(run, arguments)
    if items is None or (is_open(arguments.args[0]) and arguments.args[0].open):
        return v.List([], True)
    return v.List(list(reversed(items)))


def _sorted(run: Interpreter, arguments: Arguments) -> Value:
    items = _items(run, arguments)
    if items is None or is_open(arguments.args[0]):
        return v.List([], True)
    ordered = containers.sort(run, items, arguments)
    return v.List([], True) if ordered is None else v.List(ordered)


def _map(run: Interpreter, arguments: Arguments) -> Value:
    columns = [_items(run, arguments, index) for index in range(1, len(arguments.args))]
    known = [column for column in columns if column is not None]
    if len(known) < len(columns) or any(
        type(item) is v.Fork for column in known for item in column
    ):
        return v.List([], True)
    made = []
    for row in zip(*known, strict=False):
        site = tensors.site_of(run, arguments)
        made.append(run.call(arguments.args[0], Arguments(list(row), {}), site))
    return v.List(made, any(is_open(argument) for argument in arguments.args[1:]))


def _filter(run: Interpreter, arguments: Arguments) -> Value:
    items = _items(run, arguments, 1)
    if items is None or is_open(arguments.args[1]):
        return v.List([], True)
    kept = []
    for item in items:
        value = item
        if arguments.args[0] is not None:
            value = run.call(arguments.args[0], Arguments([item], {}), None)
        truth = run.truth(value)
        if truth is None:
            kept.append(v.Fork(((item,), ())))
        elif truth:
            kept.append(item)
    return v.List(kept)


def _sum(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import operators

    items = _items(run, arguments)
    total = arguments.get(1, "start", 0)
    if items is None or is_open(arguments.args[0]):
        return Unknown("a sum of values that aren't known")
    for item in items:
        if tensors.holds_tensor(item) or tensors.holds_tensor(total):
            total = tensors.operate(run, "operator.add", (total, item), None)
        else:
            total = operators.plus(run, total, item)
    return total


def _any(run: Interpreter, arguments: Arguments) -> Value:
    return _quantify(run, arguments, True)


def _all(run: Interpreter, arguments: Arguments) -> Value:
    return _quantify(run, arguments, False)


def _quantify(run: Interpreter, arguments: Arguments, stop: bool) -> Value:
    items = _items(run, arguments)
    truths = [None if type(item) is v.Fork else run.truth(item) for item in items or ()]
    if stop in truths:
        return stop
    if items is None or None in truths or is_open(arguments.args[0]):
        return Unknown("a condition that isn't known")
    return not stop


def _extreme(function: Callable[..., Any], name: str) -> Callable[..., Value]:
    plain = numeric(function, name)

    def call(run: Interpreter, arguments: Arguments) -> Value:
        key = arguments.kwargs.get("key")
        values = arguments.args
        if len(values) == 1:
            values = list(_items(run, arguments) or [Unknown("values that aren't known")])
        if key is None or arguments.open:
            return plain(run, Arguments(values, arguments.kwargs, arguments.open))
        keys = [run.call(key, Arguments([value], {}), None) for value in values]
        if not all(is_key(each) for each in keys):
            return Unknown(f"`{name}` of values that aren't known")
        try:
            return values[function(range(len(values)), key=lambda i: keys[i])]
        except TypeError:
            return Unknown(f"`{name}` of values that aren't known")

    return call


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


def _isinstance(run: Interpreter, arguments: Arguments) -> Value:
    if len(arguments.args) != 2:
        return Unknown("a type that isn't known")
    value, types = arguments.args
    kinds = types if type(types) is tuple else (types,)
    truths = [is_instance(run, value, kind) for kind in kinds]
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
    if isinstance(kind, v.Builtin) or (isinstance(kind, v.External) and kind.path in _TYPES):
        name = kind.name if isinstance(kind, v.Builtin) else kind.path
        if type(value) in (Unknown, v.External) or name not in _TYPES:
            return None
        if name == "tuple" and isinstance(value, v.Instance):
            return value.cls.kind == "namedtuple"
        if name == "collections.abc.Callable" and isinstance(value, v.Instance):
            return None
        return isinstance(value, _TYPES[name])
    if type(kind) is v.Class:
        if isinstance(value, v.Instance):
            if kind in value.cls.mro:
                return True
            return None if any(type(base) is Unknown for base in value.cls.mro) else False
        return None if type(value) in (Unknown, v.External) else False
    if type(kind) is v.External:
        return models.is_instance(run, value, kind)
    return None


def _issubclass(run: Interpreter, arguments: Arguments) -> Value:
    cls, kinds = arguments.args[:2]
    options = kinds if type(kinds) is tuple else (kinds,)
    if type(cls) is v.Class and all(type(kind) is v.Class for kind in options):
        return any(kind in cls.mro for kind in options)
    return Unknown("a type that isn't known")


def _hasattr(run: Interpreter, arguments: Arguments) -> Value:
    value, name = arguments.args[:2]
    if isinstance(value, v.Instance) and isinstance(name, str):
        from qlsp.trace import attributes

        if attributes.find(run, value, name) is not MISSING:
            return True
        if all(type(base) is v.Class or models.is_object(base) for base in value.cls.mro):
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
        return found is not MISSING or models.is_keras(value.cls)
    callables = (
        v.Function, v.Bound, v.Builtin, v.Partial, v.Class, v.Layer, v.Model, v.Sequential
    )  # fmt: skip
    if type(value) is v.External:
        name = resolve(value.path)
        if name is None or name.kind in ("value", "module"):
            return Unknown("a type that isn't known")
        return True
    return isinstance(value, callables)


def _type(run: Interpreter, arguments: Arguments) -> Value:
    if len(arguments.args) != 1:
        return Unknown("a class that is made at run time")
    value = arguments.args[0]
    if isinstance(value, v.Instance):
        return value.cls
    if type(value) is v.Layer:
        return v.External(value.symbol)
    for name, types in _TYPES.items():
        if type(value) in types and name in BUILTINS and name not in ("object", "int"):
            return BUILTINS[name]
    if type(value) is int:
        return BUILTINS["int"]
    return Unknown("a type that isn't known")


def _super(run: Interpreter, arguments: Arguments) -> Value:
    if len(arguments.args) == 2 and type(arguments.args[0]) is v.Class:
        return v.Super(arguments.args[0], arguments.args[1])
    return Unknown("`super()` of values that aren't known")


def _iter(run: Interpreter, arguments: Arguments) -> Value:
    items = _items(run, arguments)
    if items is None:
        return arguments.args[0] if arguments.args else Unknown("an iterator")
    return v.List(list(items), is_open(arguments.args[0]))


def _next(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.args[0]
    if type(value) is v.List:
        if value.items and type(value.items[0]) is not v.Fork:
            run.trail.touch(value.items)
            return value.items.pop(0)
        if not value.items and not value.open:
            if len(arguments.args) > 1:
                return arguments.args[1]
            raise RaisedError(text="StopIteration")
    return Unknown("an item of a value that isn't known")


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
    "all": _all,
    "any": _any,
    "bin": numeric(bin, "bin"),
    "bool": _bool,
    "callable": _callable,
    "chr": numeric(chr, "chr"),
    "classmethod": _descriptor("classmethod"),
    "complex": numeric(complex, "complex"),
    "dict": _dict,
    "divmod": numeric(divmod, "divmod"),
    "enumerate": _enumerate,
    "eval": lambda run, arguments: Unknown("the result of `eval`"),
    "filter": _filter,
    "float": numeric(float, "float"),
    "format": _format,
    "frozenset": _set,
    "getattr": _getattr,
    "globals": _globals,
    "hasattr": _hasattr,
    "hex": numeric(hex, "hex"),
    "int": numeric(int, "int"),
    "isinstance": _isinstance,
    "issubclass": _issubclass,
    "iter": _iter,
    "len": _len,
    "list": _list,
    "locals": _globals,
    "map": _map,
    "max": _extreme(max, "max"),
    "min": _extreme(min, "min"),
    "next": _next,
    "ord": numeric(ord, "ord"),
    "print": _print,
    "property": _property,
    "range": _range,
    "repr": _repr,
    "reversed": _reversed,
    "round": numeric(_round, "round"),
    "set": _set,
    "setattr": _setattr,
    "slice": _slice,
    "sorted": _sorted,
    "staticmethod": _descriptor("staticmethod"),
    "str": _str,
    "sum": _sum,
    "super": _super,
    "tuple": _tuple,
    "type": _type,
    "zip": _zip,
}
BUILTINS: dict[str, Value] = {
    **{name: Builtin(name, function) for name, function in _FUNCTIONS.items()},
    **{name: Builtin(name, _exception) for name in _EXCEPTIONS.split()},
    "object": Builtin("object", _exception),
    "NotImplemented": Unknown("NotImplemented"),
    "Ellipsis": ...,
    "__debug__": True,
    "__doc__": None,
}
