"""Attributes: reading and writing `value.name`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from qlsp.trace import containers, imports, kinds, library, members, natives, tensors, tools
from qlsp.trace import values as v
from qlsp.trace.gate import LAYERS
from qlsp.trace.join import join
from qlsp.trace.keras.names import FUNCTIONAL
from qlsp.trace.scope import Module, Scope
from qlsp.trace.values import MISSING, Arguments, Bound, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_BACKEND = frozenset(
    ["floatx", "get_uid", "image_data_format", "int_shape", "is_keras_tensor", "learning_phase"]
)
"""Functions of `keras.backend` whose names say so."""
_OF_NONE = {
    **{path.rpartition(".")[2]: "layers" for path in FUNCTIONAL if path.startswith("keras.")},
    "get_source_inputs": "utils",
}


def get(
    run: Interpreter, value: Value, name: str, node: ast.expr | None, scope: Scope | None
) -> Value:
    """`value.name`; unknown where there is no such attribute."""
    kind = type(value)
    if kind is v.External:
        return external(value.path, name)
    if kind is v.Instance:
        found = find(run, value, name)
        if found is MISSING:
            return missing_attribute(run, value, name)
        return found
    if kind is v.Tensor:
        return tensors.attribute(run, value, name)
    if kind is Unknown or value is None:
        if value is not None and value.handle is not None:
            known = tools.attribute(run, value, name)
            if known is not None:
                return known
        return assumed(value, name)
    if kind is Module:
        return imports.module_attribute(run, value, name)
    if kind in (v.Layer, v.Model, v.Sequential):
        return members.attribute(run, value, name)
    if kind is v.Class:
        return class_attribute(run, value, name)
    if kind is v.Super:
        return _super_attribute(run, value, name)
    if kind is v.Choice:
        options = [get(run, option, name, node, scope) for option in value.options]
        return join(options, None, run.limits.options)
    method = natives.method(value, name)
    if method is not MISSING:
        return Bound(method, value)
    if kind is tuple and name in ("rank", "ndims"):
        return len(value)  # of a tensor's shape
    if kind is int and name == "value":
        return value  # an axis of TensorFlow 1
    if kind is v.Function:
        if name == "__name__":
            return value.name.rpartition(".")[2]
        return value.attributes.get(name, Unknown(f"the attribute `{name}` of a function"))
    if kind is v.Partial and name in ("func", "args", "keywords"):
        parts = {
            "func": value.function,
            "args": value.args,
            "keywords": v.Dict(dict(value.kwargs)),
        }
        return parts[name]
    if kind is Bound and name == "__self__":
        return value.receiver
    if kind is Bound and type(value.function) is v.Function:
        return get(run, value.function, name, node, scope)
    return Unknown(f"the attribute `{name}` of a value that isn't known")


def assumed(value: Unknown | None, name: str) -> Value:
    """An attribute of an unknown value, or of a None that is to be replaced by a module.

    Code that is handed its `layers` and `backend` modules as arguments names Keras's classes in
    full: `unknown.Conv2D` is taken for Keras's, and so is the rest of what has such attributes.
    """
    section = None
    if name in LAYERS:
        section = "models" if name in ("Model", "Sequential") else "layers"
    elif name in _BACKEND:
        section = "backend"
    elif value is None:
        section = _OF_NONE.get(name)
    module = value.module if value is not None else None
    if module is None and section is not None:
        module = f"tensorflow.keras.{section}"
        if value is not None:
            value.module = module
    if module is not None:
        return v.External(f"{module}.{name}")
    if value is None:
        return Unknown(f"the attribute `{name}` of None")
    return value.part(name, value.why)


def external(path: str, name: str) -> Value:
    """An attribute of something outside the project."""
    whole = f"{path}.{name}"
    if whole in library.CONSTANTS:
        return library.CONSTANTS[whole]
    return v.External(whole)


def find(run: Interpreter, instance: v.Instance, name: str) -> Value:
    """An attribute of an instance, `MISSING` if neither it nor its classes have it."""
    found = instance.names.get(name, MISSING)
    if found is not MISSING:
        return found
    found = find_in_classes(instance.cls.mro, name)
    if found is not MISSING:
        return bind(run, found, instance)
    if name == "__class__":
        return instance.cls
    if name == "__dict__":
        return v.Dict(instance.names)
    if instance.cls.kind == "namedtuple" and name in ("_asdict", "_replace", "_fields"):
        return containers.named_attribute(instance, name)
    return MISSING


def missing_attribute(run: Interpreter, instance: v.Instance, name: str) -> Value:
    """An attribute that no class of the program gives: Keras's part has it, or nothing known."""
    if instance.keras is not None or kinds.is_keras(instance.cls):
        from qlsp.trace import subclasses

        found = subclasses.keras_attribute(run, instance, name)
        if found is not MISSING:
            return found
    if any(type(base) is not v.Class for base in instance.cls.mro):
        inherited = Unknown(f"the inherited attribute `{name}`")
        instance.names.setdefault(name, inherited)
        return instance.names[name]
    getter = find_in_classes(instance.cls.mro, "__getattr__")
    if getter is not MISSING:
        return run.call(bind(run, getter, instance), Arguments([name], {}), None)
    return Unknown(f"the attribute `{name}`, which nothing sets")


def find_in_classes(mro: tuple[Value, ...], name: str) -> Value:
    """An attribute in the bodies of the program's classes, in order."""
    for cls in mro:
        if type(cls) is v.Class and name in cls.names:
            return cls.names[name]
    return MISSING


def bind(run: Interpreter, found: Value, receiver: Value) -> Value:
    """What a class attribute is when read through an instance."""
    if type(found) is v.Function:
        return Bound(found, receiver)
    if type(found) is v.Descriptor:
        if found.kind == "property":
            return run.call(found.function, Arguments([receiver], {}), None)
        if found.kind == "classmethod":
            return Bound(found.function, receiver.cls)
        return found.function
    return found


def class_attribute(run: Interpreter, cls: v.Class, name: str) -> Value:
    """`Class.name`."""
    found = find_in_classes(cls.mro, name)
    if found is not MISSING:
        if type(found) is v.Descriptor and found.kind != "property":
            return Bound(found.function, cls) if found.kind == "classmethod" else found.function
        return found
    if name in ("__name__", "__qualname__"):
        return cls.name
    for base in cls.mro:
        if type(base) is v.External:
            return external(base.path, name)
    return Unknown(f"the attribute `{name}` of class `{cls.name}`")


def super_of(scope: Scope) -> Value:
    """`super()` without arguments, in a method."""
    current: Scope | None = scope
    while current is not None:
        if current.owner is not None and not current.is_class:
            return v.Super(current.owner, current.receiver)
        current = current.parent
    return Unknown("`super()` outside a method")


def _super_attribute(run: Interpreter, value: v.Super, name: str) -> Value:
    receiver = value.receiver
    cls = receiver.cls if isinstance(receiver, v.Instance) else receiver
    if not isinstance(cls, v.Class):
        return Unknown(f"`super().{name}`")
    mro = cls.mro
    rest = mro[mro.index(value.cls) + 1 :] if value.cls in mro else ()
    found = find_in_classes(rest, name)
    if found is not MISSING:
        if isinstance(receiver, v.Instance):
            return bind(run, found, receiver)
        if type(found) is v.Descriptor:
            return Bound(found.function, receiver)
        return found
    if isinstance(receiver, v.Instance):
        from qlsp.trace import subclasses

        if kinds.is_keras(receiver.cls):
            found = subclasses.super_attribute(run, receiver, name)
            if found is not MISSING:
                return found
        if name == "__init__" and all(map(kinds.is_object, rest)):
            return v.Builtin(name, lambda run, arguments: None)
    return Unknown(f"`super().{name}`")


def set_attribute(run: Interpreter, owner: Value, name: str, value: Value) -> None:
    """`owner.name = value`."""
    if isinstance(owner, v.Instance):
        setter = find_in_classes(owner.cls.mro, name)
        if type(setter) is v.Descriptor and setter.kind == "property":
            return
        run.trail.set(owner.names, name, value)
        if type(owner.keras) is v.Layer and name in members.SETTABLE:
            members.set_attribute(run, owner.keras, name, value)
    elif isinstance(owner, (v.Layer, v.Model, v.Sequential)):
        members.set_attribute(run, owner, name, value)
    elif isinstance(owner, (v.Class, Module)):
        run.trail.set(owner.names, name, value)
    elif isinstance(owner, v.Function):
        run.trail.set(owner.attributes, name, value)
    elif isinstance(owner, Unknown):
        if owner.handle is not None:
            tools.set_attribute(run, owner, name, value, None)
    elif isinstance(owner, v.Choice):
        for option in owner.options:
            if isinstance(option, v.Instance):
                old = option.names.get(name, MISSING)
                joined = join([old, value], None, run.limits.options)
                set_attribute(run, option, name, joined)
