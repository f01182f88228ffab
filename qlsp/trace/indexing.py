"""Items: reading, writing and deleting `value[key]`, and unpacking."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from qlsp.trace import attributes, containers, tensors
from qlsp.trace import values as v
from qlsp.trace.flow import RaisedError
from qlsp.trace.join import join
from qlsp.trace.scope import Scope
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def item(run: Interpreter, container: Value, key: Value, node: ast.expr, scope: Scope) -> Value:
    """`container[key]`. Raises `RaisedError` for a key that certainly isn't there."""
    kind = type(container)
    if kind is v.Dict:
        if not containers.is_key(key):
            return Unknown("an item under a key that isn't known")
        if key in container.items:
            return container.items[key]
        if container.kind == "defaultdict" and container.default is not None:
            value = run.call(container.default, Arguments([], {}), run.site(node, scope))
            run.trail.set(container.items, key, value)
            return value
        if container.open:
            return containers.unknown_item(container, key)
        raise RaisedError(text="KeyError")
    if kind in (tuple, v.List, str, bytes, range):
        return _index(run, container, key)
    if kind is v.Tensor:
        return tensors.item(run, container, key, run.site(node, scope))
    if kind is Unknown:
        if containers.is_key(key):
            return container.part(("item", key), container.why)
        return Unknown(container.why)
    if kind is v.Instance:
        if container.cls.kind == "namedtuple":
            return _index(run, containers.named_items(container), key)
        method = attributes.find(run, container, "__getitem__")
        if method is not MISSING:
            return run.call(method, Arguments([key], {}), run.site(node, scope))
        if container.cls.kind == "enum":
            return Unknown("an enum member")
    if kind is v.Class and container.kind == "enum" and isinstance(key, str):
        return attributes.get(run, container, key, node, scope)
    if kind is v.Choice:
        options = [item(run, option, key, node, scope) for option in container.options]
        return join(options, run.site(node, scope), run.limits.options)
    if kind is v.External or kind is v.Class:
        return container  # `List[int]`, `Generic[T]`
    return Unknown("an item of an unknown value")


def _index(run: Interpreter, container: Value, key: Value) -> Value:
    items: Any = container.items if type(container) is v.List else container
    is_open = type(container) is v.List and container.open
    if type(key) is slice:
        run.budget.spend(len(items) // 16)
        if type(container) is v.List:
            if is_open or any(type(part) is v.Fork for part in items):
                return v.List([], True)
            return v.List(items[key])
        return items[key]
    if not isinstance(key, int):
        few = type(container) in (tuple, v.List) and 0 < len(items) <= run.limits.options
        if few and not containers.is_open(container):
            return join(items, None, run.limits.options)
        return Unknown("an item under a key that isn't known")
    if type(container) is v.List:
        before = items[:key] if key >= 0 else items[key:]
        if (is_open and key < 0) or any(type(part) is v.Fork for part in before):
            return Unknown("an item of a list that isn't known")
    try:
        found = items[key]
    except IndexError:
        if is_open:
            return Unknown("an item of a list that isn't known")
        raise RaisedError(text="IndexError") from None
    return Unknown("an item of a list that isn't known") if type(found) is v.Fork else found


def set_item(run: Interpreter, container: Value, key: Value, value: Value) -> None:
    """`container[key] = value`."""
    if type(container) is v.Dict:
        if containers.is_key(key):
            run.trail.set(container.items, key, value)
        else:
            run.trail.attribute(container, "open", True)
            for known in list(container.items):
                joined = join([container.items[known], value], None, run.limits.options)
                run.trail.set(container.items, known, joined)
    elif type(container) is v.List:
        containers.set_list_item(run, container, key, value)
    elif isinstance(container, v.Instance):
        method = attributes.find(run, container, "__setitem__")
        if method is not MISSING:
            run.call(method, Arguments([key, value], {}), None)


def delete_item(run: Interpreter, container: Value, key: Value) -> None:
    """`del container[key]`."""
    if type(container) is v.Dict and containers.is_key(key):
        run.trail.delete(container.items, key)
    elif type(container) is v.List:
        run.trail.touch(container.items)
        if isinstance(key, (int, slice)) and not container.open:
            try:
                del container.items[key]
            except IndexError:
                raise RaisedError(text="IndexError") from None
        else:
            container.items.clear()
            run.trail.attribute(container, "open", True)


def unpack(run: Interpreter, value: Value, count: int, star: int | None) -> list[Value]:
    """The values for `count` targets, of which the one at `star` takes a list."""
    if type(value) is v.Tensor:
        return tensors.unpack(run, value, count)
    items = containers.items_of(run, value)
    known = items is not None and not any(type(part) is v.Fork for part in items)
    if items is not None and known and not containers.is_open(value):
        if star is None:
            if len(items) != count:
                raise RaisedError(text="ValueError")
            return list(items)
        tail = count - star - 1
        if len(items) < count - 1:
            raise RaisedError(text="ValueError")
        end = len(items) - tail
        return [*items[:star], v.List(list(items[star:end])), *items[end:]]
    if type(value) is Unknown:
        parts: list[Value] = [value.part(("item", i), value.why) for i in range(count)]
    elif type(value) is v.Choice:
        columns = [unpack(run, option, count, star) for option in value.options]
        return [join(column, None, run.limits.options) for column in zip(*columns, strict=True)]
    else:
        parts = [Unknown("an item of a value that isn't known") for _ in range(count)]
    if star is not None:
        parts[star] = v.List([], True)
    return parts


def unknown_item(run: Interpreter, iterable: Value) -> Value:
    """What a loop over something unknown binds in each turn."""
    if type(iterable) is Unknown:
        return Unknown(iterable.why, argument=iterable.argument)
    return Unknown("an item of a value that isn't known")
