"""Following several ways through the program, and bringing them together again.

`branch` runs each arm of an unknown condition from the same state and joins what they left. An arm
may leave the normal flow (`return`, `break`, `continue`): it is then set aside as `Pending`, the
other arms go on, and it is joined at the end of the function, loop or arm where it belongs. So the
cost grows with the number of conditions, not with the number of ways through them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace.join import join, join_items
from qlsp.trace.trail import Change, Delta
from qlsp.trace.values import MISSING, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


class Way(IntEnum):
    """How a block was left; of several ways, the first is followed on."""

    NORMAL = 0
    RETURN = 1
    BREAK = 2
    CONTINUE = 3


@dataclass(slots=True)
class Outcome:
    """How a block was left, and the value returned."""

    way: Way
    value: Value = None


NORMAL = Outcome(Way.NORMAL)
BREAK = Outcome(Way.BREAK)
CONTINUE = Outcome(Way.CONTINUE)


class RaisedError(Exception):
    """The program raises on this way."""

    def __init__(self, value: Value = None, text: str = "") -> None:
        super().__init__(text)
        self.value = value


@dataclass(slots=True)
class Pending:
    """A way that left the normal flow at an earlier branch.

    `delta` is what it changed since that branch, at which a segment of the trail was opened.
    """

    outcome: Outcome
    delta: Delta
    condition: Site | None


Final = tuple[Outcome, Delta]


def branch(
    run: Interpreter, arms: Sequence[Callable[[], Outcome]], condition: Site | None
) -> Outcome:
    """Run every arm under `condition` and join them. Raises `RaisedError` if every arm does."""
    finals: list[Final] = []
    raised: tuple[Value, str] = None, ""
    conditions = run.conditions
    run.budget.spend(4)
    if condition is not None and condition not in conditions:
        run.conditions = (*conditions, condition)
    try:
        for arm in arms:
            mark = len(run.pending)
            length, models = len(run.tape.nodes), len(run.models)
            instances = len(run.instances)
            run.trail.begin()
            try:
                outcome: Outcome | None = arm()
            except RaisedError as error:
                raised = error.value, str(error)  # the error itself would keep all frames
                outcome = None
            except BaseException:
                del run.pending[mark:]
                raise
            found = _settle(run, mark, outcome)
            if not found:
                run.tape.truncate(length)
                del run.models[models:], run.instances[instances:]
            run.trail.undo()
            finals += found
    finally:
        run.conditions = conditions
    if not finals:
        raise RaisedError(*raised)
    return _resume(run, finals, condition)


def _settle(run: Interpreter, mark: int, outcome: Outcome | None) -> list[Final]:
    """Every way that is open since `mark`, each with its changes since the segment before.

    Leaves the state as it was at the first pending's branch (or as it is, if nothing is pending),
    with that earlier segment on top.
    """
    finals: list[Final] = []
    trail = run.trail
    count = len(run.pending) - mark
    base = len(trail.segments) - count - 1
    if outcome is not None:
        finals.append((outcome, _changes(run, trail.segments[base:])))
    while len(run.pending) > mark:
        pending = run.pending.pop()
        trail.undo()
        delta = {**_changes(run, trail.segments[base:]), **pending.delta}
        finals.append((pending.outcome, delta))
    return finals


def _changes(run: Interpreter, segments: Sequence[Delta]) -> Delta:
    run.budget.spend(sum(map(len, segments)) // 4)
    return {place: old.current() for segment in segments for place, old in segment.items()}


def _resume(run: Interpreter, finals: Sequence[Final], condition: Site | None) -> Outcome:
    """Go on with the joined ways of one kind; the other kinds become pending."""
    ways = dict.fromkeys(outcome.way for outcome, _ in finals)
    going = min(ways)
    for way in ways:
        if way is not going:
            group = [final for final in finals if final[0].way is way]
            outcome, delta = _merge(run, group, condition)
            run.pending.append(Pending(outcome, delta, condition))
            run.trail.begin()
            if condition is not None and condition not in run.conditions:
                run.conditions = (*run.conditions, condition)
    outcome, delta = _merge(run, [final for final in finals if final[0].way is going], condition)
    for change in delta.values():
        run.trail.write(change)
    return outcome


def _merge(run: Interpreter, finals: Sequence[Final], condition: Site | None) -> Final:
    if len(finals) == 1:
        return finals[0]
    limit = run.limits.options
    places: Delta = {}
    for _, delta in finals:
        places.update(delta)
    merged: Delta = {}
    run.budget.spend(len(places))
    for place, any_change in places.items():
        base: Change | None = None
        options = []
        for _, delta in finals:
            change = delta.get(place)
            if change is None:
                base = base or any_change.current()
                change = base
            options.append(change.value)
        container, key = any_change.container, any_change.key
        value: Value = options[0]
        if type(container) is list:
            value = join_items(options, condition, limit)
        elif all(option is value for option in options):
            pass
        elif type(container) is dict:
            value = join(options, condition, limit)
        else:
            value = _join_fields(options)
        merged[place] = Change(container, key, value)
    values = [outcome.value for outcome, _ in finals]
    return Outcome(finals[0][0].way, join(values, condition, limit)), merged


def _join_fields(options: list[Value]) -> Value:
    """Fields of the tracer's own values: flags are raised if any arm raised them."""
    if all(isinstance(option, bool) for option in options):
        return any(options)
    return next((option for option in options if option not in (None, MISSING)), options[0])


def collect(run: Interpreter, mark: int, outcome: Outcome | None, ways: Sequence[Way]) -> Outcome:
    """Join the ways set aside since `mark` that end here (those in `ways`) with `outcome`.

    `outcome` is None if the normal flow raised. The result is NORMAL, or the one other way that is
    left; ways that don't end here stay pending. Raises `RaisedError` if no way is left.
    """
    if len(run.pending) == mark:
        if outcome is None:
            raise RaisedError
        if outcome.way in ways:
            return Outcome(Way.NORMAL, outcome.value)
        return outcome
    condition = run.pending[mark].condition
    first = run.pending[mark]
    trail = run.trail
    count = len(run.pending) - mark
    finals: list[Final] = []
    base = len(trail.segments) - count
    if outcome is not None:
        finals.append((outcome, _changes(run, trail.segments[base:])))
    while len(run.pending) > mark:
        pending = run.pending.pop()
        trail.undo()
        delta = pending.delta
        if pending is not first:
            delta = {**_changes(run, trail.segments[base:]), **delta}
        finals.append((pending.outcome, delta))
    ended = [
        (Outcome(Way.NORMAL, result.value), delta) if result.way in ways else (result, delta)
        for result, delta in finals
    ]
    return _resume(run, ended, condition)
