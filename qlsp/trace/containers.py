"""Lists, dicts, sets and tuples: what is known of their items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qlsp.trace import values as v
from qlsp.trace.flow import RaisedError
from qlsp.trace.join import join
from qlsp.trace.values import MISSING, Arguments, Builtin, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_REFERENCES = (v.Function, v.Class, v.Layer, v.Instance, v.Builtin, v.Model, v.Sequential)


def is_key(value: Value) -> bool:
    """Whether a value may stand as a key: natives by value, functions and such by identity."""
    kind = type(value)
    if kind is tuple:
        return all(is_key(item) for item in value)
    return (kind in v.Native and kind is not slice) or kind in _REFERENCES


def is_open(value: Value) -> bool:
    """Whether a container may hold more than is seen."""
    if type(value) is v.List:
        return value.open or any(type(item) is v.Fork for item in value.items)
    return type(value) is v.Dict and value.open


def items_of(run: Interpreter, value: Value) -> Sequence[Value] | None:
    """What iterating over a value gives; None if that isn't known. May hold `Fork`s."""
    kind = type(value)
    if isinstance(value, v.List):
        return value.items.copy()
    if isinstance(value, (tuple, range)):
        items: Sequence[Value] = value
        return items if len(items) <= run.limits.items else None
    if kind is str:
        return list(value)
    if kind is v.Dict:
        return None if value.open and not value.items else list(value.items)
    if kind is v.Set:
        return list(value.items)
    if kind is v.Instance:
        if value.cls.kind == "namedtuple":
            return named_items(value)
        return _instance_items(run, value)
    if kind is v.Class and value.kind == "enum":
        return [item for item in value.names.values() if type(item) is v.Instance]
    return None


def _instance_items(run: Interpreter, value: v.Instance) -> Sequence[Value] | None:
    from qlsp.trace import attributes

    method = attributes.find_in_classes(value.cls.mro, "__iter__")
    if method is MISSING:
        return None
    found = run.call(attributes.bind(run, method, value), Arguments([], {}), None)
    return items_of(run, found) if found is not value else None


def named_items(value: v.Instance) -> tuple[Value, ...]:
    """The items of a namedtuple."""
    return tuple(value.names.get(name, None) for name, _ in value.cls.fields or ())


def named_attribute(value: v.Instance, name: str) -> Value:
    """`_fields`, `_asdict` or `_replace` of a namedtuple."""
    fields = tuple(field for field, _ in value.cls.fields or ())
    if name == "_fields":
        return fields

    def asdict(run: Interpreter, arguments: Arguments) -> Value:
        return v.Dict({field: value.names.get(field) for field in fields})

    def replaced(run: Interpreter, arguments: Arguments) -> Value:
        return v.Instance(value.cls, {**value.names, **arguments.kwargs}, value.site)

    return Builtin(name, asdict if name == "_asdict" else replaced)


def comparable(value: Value) -> Sequence[Value] | None:
    """The items of a list or tuple, None for other values."""
    if type(value) is v.List:
        return value.items
    return value if type(value) is tuple else None


def set_list_item(run: Interpreter, target: v.List, key: Value, value: Value) -> None:
    """`target[key] = value`."""
    run.trail.touch(target.items)
    irregular = any(type(item) is v.Fork for item in target.items)
    if isinstance(key, int) and not irregular and not (target.open and key < 0):
        try:
            target.items[key] = value
        except IndexError:
            if not target.open:
                raise RaisedError(text="IndexError") from None
    elif type(key) is slice and not irregular and not target.open:
        items = items_of(run, value)
        if items is not None:
            target.items[key] = items
            return
        target.items.clear()
        run.trail.attribute(target, "open", True)
    else:
        target.items[:] = [
            join([item, value], None, run.limits.options) if type(item) is not v.Fork else item
            for item in target.items
        ]


def extend(run: Interpreter, target: v.List, value: Value) -> None:
    """`target += value`."""
    items = items_of(run, value)
    run.trail.touch(target.items)
    if items is None:
        run.trail.attribute(target, "open", True)
        return
    run.budget.spend(len(items) // 4)
    if len(items) + len(target.items) > run.limits.items:
        run.trail.attribute(target, "open", True)
        return
    if not target.open:
        target.items += items
    if is_open(value) and type(value) is v.List and value.open:
        run.trail.attribute(target, "open", True)


def unknown_item(target: v.Dict, key: Value) -> Unknown:
    """The item of a dict that isn't known: the same one each time it is asked for."""
    if target.rest is None:
        target.rest = Unknown("an item of a dict that isn't known")
    return target.rest.part(("item", key), f"the item {key!r} of a dict that isn't known")
