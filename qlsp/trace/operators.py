"""Operators and comparisons, on values that are known."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qlsp.trace import attributes, classes, containers, tensors, text
from qlsp.trace import values as v
from qlsp.trace.flow import RaisedError
from qlsp.trace.join import same
from qlsp.trace.keras import names
from qlsp.trace.scope import Scope
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("add", operator.add),
    ast.Sub: ("sub", operator.sub),
    ast.Mult: ("mul", operator.mul),
    ast.Div: ("truediv", operator.truediv),
    ast.FloorDiv: ("floordiv", operator.floordiv),
    ast.Mod: ("mod", operator.mod),
    ast.Pow: ("pow", operator.pow),
    ast.LShift: ("lshift", operator.lshift),
    ast.RShift: ("rshift", operator.rshift),
    ast.BitOr: ("or", operator.or_),
    ast.BitXor: ("xor", operator.xor),
    ast.BitAnd: ("and", operator.and_),
    ast.MatMult: ("matmul", operator.matmul),
}
_COMPARE: dict[type[ast.cmpop], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Eq: ("eq", operator.eq),
    ast.NotEq: ("ne", operator.ne),
    ast.Lt: ("lt", operator.lt),
    ast.LtE: ("le", operator.le),
    ast.Gt: ("gt", operator.gt),
    ast.GtE: ("ge", operator.ge),
}
_NUMBERS = (int, float, bool, complex)

_SEQUENCES = (tuple, v.List)


def binary(
    run: Interpreter,
    kind: type[ast.operator],
    left: Value,
    right: Value,
    node: ast.expr,
    scope: Scope,
) -> Value:
    """`left <operator> right`."""
    name, function = BINARY[kind]
    left_type, right_type = type(left), type(right)
    if left_type in _NUMBERS and right_type in _NUMBERS:
        return _number(run, kind, function, left, right)
    if left_type in _SEQUENCES and (right_type in _SEQUENCES or right_type is int):
        result = _sequence(run, kind, left, right)
        if result is not MISSING:
            return result
    if tensors.holds_tensor(left) or tensors.holds_tensor(right):
        if (
            kind is ast.Add
            and Unknown in (left_type, right_type)
            and v.List in (left_type, right_type)
        ):
            return _longer(left, right)
        return tensors.operate(run, f"operator.{name}", (left, right), run.site(node, scope))
    if left_type is str and kind is ast.Mod:
        return text.percent_format(run, left, right)
    if left_type is Unknown or right_type is Unknown:
        return left if left_type is Unknown else right
    if isinstance(left, v.Instance):
        method = attributes.find(run, left, f"__{name}__")
        if method is not MISSING:
            return run.call(method, Arguments([right], {}), run.site(node, scope))
    if isinstance(right, v.Instance):
        method = attributes.find(run, right, f"__r{name}__")
        if method is not MISSING:
            return run.call(method, Arguments([left], {}), run.site(node, scope))
    result = _sequence(run, kind, left, right)
    if result is not MISSING:
        return result
    return Unknown(f"`{name}` of values that aren't known")


def plus(run: Interpreter, left: Value, right: Value) -> Value:
    """`left + right` for values that are not tensors."""
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return _number(run, ast.Add, operator.add, left, right)
    result = _sequence(run, ast.Add, left, right)
    return Unknown("a sum of values that aren't known") if result is MISSING else result


def _longer(left: Value, right: Value) -> v.List:
    """A list of tensors and one that isn't known, put together: known as far as it begins."""
    known = left.items if type(left) is v.List else []
    return v.List(list(known), True)


def _number(
    run: Interpreter,
    kind: type[ast.operator],
    function: Callable[[Any, Any], Any],
    left: Any,
    right: Any,
) -> Value:
    limit = run.limits.items
    if kind is ast.Pow and isinstance(left, int) and isinstance(right, int):
        if abs(right) * max(left.bit_length(), 1) > limit:
            return Unknown("a number that is too large")
    elif kind is ast.LShift and (not isinstance(right, int) or right > limit):
        return Unknown("a number that is too large")
    try:
        result = function(left, right)
    except (ArithmeticError, ValueError, TypeError):
        raise RaisedError(text="arithmetic") from None
    if type(result) is int and result.bit_length() > limit:
        return Unknown("a number that is too large")
    return result


def _sequence(run: Interpreter, kind: type[ast.operator], left: Value, right: Value) -> Value:
    limit = run.limits.items
    if kind is ast.Add:
        if isinstance(left, str) and isinstance(right, str):
            return _sized(run, left, len(right)) and left + right
        if type(left) is tuple and type(right) is tuple:
            return left + right if len(left) + len(right) < limit else MISSING
        if type(left) is v.List and type(right) is v.List:
            if len(left.items) + len(right.items) > limit:
                return MISSING
            run.budget.spend(len(left.items) + len(right.items))
            if left.open:
                return v.List(list(left.items), True)
            return v.List(left.items + right.items, right.open)
    elif kind is ast.Mult:
        if isinstance(left, int):
            left, right = right, left
        if isinstance(right, int) and isinstance(left, (str, bytes, tuple, v.List)):
            items = left.items if isinstance(left, v.List) else left
            if len(items) * max(right, 0) > limit:
                return Unknown("a sequence that is too long")
            run.budget.spend(len(items) * max(right, 0) // 16)
            if isinstance(left, v.List):
                return v.List(left.items * right, left.open)
            return left * right
    elif kind is ast.BitOr:
        if type(left) is v.Dict and type(right) is v.Dict:
            return v.Dict({**left.items, **right.items}, left.open or right.open)
        if type(left) is v.Set and type(right) is v.Set:
            return v.Set({**left.items, **right.items})
    elif kind is ast.Sub and type(left) is v.Set and type(right) is v.Set:
        return v.Set({key: None for key in left.items if key not in right.items})
    elif kind is ast.BitAnd and type(left) is v.Set and type(right) is v.Set:
        return v.Set({key: None for key in left.items if key in right.items})
    return MISSING


def _sized(run: Interpreter, text: str | bytes, more: int) -> bool:
    """Spend for a text that grows; raises when it grows out of bounds."""
    length = len(text) + more
    run.budget.spend(length // 256)
    if length > 10 * run.limits.items:
        raise RaisedError(text="a string that is too long")
    return True


def augmented(
    run: Interpreter, node: ast.AugAssign, old: Value, value: Value, scope: Scope
) -> Value:
    """What `old <operator>= value` leaves; lists are changed in place."""
    if type(old) is v.List and isinstance(node.op, ast.Add):
        containers.extend(run, old, value)
        return old
    at = node.target
    site = ast.BinOp(left=at, op=node.op, right=node.value)
    ast.copy_location(site, node)
    return binary(run, type(node.op), old, value, site, scope)


def unary(
    run: Interpreter, kind: type[ast.unaryop], value: Value, node: ast.expr, scope: Scope
) -> Value:
    """`-x`, `+x`, `~x`."""
    if type(value) in _NUMBERS:
        if kind is ast.USub:
            return -value
        if kind is ast.UAdd:
            return +value
        if isinstance(value, int):
            return ~value
    if tensors.holds_tensor(value):
        name = {ast.USub: "neg", ast.UAdd: "pos", ast.Invert: "invert"}[kind]
        return tensors.operate(run, f"operator.{name}", (value,), run.site(node, scope))
    return value if type(value) is Unknown else Unknown("an operation on an unknown value")


def compare(
    run: Interpreter,
    kind: type[ast.cmpop],
    left: Value,
    right: Value,
    node: ast.expr,
    scope: Scope,
) -> Value:
    """`left <comparison> right`."""
    if kind in (ast.Is, ast.IsNot):
        truth = identical(left, right)
        if truth is None:
            return Unknown("a comparison of values that aren't known")
        return truth if kind is ast.Is else not truth
    if kind in (ast.In, ast.NotIn):
        truth = contains(run, right, left)
        if truth is None:
            return Unknown("a comparison of values that aren't known")
        return truth if kind is ast.In else not truth
    name, function = _COMPARE[kind]
    if type(left) in v.Native and type(right) in v.Native:
        try:
            return bool(function(left, right))
        except TypeError:
            raise RaisedError(text="comparison") from None
    if type(left) is v.Tensor or type(right) is v.Tensor:
        return tensors.operate(run, f"operator.{name}", (left, right), run.site(node, scope))
    if kind in (ast.Eq, ast.NotEq):
        truth = equal(run, left, right)
        if truth is not None:
            return truth if kind is ast.Eq else not truth
    elif type(left) is tuple and type(right) is tuple and plain(left) and plain(right):
        try:
            return bool(function(left, right))
        except TypeError:
            raise RaisedError(text="comparison") from None
    elif type(left) is v.Set and type(right) is v.Set:
        return bool(function(set(left.items), set(right.items)))
    return Unknown("a comparison of values that aren't known")


def plain(value: Value) -> bool:
    """Whether a value is made of natives only."""
    if type(value) is tuple:
        return all(plain(item) for item in value)
    return type(value) in v.Native


def identical(left: Value, right: Value) -> bool | None:
    """`left is right`; None if that isn't known."""
    if type(left) is Unknown or type(right) is Unknown:
        return True if left is right else None
    if type(left) is v.Choice or type(right) is v.Choice:
        lefts = left.options if type(left) is v.Choice else (left,)
        rights = right.options if type(right) is v.Choice else (right,)
        found = {identical(a, b) for a in lefts for b in rights}
        return found.pop() if len(found) == 1 else None
    if type(left) is v.External and type(right) is v.External:
        return same_external(left, right)
    if (left is None or right is None) and v.External in (type(left), type(right)):
        return None
    return same(left, right)


def same_external(left: v.External, right: v.External) -> bool | None:
    """Whether two things outside are one: by canonical name, or not known."""
    if left.path == right.path:
        return True
    a, b = names.resolve(left.path), names.resolve(right.path)
    if a is not None and b is not None:
        return a.symbol == b.symbol
    return None


def equal(run: Interpreter, left: Value, right: Value) -> bool | None:
    """`left == right`; None if that isn't known."""
    if left is right:
        return True
    kinds = {type(left), type(right)}
    if kinds & {Unknown, v.Choice, v.Tensor, v.External}:
        return identical(left, right)
    if v.Instance in kinds:
        return classes.enum_equal(left, right)
    left_items, right_items = containers.comparable(left), containers.comparable(right)
    if left_items is not None and right_items is not None:
        if type(left) is not type(right):
            return False
        if len(left_items) != len(right_items):
            return None if containers.is_open(left) or containers.is_open(right) else False
        truths = [equal(run, a, b) for a, b in zip(left_items, right_items, strict=True)]
        if False in truths:
            return False
        return (
            None
            if None in truths or containers.is_open(left) or containers.is_open(right)
            else True
        )
    if type(left) is v.Dict and type(right) is v.Dict:
        if left.open or right.open:
            return None
        if left.items.keys() != right.items.keys():
            return False
        truths = [equal(run, item, right.items[key]) for key, item in left.items.items()]
        if False in truths:
            return False
        return None if None in truths else True
    if type(left) is v.Set and type(right) is v.Set:
        return left.items.keys() == right.items.keys()
    if kinds <= set(v.Native):
        return bool(left == right)
    return False


def contains(run: Interpreter, container: Value, value: Value) -> bool | None:
    """`value in container`; None if that isn't known."""
    if isinstance(container, str):
        return value in container if isinstance(value, str) else None
    if type(container) is v.Dict:
        if not containers.is_key(value):
            return None
        return True if value in container.items else (None if container.open else False)
    if type(container) is v.Set and containers.is_key(value):
        return value in container.items
    if type(container) is range:
        return value in container if isinstance(value, int) else None
    if isinstance(container, v.Instance):
        return None
    items = containers.items_of(run, container)
    if items is None:
        return None
    unknown = containers.is_open(container)
    for item in items:
        truth = None if type(item) is v.Fork else equal(run, item, value)
        if truth:
            return True
        unknown = unknown or truth is None
    return None if unknown else False
