"""Which class of Keras a value is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qlsp.trace import values as v
from qlsp.trace.keras import signatures
from qlsp.trace.keras.names import Name, resolve
from qlsp.trace.values import Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def is_keras(cls: v.Class) -> bool:
    """Whether a class of the program derives from a Keras layer or model."""
    return base_name(cls) is not None


def base_name(cls: v.Class) -> Name | None:
    """The Keras class that a class of the program derives from, the most special one."""
    general = None
    for base in cls.mro:
        if type(base) is v.External:
            name = resolve(base.path)
            if name is not None and name.kind in ("layer", "model", "sequential"):
                if name.last != "Layer":
                    return name
                general = general or name
    return general


def is_object(base: Value) -> bool:
    """Whether a base class is a class of the program, or gives no attributes of its own."""
    return type(base) is v.External and base.path in ("object", "abc.ABC", "typing.Generic")


def is_instance(run: Interpreter, value: Value, kind: v.External) -> bool | None:
    """`isinstance(value, <something outside>)`."""
    name = resolve(kind.path)
    if name is None:
        return False if isinstance(value, v.Native) or type(value) in (v.List, v.Dict) else None
    if type(value) is Tensor:
        return True if "Tensor" in name.last else (False if name.kind == "layer" else None)
    if isinstance(value, v.Native) or type(value) in (v.List, v.Dict, tuple, v.Function):
        return False
    if type(value) is v.Layer:
        if name.last in ("Layer", "Module", value.cls):
            return True
        if name.kind == "layer":
            return name.last in signatures.bases(value.cls)
        return False if name.kind in ("model", "sequential") else None
    if type(value) in (v.Model, v.Sequential):
        if name.last in ("Model", "Layer", "Module"):
            return True
        if name.last == "Functional":
            return True
        if name.kind == "sequential":
            return type(value) is v.Sequential
        return False if name.kind == "layer" else None
    if type(value) is v.Instance:
        for base in value.cls.mro:
            if type(base) is v.External:
                own = resolve(base.path)
                if own is None:
                    return None
                if own.symbol == name.symbol or name.last == "Layer":
                    return True
                if own.kind == "layer" and name.last in signatures.bases(own.last):
                    return True
                if own.kind == "model" and name.last == "Model":
                    return True
        return None if any(type(b) is Unknown for b in value.cls.mro) else False
    return None
