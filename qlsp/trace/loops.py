"""`for` and `while`, and what goes through items like them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qlsp.source.span import Site
from qlsp.trace import containers, indexing, tensors
from qlsp.trace import values as v
from qlsp.trace.assignment import assign
from qlsp.trace.flow import NORMAL, Outcome, RaisedError, Way, branch, collect
from qlsp.trace.join import same
from qlsp.trace.scope import Scope
from qlsp.trace.values import MISSING, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_UNKNOWN_EXITS = 8
"""Turns of one loop that may leave it by an unknown condition; the others are not told apart."""


def for_(run: Interpreter, node: ast.For, scope: Scope) -> Outcome | None:
    """Run a `for` statement."""
    iterable = run.eval(node.iter, scope)
    mark, conditions = len(run.pending), run.conditions
    left: list[Outcome] = []

    def turn() -> Outcome:
        return run.execute(node.body, scope)

    loop_over(run, iterable, node, scope, turn, left)
    return _finish_loop(run, mark, conditions, left, node.orelse, scope)


def _finish_loop(
    run: Interpreter,
    mark: int,
    conditions: tuple[Site, ...],
    left: Sequence[Outcome],
    orelse: Sequence[ast.stmt],
    scope: Scope,
) -> Outcome | None:
    outcome = left[0] if left else NORMAL
    if outcome.way is Way.NORMAL and orelse:
        outcome = run.execute(orelse, scope)
    if outcome.way is Way.BREAK:
        outcome = NORMAL
    outcome = collect(run, mark, outcome, (Way.BREAK,))
    if len(run.pending) == mark:
        run.conditions = conditions
    return outcome


def loop_over(
    run: Interpreter,
    iterable: Value,
    node: ast.For | ast.AsyncFor | ast.comprehension,
    scope: Scope,
    turn: Callable[[], Outcome],
    left: list[Outcome] | None = None,
) -> bool:
    """Run `turn` for each item; False if some turns aren't known.

    An outcome that leaves the loop is put into `left`.
    """
    left = [] if left is None else left
    items = containers.items_of(run, iterable)
    exact = items is not None and not (type(iterable) is v.List and iterable.open)
    mark = len(run.pending)
    for count, item in enumerate(items or ()):
        run.budget.spend()
        if count >= run.limits.turns or len(run.pending) - mark > _UNKNOWN_EXITS:
            run.tape.hole(run.site(node.iter, scope), "a loop of too many turns")
            _unknown_turns(run, iterable, node, scope, turn, left)
            return False
        if type(item) is v.Fork:
            _fork(run, item, node, scope, turn, left)
        else:
            assign(run, node.target, item, scope)
            _turn(run, turn, left)
        if left:
            return True
    if not exact:
        _unknown_turns(run, iterable, node, scope, turn, left)
    return exact


def _turn(run: Interpreter, turn: Callable[[], Outcome], left: list[Outcome]) -> None:
    """One turn; ways that `continue` are joined with the normal one."""
    mark = len(run.pending)
    try:
        outcome: Outcome | None = turn()
    except RaisedError:
        if len(run.pending) == mark:
            raise
        outcome = None
    if outcome is None or len(run.pending) > mark or outcome.way is Way.CONTINUE:
        outcome = collect(run, mark, outcome, (Way.CONTINUE,))
    if outcome.way is not Way.NORMAL:
        left.append(outcome)


def _fork(
    run: Interpreter,
    fork: v.Fork,
    node: ast.For | ast.AsyncFor | ast.comprehension,
    scope: Scope,
    turn: Callable[[], Outcome],
    left: list[Outcome],
) -> None:
    """The turns over a stretch of items that depends on a condition."""

    def arm(items: tuple[Value, ...]) -> Callable[[], Outcome]:
        def go() -> Outcome:
            gone: list[Outcome] = []
            for item in items:
                run.budget.spend()
                if type(item) is v.Fork:
                    _fork(run, item, node, scope, turn, gone)
                else:
                    assign(run, node.target, item, scope)
                    _turn(run, turn, gone)
                if gone:
                    return gone[0]
            return NORMAL

        return go

    outcome = branch(run, [arm(option) for option in fork.options], fork.condition)
    if outcome.way is not Way.NORMAL:
        left.append(outcome)


def _unknown_turns(
    run: Interpreter,
    iterable: Value,
    node: ast.For | ast.AsyncFor | ast.comprehension,
    scope: Scope,
    turn: Callable[[], Outcome],
    left: list[Outcome],
) -> None:
    """No turn, one or two turns over items that aren't known; what changes after is unknown."""
    item = indexing.unknown_item(run, iterable)

    def once() -> Outcome:
        gone: list[Outcome] = []
        assign(run, node.target, item, scope)
        _turn(run, turn, gone)
        return gone[0] if gone else NORMAL

    outcome = unknown_loop(run, once, run.site(node.iter, scope))
    if outcome.way is not Way.NORMAL:
        left.append(outcome)


def unknown_loop(run: Interpreter, once: Callable[[], Outcome], site: Any) -> Outcome:
    """A loop whose number of turns isn't known: none, one or two turns, joined.

    The second shows what follows a layer of the first; where there is none, it is left out.
    """

    def again() -> Outcome:
        found = run.budget.found
        first = once()
        if first.way is not Way.NORMAL or run.budget.found == found:
            return first
        return branch(run, [once, lambda: NORMAL], site)

    run.trail.begin()
    segments = len(run.trail.segments)
    mark = len(run.pending)
    outcome = branch(run, [again, lambda: NORMAL], site)
    if len(run.trail.segments) == segments and len(run.pending) == mark:
        changed = list(run.trail.segments[-1].values())
        run.trail.keep()
        for old in changed:
            now = old.current()
            widened = _widen(run, old.value, now.value, site)
            if widened is not MISSING:
                now.value = widened
                run.trail.write(now)
    else:
        run.trail.keep(segments - 1)
    return outcome


def while_(run: Interpreter, node: ast.While, scope: Scope) -> Outcome | None:
    """Run a `while` statement."""
    mark, conditions = len(run.pending), run.conditions
    left: list[Outcome] = []
    turns = 0
    while not left:
        run.budget.spend()
        truth = run.test(node.test, scope)
        if truth is False:
            break
        if truth is None or turns >= run.limits.turns or len(run.pending) > mark:
            if truth is not None and turns >= run.limits.turns:
                run.tape.hole(run.site(node.test, scope), "a loop of too many turns")
            outcome = unknown_loop(
                run, lambda: _once(run, node.body, scope), run.site(node.test, scope)
            )
            if outcome.way is not Way.NORMAL:
                left.append(outcome)
            break
        turns += 1
        _turn(run, lambda: run.execute(node.body, scope), left)
    return _finish_loop(run, mark, conditions, left, node.orelse, scope)


def _once(run: Interpreter, body: Sequence[ast.stmt], scope: Scope) -> Outcome:
    gone: list[Outcome] = []
    _turn(run, lambda: run.execute(body, scope), gone)
    return gone[0] if gone else NORMAL


def _widen(run: Interpreter, old: Value, now: Value, site: Site | None) -> Value:
    """What a place holds after a loop of unknown length; MISSING to leave it as it is."""
    if type(now) is list:
        more = v.Fork(((), (Unknown("an item added in a loop"),)), site)
        return [*now, more] if len(now) > len(old) else MISSING
    if old is MISSING or same(old, now) or type(now) is Unknown:
        return MISSING
    if isinstance(now, (v.List, v.Dict)):
        return MISSING
    if tensors.holds_tensor(now):
        return tensors.lost(run, (old, now), site, "a loop of unknown length")
    return Unknown("a value after a loop of unknown length")
