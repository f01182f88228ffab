"""Binding values to targets."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qlsp.trace import attributes, indexing, tools
from qlsp.trace.scope import Scope
from qlsp.trace.values import Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def assign(run: Interpreter, target: ast.expr, value: Value, scope: Scope) -> None:
    """Bind `value` to a target: a name, attribute, item, or a tuple of targets."""
    if isinstance(target, ast.Name):
        run.trail.set(scope.binding(target.id), target.id, value)
    elif isinstance(target, ast.Attribute):
        owner = run.eval(target.value, scope)
        set_attribute(run, owner, target, value, scope)
    elif isinstance(target, ast.Subscript):
        container = run.eval(target.value, scope)
        indexing.set_item(run, container, run.eval(target.slice, scope), value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(run, target.elts, value, scope)
    elif isinstance(target, ast.Starred):
        assign(run, target.value, value, scope)


def set_attribute(
    run: Interpreter, owner: Value, target: ast.Attribute, value: Value, scope: Scope
) -> None:
    """`owner.name = value`; converters and what tfmot gives note where."""
    if type(owner) is Unknown and owner.handle is not None:
        tools.set_attribute(run, owner, target.attr, value, run.site(target, scope))
    else:
        attributes.set_attribute(run, owner, target.attr, value)


def _unpack(run: Interpreter, targets: Sequence[ast.expr], value: Value, scope: Scope) -> None:
    star = next((i for i, t in enumerate(targets) if isinstance(t, ast.Starred)), None)
    items = indexing.unpack(run, value, len(targets), star)
    for target, item in zip(targets, items, strict=True):
        assign(run, target, item, scope)
