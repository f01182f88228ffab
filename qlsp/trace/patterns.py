"""`match` statements."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qlsp.trace import attributes, containers, indexing, operators, reflection
from qlsp.trace import values as v
from qlsp.trace.flow import NORMAL, Outcome, branch
from qlsp.trace.scope import Scope
from qlsp.trace.values import MISSING, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def match(run: Interpreter, node: ast.Match, scope: Scope) -> Outcome:
    """Run the first case that matches; where that isn't known, each that may."""
    return _cases(run, node, run.eval(node.subject, scope), node.cases, scope)


def _cases(
    run: Interpreter,
    node: ast.Match,
    subject: Value,
    cases: Sequence[ast.match_case],
    scope: Scope,
) -> Outcome:
    for index, case in enumerate(cases):
        truth = _matches(run, case.pattern, subject, scope)
        if truth is not False and case.guard is not None:
            guard = run.test(case.guard, scope)
            truth = False if guard is False else (truth if guard else None)
        if truth is False:
            continue
        if truth:
            return run.execute(case.body, scope)
        rest = cases[index + 1 :]
        arms: list[Callable[[], Outcome]] = [
            lambda body=case.body: run.execute(body, scope),  # type: ignore[misc]
            lambda rest=rest: _cases(run, node, subject, rest, scope),  # type: ignore[misc]
        ]
        return branch(run, arms, run.site(node.subject, scope))
    return NORMAL


def _matches(run: Interpreter, pattern: ast.pattern, subject: Value, scope: Scope) -> bool | None:
    """Whether a pattern matches; binds its names. None if that isn't known."""
    if isinstance(pattern, ast.MatchValue):
        return operators.equal(run, subject, run.eval(pattern.value, scope))
    if isinstance(pattern, ast.MatchSingleton):
        return operators.identical(subject, pattern.value)
    if isinstance(pattern, ast.MatchAs):
        truth = True if pattern.pattern is None else _matches(run, pattern.pattern, subject, scope)
        if truth is not False and pattern.name is not None:
            run.trail.set(scope.binding(pattern.name), pattern.name, subject)
        return truth
    if isinstance(pattern, ast.MatchOr):
        truths = [_matches(run, part, subject, scope) for part in pattern.patterns]
        return True if True in truths else (None if None in truths else False)
    if isinstance(pattern, ast.MatchSequence):
        return _sequence(run, pattern, subject, scope)
    if isinstance(pattern, ast.MatchMapping):
        return _mapping(run, pattern, subject, scope)
    if isinstance(pattern, ast.MatchClass):
        return _class(run, pattern, subject, scope)
    return None


def _all(truths: Sequence[bool | None]) -> bool | None:
    if False in truths:
        return False
    return None if None in truths else True


def _sequence(
    run: Interpreter, pattern: ast.MatchSequence, subject: Value, scope: Scope
) -> bool | None:
    stars = [i for i, part in enumerate(pattern.patterns) if isinstance(part, ast.MatchStar)]
    star = stars[0] if stars else None
    if isinstance(subject, str) or subject is None:
        return False
    items = containers.items_of(run, subject)
    count = len(pattern.patterns)
    if items is None or containers.is_open(subject):
        for part in pattern.patterns:
            _matches(run, part, indexing.unknown_item(run, subject), scope)
        return None
    if (star is None and len(items) != count) or len(items) < count - 1:
        return False
    parts = indexing.unpack(run, subject, count, star)
    return _all(
        [
            _star(run, part, value, scope)
            if isinstance(part, ast.MatchStar)
            else _matches(run, part, value, scope)
            for part, value in zip(pattern.patterns, parts, strict=True)
        ]
    )


def _star(run: Interpreter, pattern: ast.MatchStar, value: Value, scope: Scope) -> bool:
    if pattern.name is not None:
        run.trail.set(scope.binding(pattern.name), pattern.name, value)
    return True


def _mapping(
    run: Interpreter, pattern: ast.MatchMapping, subject: Value, scope: Scope
) -> bool | None:
    if type(subject) is not v.Dict:
        return None if type(subject) is v.Unknown else False
    truths: list[bool | None] = []
    taken = set()
    for key_node, part in zip(pattern.keys, pattern.patterns, strict=True):
        key = run.eval(key_node, scope)
        if not containers.is_key(key) or key not in subject.items:
            truths.append(None if subject.open else False)
            continue
        taken.add(key)
        truths.append(_matches(run, part, subject.items[key], scope))
    if pattern.rest is not None:
        rest = {key: value for key, value in subject.items.items() if key not in taken}
        run.trail.set(scope.binding(pattern.rest), pattern.rest, v.Dict(rest, subject.open))
    return _all(truths)


def _class(run: Interpreter, pattern: ast.MatchClass, subject: Value, scope: Scope) -> bool | None:
    cls = run.eval(pattern.cls, scope)
    truths = [reflection.is_instance(run, subject, cls)]
    if truths[0] is False:
        return False
    if pattern.patterns:
        fields = cls.fields if type(cls) is v.Class else None
        if type(cls) is v.Builtin and len(pattern.patterns) == 1:
            truths.append(_matches(run, pattern.patterns[0], subject, scope))
        elif fields is not None and isinstance(subject, v.Instance):
            for (name, _), part in zip(fields, pattern.patterns, strict=False):
                truths.append(_matches(run, part, subject.names.get(name, MISSING), scope))
        else:
            truths.append(None)
    for name, part in zip(pattern.kwd_attrs, pattern.kwd_patterns, strict=True):
        value = attributes.get(run, subject, name, None, None)
        truths.append(_matches(run, part, value, scope))
    return _all(truths)
