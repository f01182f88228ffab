"""Calling values: the program's functions are followed in place, the rest by kind."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qlsp.source.span import Site
from qlsp.trace import classes, external, layers, models, tensors
from qlsp.trace import values as v
from qlsp.trace.flow import NORMAL, Outcome, RaisedError, Way, branch, collect
from qlsp.trace.join import join
from qlsp.trace.scope import Scope
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

Call = Callable[["Interpreter", Any, Arguments, "Site | None"], Value]
_RECURSIONS = 3
"""How often a function may be followed within itself under unknown conditions."""


def call_function(
    run: Interpreter,
    function: v.Function,
    arguments: Arguments,
    site: Site | None,
    receiver: Value = None,
) -> Value:
    """Follow a function of the program in place."""
    if function.manages:
        return v.Managed(function, arguments, receiver)
    node = function.node
    run.entered.add(id(node))
    if run.depth >= run.limits.calls or (
        run.conditions and run.stack.count(id(node)) >= _RECURSIONS
    ):
        run.tape.hole(site, f"calls nested too deeply in `{function.name}`")
        tensors.lose(run, arguments, site)
        return Unknown("calls nested too deeply")
    scope = scope_of(run, function, arguments, receiver)
    segments, mark = len(run.trail.segments), len(run.pending)
    path, conditions = run.path, run.conditions
    if site is not None:
        run.path = (*path, site)
    run.depth += 1
    run.stack.append(id(node))
    try:
        if isinstance(node, ast.Lambda):
            return run.eval(node.body, scope)
        outcome: Outcome | None
        try:
            outcome = run.execute(node.body, scope)
        except RaisedError:
            if len(run.pending) == mark:
                raise
            outcome = None
        value = collect(run, mark, outcome, (Way.RETURN, Way.NORMAL)).value
    except RecursionError:
        run.unwind(segments, mark)
        run.tape.hole(site, "nested too deeply to follow")
        return Unknown("nested too deeply to follow")
    finally:
        run.stack.pop()
        run.depth -= 1
        run.path, run.conditions = path, conditions
    return v.List(scope.yields) if scope.yields is not None else value


def scope_of(
    run: Interpreter, function: v.Function, arguments: Arguments, receiver: Value
) -> Scope:
    """The scope of a call: the arguments by parameter name."""
    names = bind_parameters(run, function, arguments)
    first = receiver
    if function.owner is not None and receiver is None:
        parameters = function.node.args.posonlyargs + function.node.args.args
        first = names.get(parameters[0].arg) if parameters else None
    run.trail.born(names)
    return Scope(
        names,
        function.module,
        function.scope,
        function.name,
        function.owner,
        first,
        yields=[] if function.generator else None,
    )


def bind_parameters(
    run: Interpreter, function: v.Function, arguments: Arguments
) -> dict[str, Value]:
    """The arguments of a call by parameter name, defaults filled in."""
    node = function.node.args
    positional = node.posonlyargs + node.args
    names: dict[str, Value] = {}
    kwargs = dict(arguments.kwargs)
    given = arguments.args
    for index, parameter in enumerate(positional):
        name = parameter.arg
        if index < len(given):
            names[name] = given[index]
        elif name in kwargs:
            names[name] = kwargs.pop(name)
        else:
            at = index - (len(positional) - len(function.defaults))
            names[name] = _default(
                name, function.defaults[at] if at >= 0 else MISSING, arguments.open
            )
    for parameter in node.kwonlyargs:
        name = parameter.arg
        if name in kwargs:
            names[name] = kwargs.pop(name)
        else:
            default = function.keyword_defaults.get(name, MISSING)
            names[name] = _default(name, default, arguments.open)
    if node.vararg is not None:
        extra = given[len(positional) :]
        names[node.vararg.arg] = v.List(extra, True) if arguments.open else tuple(extra)
    if node.kwarg is not None:
        names[node.kwarg.arg] = v.Dict(kwargs, arguments.open)
    return names


def _default(name: str, default: Value, is_open: bool) -> Value:
    if default is MISSING or is_open:
        return Unknown(f"the argument `{name}`, which isn't known")
    return default


def _bound(run: Interpreter, callee: v.Bound, arguments: Arguments, site: Site | None) -> Value:
    function = callee.function
    shifted = Arguments(
        [callee.receiver, *arguments.args], arguments.kwargs, arguments.open, arguments.node
    )
    if type(function) is v.Function:
        return call_function(run, function, shifted, site, callee.receiver)
    return run.call(function, shifted, site)


def _partial(run: Interpreter, callee: v.Partial, arguments: Arguments, site: Site | None) -> Value:
    return run.call(
        callee.function,
        Arguments(
            [*callee.args, *arguments.args],
            {**callee.kwargs, **arguments.kwargs},
            arguments.open,
            arguments.node,
        ),
        site,
    )


def _builtin(run: Interpreter, callee: v.Builtin, arguments: Arguments, site: Site | None) -> Value:
    try:
        return callee.run(run, arguments)
    except (IndexError, ValueError):
        return Unknown(f"the result of `{callee.name}`")


def _choice(run: Interpreter, callee: v.Choice, arguments: Arguments, site: Site | None) -> Value:
    results: list[Value] = []

    def arm(option: Value) -> Callable[[], Outcome]:
        def go() -> Outcome:
            results.append(run.call(option, arguments, site))
            return NORMAL

        return go

    # A condition of their own tells the arms from what both of them share.
    condition = next((each for each in callee.conditions if each not in run.conditions), site)
    options = [option for option in callee.options if option is not None]
    branch(run, [arm(option) for option in options], condition)
    return join(results, condition, run.limits.options)


def call_unknown(run: Interpreter, callee: Value, arguments: Arguments, site: Site | None) -> Value:
    """Call something that isn't known: tensors among the arguments go through an opaque node."""
    why = callee.why if type(callee) is Unknown else "something that can't be called"
    return tensors.opaque_call(run, arguments, site, f"a call of {why}")


def instance_truth(run: Interpreter, value: v.Instance) -> bool | None:
    """Whether an object of the program is true."""
    from qlsp.trace import attributes

    if value.cls.kind == "namedtuple":
        return bool(value.cls.fields)
    for name in ("__bool__", "__len__"):
        found = attributes.find_in_classes(value.cls.mro, name)
        if found is not MISSING:
            method = attributes.bind(run, found, value)
            return run.truth(run.call(method, Arguments([], {}), None))
    if any(type(base) is Unknown for base in value.cls.mro):
        return None
    return True


CALL: dict[type[Any], Call] = {
    v.Function: call_function,
    v.Bound: _bound,
    v.Partial: _partial,
    v.Builtin: _builtin,
    v.Class: classes.instantiate,
    v.Instance: classes.call_instance,
    v.Layer: layers.apply,
    v.Sequential: models.apply,
    v.Model: models.apply,
    v.External: external.call,
    v.Choice: _choice,
}
