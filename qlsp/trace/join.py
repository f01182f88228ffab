"""Joining what two arms of an unknown condition left at one place."""

from __future__ import annotations

from collections.abc import Sequence

from qlsp.source.span import Site
from qlsp.trace import values as v
from qlsp.trace.keras.names import resolve
from qlsp.trace.values import MISSING, Choice, Fork, Unknown, Value

_CHOOSABLE = {
    type(None),
    v.Tensor,
    v.Layer,
    v.Model,
    v.Sequential,
    v.Instance,
    v.Function,
    v.Bound,
    v.Partial,
    v.Class,
    v.External,
    v.Builtin,
}
_DEPTH = 8


def same(left: Value, right: Value, depth: int = _DEPTH) -> bool:
    """Whether two values are certainly one."""
    if left is right:
        return True
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is tuple:
        return (
            depth > 0
            and len(left) == len(right)
            and all(same(a, b, depth - 1) for a, b in zip(left, right, strict=True))
        )
    if kind is v.External:
        if left.path == right.path:
            return True
        known, other = resolve(left.path), resolve(right.path)
        return known is not None and other is not None and known.symbol == other.symbol
    if kind is v.Tensor:
        return left.node is right.node and bool(left.slot == right.slot)
    if kind is v.Bound:
        return left.function is right.function and left.receiver is right.receiver
    if kind is v.Instance:
        return _are_alike(left, right, depth)
    if kind in v.Native:
        try:
            return bool(left == right)
        except Exception:
            return False
    return False


def _are_alike(left: v.Instance, right: v.Instance, depth: int) -> bool:
    """Whether two objects have nothing that tells them apart, as layers without weights."""
    if depth <= 0 or left.cls is not right.cls or left.keras or right.keras:
        return False
    ours, theirs = ({k: n for k, n in each.names.items() if k != "name"} for each in (left, right))
    return ours.keys() == theirs.keys() and all(
        type(value) in v.Native and same(value, theirs[key]) for key, value in ours.items()
    )


def join(
    options: Sequence[Value], condition: Site | None, limit: int, depth: int = _DEPTH
) -> Value:
    """One value for several that stand for the same thing under different conditions.

    `MISSING` (a name bound on one side only) gives way: a program that reads the name relies on it
    being bound. Constants that differ are unknown; things that can be called, or tensors, are kept
    as a `Choice` of at most `limit`.
    """
    distinct: list[Value] = []
    conditions: list[Site] = [condition] if condition else []
    for option in options:
        parts: Sequence[Value] = (option,)
        if type(option) is Choice:
            parts = option.options
            conditions += [c for c in option.conditions if c not in conditions]
        for part in parts:
            for at, other in enumerate(distinct):
                if part is other or same(part, other):
                    distinct[at] = _of_either(other, part)
                    break
            else:
                if part is not MISSING:
                    distinct.append(part)
    if not distinct:
        return MISSING
    if len(distinct) == 1:
        return distinct[0]
    kinds = set(map(type, distinct))
    if kinds == {tuple} and len(set(map(len, distinct))) == 1:
        if depth <= 0:
            return Unknown("a value that depends on a condition")
        return tuple(
            join(items, condition, limit, depth - 1) for items in zip(*distinct, strict=True)
        )
    if kinds == {v.List}:
        return _join_lists(distinct, condition, limit, depth)
    if kinds <= _CHOOSABLE:
        if len(distinct) <= limit:
            return Choice(tuple(distinct), tuple(conditions))
        return Unknown("one of too many values")
    if v.Tensor in kinds and len(distinct) <= limit:
        return Choice(tuple(distinct), tuple(conditions))
    return Unknown("a value that depends on a condition")


def _of_either(left: Value, right: Value) -> Value:
    """The same name of Keras, of a package that may be the one or the other.

    Of objects that are alike, the one that is made first in the source.
    """
    if type(left) is v.Instance and left.site is not None and right.site is not None:
        return min(left, right, key=lambda each: (each.site.path, each.site.span))
    if type(left) is v.External and type(right) is v.External and left.path != right.path:
        known, other = resolve(left.path), resolve(right.path)
        if known is not None and other is not None and known.flavour != other.flavour:
            either = resolve(f"tensorflow.{known.symbol}")
            if either is not None and either.symbol == known.symbol:
                return v.External(f"tensorflow.{known.symbol}")
    return left


def _join_lists(
    lists: Sequence[v.List], condition: Site | None, limit: int, depth: int
) -> v.List | Unknown:
    """A new list for one of several list objects."""
    if depth <= 0:
        return Unknown("a value that depends on a condition")
    items = join_items([value.items for value in lists], condition, limit, depth - 1)
    return v.List(items, any(value.open for value in lists))


def join_items(
    lists: Sequence[Sequence[Value]], condition: Site | None, limit: int, depth: int = _DEPTH
) -> list[Value]:
    """The items of one list, as different arms left it."""
    first = lists[0]
    if all(len(items) == len(first) for items in lists):
        if all(all(same(a, b) for a, b in zip(first, items, strict=True)) for items in lists[1:]):
            return list(first)
        if not any(isinstance(item, (Fork, v.Entry)) for items in lists for item in items):
            return [join(each, condition, limit, depth) for each in zip(*lists, strict=True)]
    length = min(map(len, lists))
    head = 0
    while head < length and all(same(items[head], first[head]) for items in lists):
        head += 1
    return [*first[:head], Fork(tuple(tuple(items[head:]) for items in lists), condition)]
