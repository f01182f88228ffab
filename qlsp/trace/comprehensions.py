"""Comprehensions and generator expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qlsp.trace import containers
from qlsp.trace import values as v
from qlsp.trace.flow import NORMAL, Outcome, branch
from qlsp.trace.loops import loop_over
from qlsp.trace.scope import Scope
from qlsp.trace.values import Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def comprehension(
    run: Interpreter, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope
) -> Value:
    """The list or set that is made; a generator is taken for its list."""
    items: list[Value] = []
    inner = Scope({}, scope.module, scope, "<comprehension>", scope.owner, scope.receiver)

    def element() -> Outcome:
        run.budget.spend()
        run.trail.touch(items)
        items.append(run.eval(node.elt, inner))
        return NORMAL

    exact = _generate(run, node.generators, inner, element)
    if isinstance(node, ast.SetComp):
        if exact and all(containers.is_key(item) for item in items):
            return v.Set(dict.fromkeys(items))
        return Unknown("a set of values that aren't known")
    return v.List(items, not exact)


def dict_comprehension(run: Interpreter, node: ast.DictComp, scope: Scope) -> Value:
    """The dict that is made."""
    made = v.Dict({})
    inner = Scope({}, scope.module, scope, "<comprehension>", scope.owner, scope.receiver)

    def element() -> Outcome:
        run.budget.spend()
        key = run.eval(node.key, inner)
        value = run.eval(node.value, inner)
        if containers.is_key(key):
            run.trail.set(made.items, key, value)
        else:
            run.trail.attribute(made, "open", True)
        return NORMAL

    if not _generate(run, node.generators, inner, element):
        made.open = True
    return made


def _generate(
    run: Interpreter,
    generators: Sequence[ast.comprehension],
    scope: Scope,
    element: Callable[[], Outcome],
) -> bool:
    """Run `element` for each turn of the nested loops; False if some turns aren't known."""
    if not generators:
        element()
        return True
    first, rest = generators[0], generators[1:]
    exact = True

    def turn() -> Outcome:
        nonlocal exact
        for condition in first.ifs:
            truth = run.test(condition, scope)
            if truth is False:
                return NORMAL
            if truth is None:
                site = run.site(condition, scope)
                return branch(run, [deeper, lambda: NORMAL], site)
        return deeper()

    def deeper() -> Outcome:
        nonlocal exact
        exact = _generate(run, rest, scope, element) and exact
        return NORMAL

    known = loop_over(run, run.eval(first.iter, scope), first, scope, turn)
    return known and exact
