"""Values as arguments of layers: what a `Node.attrs` shows of them."""

from __future__ import annotations

from qlsp.trace import values as v
from qlsp.trace.graph import UNKNOWN, LayerRef, Symbol
from qlsp.trace.keras.names import resolve
from qlsp.trace.values import Value

_DEPTH = 5


def to_attr(value: Value, depth: int = _DEPTH) -> object:
    """A value as it stands in `Node.attrs`."""
    kind = type(value)
    if kind in v.Native:
        return value
    if depth <= 0:
        return UNKNOWN
    if kind is tuple:
        return tuple(to_attr(item, depth - 1) for item in value)
    if kind is v.List:
        if value.open or any(type(item) is v.Fork for item in value.items):
            return UNKNOWN
        if len(value.items) > 4096:
            return UNKNOWN
        return tuple(to_attr(item, depth - 1) for item in value.items)
    if kind is v.Dict:
        if value.open:
            return UNKNOWN
        return {
            key if isinstance(key, str | int | float | bool) else str(key): to_attr(item, depth - 1)
            for key, item in value.items.items()
        }
    if kind is v.External:
        known = resolve(value.path)
        return Symbol(known.symbol if known is not None else value.path)
    if kind is v.Function:
        return Symbol(f"{value.module.name}.{value.name}")
    if kind is v.Class:
        return Symbol(f"{value.module.name}.{value.qualname}")
    if kind is v.Bound and type(value.function) is v.Function:
        return to_attr(value.function)
    if kind is v.Layer:
        return LayerRef(
            value.cls,
            value.name,
            {name: to_attr(item, depth - 1) for name, item in value.attrs.items()},
            value.site,
        )
    if kind is v.Instance and value.cls.kind == "enum":
        return to_attr(value.names.get("value"), depth - 1)
    return UNKNOWN
