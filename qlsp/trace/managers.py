"""`with` over a generator: what `contextlib.contextmanager` runs before and after its `yield`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from qlsp.trace import calls
from qlsp.trace import values as v
from qlsp.trace.flow import Way, collect
from qlsp.trace.scope import Scope
from qlsp.trace.values import Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


class Parts(NamedTuple):
    """A generator, cut at the one statement that yields."""

    before: Sequence[ast.stmt]
    given: ast.expr | None
    after: Sequence[ast.stmt]


def context_manager(run: Interpreter, arguments: Arguments) -> Value:
    """`contextlib.contextmanager`."""
    function = arguments.args[0]
    return replace(function, manages=True) if type(function) is v.Function else function


def enter(run: Interpreter, manager: v.Managed) -> tuple[Value, Scope | None]:
    """Run what stands before the `yield`; gives what is yielded, and the scope to leave."""
    parts = _cut(manager.function.node.body)  # type: ignore[arg-type]
    if parts is None:
        return Unknown("what a context manager gives"), None
    scope = calls.scope_of(run, manager.function, manager.arguments, manager.receiver)
    _run(run, parts.before, scope)
    return run.eval(parts.given, scope) if parts.given is not None else None, scope


def leave(run: Interpreter, manager: v.Managed, scope: Scope | None) -> None:
    """Run what stands behind the `yield`."""
    parts = _cut(manager.function.node.body)  # type: ignore[arg-type]
    if parts is not None and scope is not None:
        _run(run, parts.after, scope)


def _run(run: Interpreter, statements: Sequence[ast.stmt], scope: Scope) -> None:
    mark = len(run.pending)
    collect(run, mark, run.execute(statements, scope), (Way.RETURN,))


def _cut(statements: Sequence[ast.stmt]) -> Parts | None:
    """Cut at a `yield` that stands on its own, or within `try` or another `with`."""
    for index, statement in enumerate(statements):
        inner = _cut_statement(statement)
        if inner is not None:
            before, given, after = inner
            return Parts([*statements[:index], *before], given, [*after, *statements[index + 1 :]])
    return None


def _cut_statement(statement: ast.stmt) -> Parts | None:
    if isinstance(statement, ast.Expr | ast.Assign) and isinstance(statement.value, ast.Yield):
        return Parts((), statement.value.value, ())
    if isinstance(statement, ast.With):
        return _cut(statement.body)
    if isinstance(statement, ast.Try):
        parts = _cut(statement.body)
        if parts is not None:
            return parts._replace(after=[*parts.after, *statement.orelse, *statement.finalbody])
    return None
