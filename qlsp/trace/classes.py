"""Classes of the program: their definition, their instances, dataclasses and enumerations."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import attributes, backend, kinds, library, subclasses
from qlsp.trace import values as v
from qlsp.trace.flow import RaisedError
from qlsp.trace.scope import Scope
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_FIELDS = "<fields>"


def make_class(run: Interpreter, node: ast.ClassDef, scope: Scope) -> v.Class:
    """The class that a definition makes; its body has been run."""
    bases = tuple(run.eval(base, scope) for base in node.bases if not isinstance(base, ast.Starred))
    qualname = f"{scope.function}.{node.name}" if scope.function else node.name
    made = v.Class(node.name, bases, {}, scope.module, node, qualname=qualname)
    made.mro = linearize(made)
    inner = Scope(made.names, scope.module, scope, qualname, made, is_class=True)
    try:
        run.execute(node.body, inner)
    except RaisedError:
        made.mro = (*made.mro, Unknown("a class whose body raises"))
    fields = made.names.pop(_FIELDS, None)
    paths = {base.path for base in bases if type(base) is v.External}
    if "typing.NamedTuple" in paths:
        made.kind = "namedtuple"
        made.fields = tuple((n, made.names.get(n, MISSING)) for n in fields or ())
    elif any(path.startswith("enum.") for path in paths) or any(
        type(base) is v.Class and base.kind == "enum" for base in bases
    ):
        _make_enum(made)
    elif fields:
        made.names[_FIELDS] = fields
    return made


def note_field(scope: Scope, name: str, has_default: bool) -> None:
    """Remember an annotated name of a class body, in order."""
    fields = scope.names.setdefault(_FIELDS, [])
    if name not in fields:
        fields.append(name)


def linearize(cls: v.Class) -> tuple[Value, ...]:
    """Method resolution order: C3, or depth first where that fails."""
    if len(cls.bases) == 1:
        base = cls.bases[0]
        return (cls, *base.mro) if type(base) is v.Class else (cls, _as_base(base))
    chains: list[list[Value]] = []
    for base in cls.bases:
        chains.append(list(base.mro) if type(base) is v.Class else [_as_base(base)])
    chains.append([chain[0] for chain in chains if chain])
    order: list[Value] = [cls]
    while chains := [chain for chain in chains if chain]:
        for chain in chains:
            head = chain[0]
            if not any(_index(other[1:], head) for other in chains):
                break
        else:
            for rest in chains:
                order += [base for base in rest if not _index(order, base)]
            break
        order.append(head)
        for chain in chains:
            if _same_base(chain[0], head):
                del chain[0]
    return tuple(order)


def _as_base(base: Value) -> Value:
    if type(base) in (v.External, v.Class):
        return base
    if type(base) is v.Builtin:
        return v.External(base.name)
    return base if type(base) is Unknown else Unknown("a base class that isn't known")


def _same_base(left: Value, right: Value) -> bool:
    if type(left) is v.External and type(right) is v.External:
        return bool(left.path == right.path)
    return left is right


def _index(bases: Sequence[Value], base: Value) -> bool:
    return any(_same_base(other, base) for other in bases)


def _make_enum(cls: v.Class) -> None:
    cls.kind = "enum"
    for name, value in list(cls.names.items()):
        if name.startswith("_") or type(value) in (v.Function, v.Descriptor, v.Instance):
            continue
        cls.names[name] = v.Instance(cls, {"name": name, "value": value})


def enum_equal(left: Value, right: Value) -> bool | None:
    """`==` where one side is an object of the program."""
    if type(left) is v.Instance and type(right) is v.Instance:
        if left.cls.kind == right.cls.kind == "enum":
            return left is right
        return None
    instance, other = (left, right) if type(left) is v.Instance else (right, left)
    if instance.cls.kind == "enum":
        mixed = any(
            type(b) is v.External and b.path in ("str", "int", "enum.IntEnum", "enum.StrEnum")
            for b in instance.cls.mro
        )
        return instance.names.get("value") == other if mixed else False
    if attributes.find_in_classes(instance.cls.mro, "__eq__") is not MISSING:
        return None
    return False if other is None or isinstance(other, v.Native) else None


def decorate(
    run: Interpreter, decorator: Value, value: Value, node: ast.expr, scope: Scope
) -> Value:
    """A decorated function. Decorators from outside the project pass the function through."""
    if type(decorator) is v.Builtin:
        return decorator.run(run, Arguments([value], {}, False, node))
    if type(decorator) in (v.Function, v.Bound, v.Partial, v.Class):
        result = run.call(decorator, Arguments([value], {}, False, node), run.site(node, scope))
        return value if type(result) is Unknown else result
    if isinstance(node, ast.Attribute) and node.attr in ("setter", "deleter"):
        return decorator if type(decorator) is v.Descriptor else scope.names.get(value.name, value)
    if type(decorator) is v.External and (
        decorator.path in library.FUNCTIONS or backend.knows(decorator.path)
    ):
        return run.call(decorator, Arguments([value], {}, False, node), None)
    if type(decorator) is v.External and decorator.path.endswith("property"):
        return v.Descriptor("property", value)
    return value


def decorate_class(run: Interpreter, node: ast.expr, value: Value, scope: Scope) -> Value:
    """A decorated class: dataclasses get their fields, other decorators pass it through."""
    called = node.func if isinstance(node, ast.Call) else node
    decorator = run.eval(called, scope)
    if type(decorator) is v.External and decorator.path.endswith(
        ("dataclasses.dataclass", "attr.s", "attrs.define", "attr.dataclass", "attrs.frozen")
    ):
        if type(value) is v.Class:
            _make_dataclass(value)
    elif type(decorator) in (v.Function, v.Bound):
        wrapper = run.eval(node, scope)
        result = run.call(wrapper, Arguments([value], {}, False, node), run.site(node, scope))
        return result if type(result) is v.Class else value
    return value


def _make_dataclass(cls: v.Class) -> None:
    fields: dict[str, Value] = {}
    for base in reversed(cls.mro):
        if type(base) is v.Class:
            for name in base.names.get(_FIELDS, ()):
                fields[name] = base.names.get(name, MISSING)
    cls.kind = "dataclass"
    cls.fields = tuple(fields.items())


def make_namedtuple(run: Interpreter, arguments: Arguments) -> Value:
    """`collections.namedtuple(name, fields, defaults=)`."""
    from qlsp.trace.containers import items_of

    name, given = arguments.get(0, "typename"), arguments.get(1, "field_names")
    if isinstance(given, str):
        fields: Sequence[Value] | None = given.replace(",", " ").split()
    else:
        fields = items_of(run, given)
    defaults = items_of(run, arguments.kwargs.get("defaults", ()) or ())
    if fields is None or defaults is None or not all(isinstance(f, str) for f in fields):
        return Unknown("a namedtuple that isn't known")
    values = [MISSING] * (len(fields) - len(defaults)) + list(defaults)
    node = ast.ClassDef(str(name), [], [], [], [], lineno=1, col_offset=0)
    made = v.Class(str(name), (), {}, run.main_module(), node, kind="namedtuple")
    made.fields = tuple(zip(fields, values, strict=False))
    made.mro = (made,)
    made.qualname = str(name)
    return made


def instantiate(run: Interpreter, cls: v.Class, arguments: Arguments, site: Site | None) -> Value:
    """Call a class."""
    if cls.kind == "enum":
        return _enum_member(run, cls, arguments)
    made = v.Instance(cls, {}, site)
    if subclasses.keras_base(cls) is not None:
        return subclasses.instantiate(run, made, arguments, site)
    initialize(run, made, arguments, site)
    return made


def initialize(run: Interpreter, made: v.Instance, arguments: Arguments, site: Site | None) -> None:
    """Run `__init__`, or fill in the fields of a dataclass or namedtuple."""
    cls = made.cls
    method = attributes.find_in_classes(cls.mro, "__init__")
    if method is not MISSING:
        run.call(attributes.bind(run, method, made), arguments, site)
        return
    fields = next((b.fields for b in cls.mro if type(b) is v.Class and b.fields is not None), None)
    if fields is None:
        # Libraries of settings make such constructors: each argument sets the field of its name.
        for name, value in arguments.kwargs.items():
            run.trail.set(made.names, name, value)
        return
    for index, (name, default) in enumerate(fields):
        value = arguments.get(index, name, MISSING)
        if value is MISSING:
            value = default
            if type(value) is v.Partial and value.function is library.FIELD_FACTORY:
                value = run.call(value.args[0], Arguments([], {}), site)
            if value is MISSING or arguments.open:
                value = Unknown(f"the field `{name}`, which isn't known")
        run.trail.set(made.names, name, value)
    method = attributes.find_in_classes(cls.mro, "__post_init__")
    if method is not MISSING:
        run.call(attributes.bind(run, method, made), Arguments([], {}), site)


def _enum_member(run: Interpreter, cls: v.Class, arguments: Arguments) -> Value:
    wanted = arguments.args[0] if arguments.args else None
    for member in cls.names.values():
        if type(member) is v.Instance and (member is wanted or member.names.get("value") == wanted):
            return member
    return Unknown("an enum member")


def call_instance(
    run: Interpreter, instance: v.Instance, arguments: Arguments, site: Site | None
) -> Value:
    """Call an object: Keras layers and models through `call`, others through `__call__`."""
    if kinds.is_keras(instance.cls):
        return subclasses.apply(run, instance, arguments, site)
    found = attributes.find_in_classes(instance.cls.mro, "__call__")
    if found is not MISSING:
        return run.call(attributes.bind(run, found, instance), arguments, site)
    return run.unknown_call(Unknown(f"an object of class `{instance.cls.name}`"), arguments, site)
