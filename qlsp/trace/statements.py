"""Statements: one function per kind of `ast` node."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qlsp.trace import attributes, classes, imports, indexing, loops, managers, operators, patterns
from qlsp.trace import values as v
from qlsp.trace.assignment import assign, set_attribute
from qlsp.trace.expressions import make_function
from qlsp.trace.flow import (
    BREAK,
    CONTINUE,
    Outcome,
    RaisedError,
    Way,
    branch,
)
from qlsp.trace.scope import Scope
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

Execute = Callable[["Interpreter", Any, Scope], Outcome | None]


def _expression(run: Interpreter, node: ast.Expr, scope: Scope) -> None:
    if not isinstance(node.value, ast.Constant):
        run.eval(node.value, scope)


def _assign(run: Interpreter, node: ast.Assign, scope: Scope) -> None:
    value = run.eval(node.value, scope)
    for target in node.targets:
        assign(run, target, value, scope)


def _annotated(run: Interpreter, node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        assign(run, node.target, run.eval(node.value, scope), scope)
    if scope.is_class and isinstance(node.target, ast.Name):
        classes.note_field(scope, node.target.id, node.value is not None)


def _augmented(run: Interpreter, node: ast.AugAssign, scope: Scope) -> None:
    target = node.target
    load: ast.expr
    if isinstance(target, ast.Name):
        old = run.lookup(target.id, scope)
        value = operators.augmented(run, node, old, run.eval(node.value, scope), scope)
        run.trail.set(scope.binding(target.id), target.id, value)
    elif isinstance(target, ast.Attribute):
        owner = run.eval(target.value, scope)
        load = target
        old = attributes.get(run, owner, target.attr, load, scope)
        value = operators.augmented(run, node, old, run.eval(node.value, scope), scope)
        set_attribute(run, owner, target, value, scope)
    else:
        container = run.eval(target.value, scope)
        key = run.eval(target.slice, scope)
        old = indexing.item(run, container, key, target, scope)
        value = operators.augmented(run, node, old, run.eval(node.value, scope), scope)
        indexing.set_item(run, container, key, value)


def _delete(run: Interpreter, node: ast.Delete, scope: Scope) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            run.trail.delete(scope.binding(target.id), target.id)
        elif isinstance(target, ast.Subscript):
            indexing.delete_item(run, run.eval(target.value, scope), run.eval(target.slice, scope))
        elif isinstance(target, ast.Attribute):
            owner = run.eval(target.value, scope)
            if isinstance(owner, v.Instance):
                run.trail.delete(owner.names, target.attr)


def _if(run: Interpreter, node: ast.If, scope: Scope) -> Outcome | None:
    truth = run.test(node.test, scope)
    if truth is not None:
        return run.execute(node.body if truth else node.orelse, scope)
    if not node.orelse and type(node.body[0]) is ast.Raise:
        return None  # whatever goes on has passed the check
    subject, positive = _subject(run, node.test, scope)
    return branch(
        run,
        [
            lambda: _assuming(run, subject, positive, node.body, scope),
            lambda: _assuming(run, subject, not positive, node.orelse, scope),
        ],
        run.site(node.test, scope),
    )


def _subject(run: Interpreter, test: ast.expr, scope: Scope) -> tuple[Value, bool]:
    """The unknown value whose truth a test asks for, and whether plainly (else negated)."""
    positive = True
    while isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        positive, test = not positive, test.operand
    if isinstance(test, (ast.Name, ast.Attribute)):
        return run.eval(test, scope), positive
    return None, True


def _assuming(
    run: Interpreter, subject: Value, truth: bool, body: Sequence[ast.stmt], scope: Scope
) -> Outcome:
    if type(subject) is not Unknown:
        return run.execute(body, scope)
    run.assumed[id(subject)] = truth
    try:
        return run.execute(body, scope)
    finally:
        run.assumed.pop(id(subject), None)


def _function(run: Interpreter, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
    value: Value = make_function(run, node, scope, node.name)
    for decorator in reversed(node.decorator_list):
        value = classes.decorate(run, run.eval(decorator, scope), value, decorator, scope)
    run.trail.set(scope.binding(node.name), node.name, value)


def _class(run: Interpreter, node: ast.ClassDef, scope: Scope) -> None:
    value: Value = classes.make_class(run, node, scope)
    for decorator in reversed(node.decorator_list):
        value = classes.decorate_class(run, decorator, value, scope)
    run.trail.set(scope.binding(node.name), node.name, value)


def _return(run: Interpreter, node: ast.Return, scope: Scope) -> Outcome:
    return Outcome(Way.RETURN, run.eval(node.value, scope) if node.value else None)


def _pass(run: Interpreter, node: ast.stmt, scope: Scope) -> None:
    pass


def _break(run: Interpreter, node: ast.Break, scope: Scope) -> Outcome:
    return BREAK


def _continue(run: Interpreter, node: ast.Continue, scope: Scope) -> Outcome:
    return CONTINUE


def _raise(run: Interpreter, node: ast.Raise, scope: Scope) -> None:
    raise RaisedError(run.eval(node.exc, scope) if node.exc else None)


def _assert(run: Interpreter, node: ast.Assert, scope: Scope) -> None:
    if run.test(node.test, scope) is False:
        raise RaisedError


def _try(run: Interpreter, node: ast.Try, scope: Scope) -> Outcome | None:
    segments, mark = len(run.trail.segments), len(run.pending)
    try:
        try:
            outcome = run.execute(node.body, scope)
            if outcome.way is Way.NORMAL and node.orelse:
                outcome = run.execute(node.orelse, scope)
        except RaisedError:
            if not node.handlers:
                raise
            run.unwind(segments, mark)
            handler = node.handlers[0]
            if handler.name:
                run.trail.set(scope.binding(handler.name), handler.name, Unknown("an exception"))
            outcome = run.execute(handler.body, scope)
    except RaisedError:
        if node.finalbody:
            run.execute(node.finalbody, scope)
        raise
    if node.finalbody:
        last = run.execute(node.finalbody, scope)
        if last.way is not Way.NORMAL:
            return last
    return outcome


def _with(run: Interpreter, node: ast.With, scope: Scope) -> Outcome | None:
    outer = run.arg_scope
    managed: list[tuple[v.Managed, Scope | None]] = []
    for item in node.items:
        manager = run.eval(item.context_expr, scope)
        entered: Value = Unknown("what a context manager gives")
        if isinstance(manager, v.Instance):
            enter = attributes.find(run, manager, "__enter__")
            if enter is not MISSING:
                site = run.site(item.context_expr, scope)
                entered = run.call(enter, Arguments([], {}), site)
        elif isinstance(manager, v.ArgScope):
            entered = manager
            run.trail.attribute(run, "arg_scope", manager.defaults)
        elif isinstance(manager, v.Managed):
            entered, inner = managers.enter(run, manager)
            managed.append((manager, inner))
        if item.optional_vars is not None:
            assign(run, item.optional_vars, entered, scope)
    try:
        outcome = run.execute(node.body, scope)
    finally:
        run.trail.attribute(run, "arg_scope", outer)
    for left, inner in reversed(managed):
        managers.leave(run, left, inner)
    return outcome


def _match(run: Interpreter, node: ast.Match, scope: Scope) -> Outcome | None:
    return patterns.match(run, node, scope)


def _global(run: Interpreter, node: ast.Global, scope: Scope) -> None:
    if scope.shared is None:
        scope.shared = {}
    for name in node.names:
        scope.shared[name] = scope.outermost()


def _nonlocal(run: Interpreter, node: ast.Nonlocal, scope: Scope) -> None:
    if scope.shared is None:
        scope.shared = {}
    for name in node.names:
        current = scope.parent
        while current is not None and current.parent is not None and name not in current.names:
            current = current.parent
        scope.shared[name] = current or scope


EXECUTE: dict[type[ast.stmt], Execute] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Delete: _delete,
    ast.If: _if,
    ast.For: loops.for_,
    ast.AsyncFor: loops.for_,
    ast.While: loops.while_,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Return: _return,
    ast.Pass: _pass,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Match: _match,
    ast.Import: imports.import_modules,
    ast.ImportFrom: imports.import_names,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
}
if hasattr(ast, "TypeAlias"):
    EXECUTE[ast.TypeAlias] = _pass
