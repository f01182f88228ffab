"""Methods of lists, dicts, sets and tuples; each takes its receiver as the first argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qlsp.trace import values as v
from qlsp.trace.containers import extend, is_key, is_open, items_of, unknown_item
from qlsp.trace.flow import RaisedError
from qlsp.trace.values import Arguments, Builtin, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def _append(run: Interpreter, arguments: Arguments) -> Value:
    target, value = arguments.args[0], arguments.get(1, "object")
    if not target.open:
        if len(target.items) > run.limits.items:
            run.trail.attribute(target, "open", True)
            return None
        run.trail.touch(target.items)
        target.items.append(value)
    return None


def _extend(run: Interpreter, arguments: Arguments) -> Value:
    extend(run, arguments.args[0], arguments.get(1, "iterable"))
    return None


def _insert(run: Interpreter, arguments: Arguments) -> Value:
    target, at, value = arguments.args[0], arguments.get(1, "index"), arguments.get(2, "object")
    run.trail.touch(target.items)
    if isinstance(at, int) and not is_open(target):
        target.items.insert(at, value)
    else:
        run.trail.attribute(target, "open", True)
    return None


def _pop(run: Interpreter, arguments: Arguments) -> Value:
    target, at = arguments.args[0], arguments.get(1, "index", -1)
    if not isinstance(at, int) or (is_open(target) and (at < 0 or target.open)):
        last = target.items[-1] if target.items and at == -1 and not target.open else None
        if last is not None and type(last) is not v.Fork:
            run.trail.touch(target.items)
            return target.items.pop()
        run.trail.attribute(target, "open", True)
        return Unknown("an item of a list that isn't known")
    run.trail.touch(target.items)
    try:
        return target.items.pop(at)
    except IndexError:
        raise RaisedError(text="IndexError") from None


def _remove(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import operators

    target, value = arguments.args[0], arguments.get(1, "value")
    run.trail.touch(target.items)
    for index, item in enumerate(target.items):
        truth = None if type(item) is v.Fork else operators.equal(run, item, value)
        if truth:
            del target.items[index]
            return None
        if truth is None:
            run.trail.attribute(target, "open", True)
            return None
    raise RaisedError(text="ValueError")


def _clear(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    if type(target) is v.List:
        run.trail.touch(target.items)
        target.items.clear()
    else:
        for key in list(target.items):
            run.trail.delete(target.items, key)
    if type(target) is not v.Set:
        run.trail.attribute(target, "open", False)
    return None


def _copy(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    run.budget.spend(len(target.items) // 16)
    if type(target) is v.List:
        return v.List(target.items.copy(), target.open)
    if type(target) is v.Set:
        return v.Set(target.items.copy())
    return v.Dict(target.items.copy(), target.open, target.kind, target.default)


def _reverse(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    run.trail.touch(target.items)
    target.items.reverse()
    return None


def _sort(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    run.trail.touch(target.items)
    ordered = sort(run, target.items, arguments)
    if ordered is None:
        run.trail.attribute(target, "open", True)
        target.items.clear()
    else:
        target.items[:] = ordered
    return None


def sort(run: Interpreter, items: Sequence[Value], arguments: Arguments) -> list[Value] | None:
    """`sorted(items, key=, reverse=)`; None if the order isn't known."""
    key = arguments.kwargs.get("key")
    reverse = arguments.kwargs.get("reverse", False)
    run.budget.spend(len(items))
    keys = [item if key is None else run.call(key, Arguments([item], {}), None) for item in items]
    if not all(is_key(each) for each in keys) or not isinstance(reverse, (bool, int)):
        return None
    try:
        order = sorted(range(len(items)), key=lambda i: keys[i], reverse=bool(reverse))
    except TypeError:
        return None
    return [items[i] for i in order]


def _index(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import operators

    value = arguments.get(1, "value")
    for index, item in enumerate(items_of(run, arguments.args[0]) or ()):
        truth = None if type(item) is v.Fork else operators.equal(run, item, value)
        if truth:
            return index
        if truth is None:
            return Unknown("a position that isn't known")
    raise RaisedError(text="ValueError")


def _count(run: Interpreter, arguments: Arguments) -> Value:
    from qlsp.trace import operators

    if is_open(arguments.args[0]):
        return Unknown("a count that isn't known")
    value = arguments.get(1, "value")
    items = items_of(run, arguments.args[0]) or ()
    truths = [operators.equal(run, item, value) for item in items]
    return Unknown("a count that isn't known") if None in truths else truths.count(True)


def _get(run: Interpreter, arguments: Arguments) -> Value:
    target, key = arguments.args[0], arguments.get(1, "key")
    default = arguments.get(2, "default")
    if not is_key(key):
        return Unknown("an item under a key that isn't known")
    if key in target.items:
        return target.items[key]
    if target.open:
        return unknown_item(target, key)
    return default


def _pop_key(run: Interpreter, arguments: Arguments) -> Value:
    target, key = arguments.args[0], arguments.get(1, "key")
    if is_key(key) and key in target.items:
        value = target.items[key]
        run.trail.delete(target.items, key)
        return value
    if not is_key(key):
        return Unknown("an item under a key that isn't known")
    if target.open:
        return unknown_item(target, key)
    if len(arguments.args) > 2 or "default" in arguments.kwargs:
        return arguments.get(2, "default")
    raise RaisedError(text="KeyError")


def _set_default(run: Interpreter, arguments: Arguments) -> Value:
    target, key = arguments.args[0], arguments.get(1, "key")
    if not is_key(key):
        return Unknown("an item under a key that isn't known")
    if key not in target.items:
        value: Value = arguments.get(2, "default")
        if target.open:
            value = unknown_item(target, key)
        run.trail.set(target.items, key, value)
    return target.items[key]


def _keys(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    return v.List(list(target.items), target.open)


def _values(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    return v.List(list(target.items.values()), target.open)


def _items(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    return v.List(list(target.items.items()), target.open)


def _update(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    if len(arguments.args) > 1:
        update(run, target, arguments.args[1])
    for key, value in arguments.kwargs.items():
        run.trail.set(target.items, key, value)
    if arguments.open:
        run.trail.attribute(target, "open", True)
    return None


def update(run: Interpreter, target: v.Dict, other: Value) -> None:
    """`target.update(other)`."""
    if type(other) is v.Dict:
        for key, value in other.items.items():
            run.trail.set(target.items, key, value)
        if other.open:
            run.trail.attribute(target, "open", True)
        return
    items = items_of(run, other)
    for item in items or ():
        pair = items_of(run, item)
        if pair is None or len(pair) != 2 or not is_key(pair[0]):
            items = None
            break
        run.trail.set(target.items, pair[0], pair[1])
    if items is None or is_open(other):
        run.trail.attribute(target, "open", True)


def _pop_item(run: Interpreter, arguments: Arguments) -> Value:
    target = arguments.args[0]
    if target.open or not target.items:
        return Unknown("an item of a dict that isn't known")
    key = next(reversed(target.items))
    value = target.items[key]
    run.trail.delete(target.items, key)
    return (key, value)


def _add(run: Interpreter, arguments: Arguments) -> Value:
    if is_key(arguments.args[1]):
        run.trail.set(arguments.args[0].items, arguments.args[1], None)
    return None


def _discard(run: Interpreter, arguments: Arguments) -> Value:
    if is_key(arguments.args[1]):
        run.trail.delete(arguments.args[0].items, arguments.args[1])
    return None


def _union(run: Interpreter, arguments: Arguments) -> Value:
    made = v.Set(dict(arguments.args[0].items))
    for other in arguments.args[1:]:
        items = items_of(run, other)
        if items is None or not all(is_key(item) for item in items):
            return Unknown("a set of values that aren't known")
        made.items.update(dict.fromkeys(items))
    return made


def _move_to_end(run: Interpreter, arguments: Arguments) -> Value:
    target, key = arguments.args[0], arguments.args[1]
    if is_key(key) and key in target.items:
        value = target.items[key]
        run.trail.delete(target.items, key)
        run.trail.set(target.items, key, value)
    return None


Method = Callable[["Interpreter", Arguments], Value]


def _is_fully_defined(shape: tuple[Value, ...]) -> Value:
    if any(type(axis) in (Unknown, v.Choice) for axis in shape):
        return Unknown("whether a shape is known")
    return None not in shape


def _methods(**functions: Method) -> dict[str, Builtin]:
    return {name: Builtin(name, function) for name, function in functions.items()}


METHODS: dict[type[Any], dict[str, Builtin]] = {
    v.List: _methods(
        append=_append,
        extend=_extend,
        insert=_insert,
        pop=_pop,
        popleft=lambda run, a: _pop(run, Arguments([a.args[0], 0], {})),
        appendleft=lambda run, a: _insert(run, Arguments([a.args[0], 0, a.args[1]], {})),
        remove=_remove,
        clear=_clear,
        copy=_copy,
        reverse=_reverse,
        sort=_sort,
        index=_index,
        count=_count,
    ),
    # A tensor's shape is a tuple, and has the last two.
    tuple: _methods(
        index=_index,
        count=_count,
        as_list=lambda run, a: v.List(list(a.args[0])),
        is_fully_defined=lambda run, a: _is_fully_defined(a.args[0]),
    ),
    v.Dict: _methods(
        get=_get,
        pop=_pop_key,
        setdefault=_set_default,
        keys=_keys,
        values=_values,
        items=_items,
        update=_update,
        copy=_copy,
        clear=_clear,
        popitem=_pop_item,
        move_to_end=_move_to_end,
    ),
    v.Set: _methods(
        add=_add,
        discard=_discard,
        remove=_discard,
        union=_union,
        copy=_copy,
        clear=_clear,
    ),
}
