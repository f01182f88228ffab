"""The graph of one builder, called with given arguments."""

from __future__ import annotations

from collections.abc import Mapping

from qlsp.error import QlspError
from qlsp.source.document import Document
from qlsp.trace import attributes, functions, kinds, sequential, subclasses
from qlsp.trace import values as v
from qlsp.trace.budget import Limits, OutOfFuelError
from qlsp.trace.flow import RaisedError
from qlsp.trace.graph import LayerGraph, Symbol
from qlsp.trace.interpreter import Interpreter
from qlsp.trace.project import Project
from qlsp.trace.roots import arguments, call_arguments, constructor
from qlsp.trace.tape import whole
from qlsp.trace.tracer import Tracer, flavour_of
from qlsp.trace.values import MISSING, Arguments, Unknown, Value

_DEFAULT_SETTINGS: Mapping[str, object] = {"weights": None}


def trace_builder(
    document: Document,
    builder: str,
    project: Project | None = None,
    settings: Mapping[str, object] | None = None,
    limits: Limits | None = None,
) -> LayerGraph:
    """The graph of the model that `builder` (a function, class or variable) makes.

    `settings` are arguments by name; those that the builder does not take are ignored. Raises
    `QlspError` if there is no such builder or it makes no model, and `SourceError` if the document
    does not parse.
    """
    given = _DEFAULT_SETTINGS if settings is None else settings
    tracer = Tracer(document, project or Project(), limits or Limits())
    machine = tracer.machine
    tracer.run_body()
    found: Value = tracer.module.names.get(builder.partition(".")[0], MISSING)
    for part in builder.split(".")[1:]:
        if found is not MISSING:
            found = attributes.get(machine, found, part, None, None)
    where = tracer.module.path
    if found is MISSING or type(found) is Unknown:
        raise QlspError(f"{where} has no function, class or model `{builder}`")
    tracer.begin(builder)
    try:
        made = _make(machine, found, given)
        graph = _model_graph(machine, made, builder)
    except RaisedError as error:
        raise QlspError(f"`{builder}` raises an error: {error}") from None
    except (OutOfFuelError, RecursionError):
        raise QlspError(f"`{builder}` is too large to follow") from None
    if graph is None:
        raise QlspError(f"`{builder}` in {where} does not make a model")
    return graph


def _make(machine: Interpreter, found: Value, settings: Mapping[str, object]) -> Value:
    if isinstance(found, v.Bound):
        return machine.call(found, Arguments([], {}), None)
    if isinstance(found, v.Function | v.Class):
        function = found if isinstance(found, v.Function) else constructor(found)
        skip = 0 if isinstance(found, v.Function) else 1
        given = arguments(function, False, skip)
        if isinstance(function, v.Function):
            _set(given, function, settings, skip)
        return machine.call(found, given, None)
    if isinstance(found, v.Partial):
        return machine.call(found, Arguments([], {}), None)
    return found


def _model_graph(machine: Interpreter, made: Value, builder: str) -> LayerGraph | None:
    if type(made) in (tuple, v.List):
        items = made if type(made) is tuple else made.items
        made = next((i for i in items if isinstance(i, v.Model | v.Sequential)), made)
    if isinstance(made, v.Instance) and not subclasses.has_call(made):
        made = made.keras
    if type(made) is v.Model:
        return None if made.opaque else made.graph
    if type(made) is v.Sequential:
        return sequential.sequential_graph(machine, made, name=builder)[0]
    if isinstance(made, v.Instance) and kinds.is_keras(made.cls):
        mark = len(machine.tape.nodes)
        machine.call(made, call_arguments(machine, made), None)
        for node in machine.tape.nodes[mark:]:
            if node.body is not None:
                return node.body
    ends = [t for t in functions.flat_tensors(made) if t.tape is machine.tape]
    if ends:
        return whole(
            machine.tape,
            ends,
            name=builder,
            kind="fragment",
            flavour=flavour_of(machine.tape),
            site=None,
        )
    return None


def _set(given: Arguments, function: v.Function, settings: Mapping[str, object], skip: int) -> None:
    node = function.node.args
    positional = [p.arg for p in (node.posonlyargs + node.args)[skip:]]
    taken = {*positional, *(p.arg for p in node.kwonlyargs)}
    for name, value in settings.items():
        if name in taken or node.kwarg is not None:
            if name in positional and positional.index(name) < len(given.args):
                given.args[positional.index(name)] = _to_value(value)
            else:
                given.kwargs[name] = _to_value(value)


def _to_value(plain: object) -> Value:
    """A Python value as a value of the program; a `Symbol` is something outside it."""
    if isinstance(plain, Symbol):
        return v.External(plain.name)
    if isinstance(plain, list):
        return v.List([_to_value(item) for item in plain])
    if isinstance(plain, tuple):
        return tuple(_to_value(item) for item in plain)
    if isinstance(plain, dict):
        return v.Dict({key: _to_value(item) for key, item in plain.items()})
    return plain
