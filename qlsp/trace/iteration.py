"""Python's own functions that make, go through or sum up sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qlsp.trace import methods, tensors
from qlsp.trace import values as v
from qlsp.trace.containers import is_key, is_open, items_of
from qlsp.trace.flow import RaisedError
from qlsp.trace.natives import numeric
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def _len(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.args[0] if arguments.args else None
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, v.Instance) and value.cls.kind != "namedtuple":
        return _length(run, value)
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
        methods.update(run, made, arguments.args[0])
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
    ordered = methods.sort(run, items, arguments)
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


def _length(run: Interpreter, value: v.Instance) -> Value:
    """`len()` of an object of the program."""
    from qlsp.trace import attributes

    found = attributes.find(run, value, "__len__")
    if found is MISSING:
        return Unknown("a length that isn't known")
    return run.call(found, Arguments([], {}), None)


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


FUNCTIONS: dict[str, Callable[[Interpreter, Arguments], Value]] = {
    "all": _all,
    "any": _any,
    "dict": _dict,
    "enumerate": _enumerate,
    "filter": _filter,
    "frozenset": _set,
    "iter": _iter,
    "len": _len,
    "list": _list,
    "map": _map,
    "max": _extreme(max, "max"),
    "min": _extreme(min, "min"),
    "next": _next,
    "range": _range,
    "reversed": _reversed,
    "set": _set,
    "sorted": _sorted,
    "sum": _sum,
    "tuple": _tuple,
    "zip": _zip,
}
