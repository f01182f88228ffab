"""Functional models and known applications, and models that are used as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import tensors
from qlsp.trace import values as v
from qlsp.trace.arguments import to_attr
from qlsp.trace.graph import Flavour, LayerGraph, Shape, Style
from qlsp.trace.inputs import input_node, input_shape
from qlsp.trace.keras import signatures
from qlsp.trace.keras.names import Name
from qlsp.trace.sequential import chain, sequential_graph, sequential_input
from qlsp.trace.tape import cut
from qlsp.trace.values import MISSING, Arguments, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def make_model(run: Interpreter, name: Name, arguments: Arguments, site: Site | None) -> Value:
    """`Model(inputs, outputs)`."""
    args = list(arguments.args)
    kwargs = dict(arguments.kwargs)
    given = [
        args[index] if index < len(args) else kwargs.get(plural, kwargs.get(singular, MISSING))
        for index, (plural, singular) in enumerate((("inputs", "input"), ("outputs", "output")))
    ]
    called = args[2] if len(args) > 2 else kwargs.get("name")
    if MISSING in given:
        return Unknown("a model without inputs and outputs")
    return functional(
        run, given[0], given[1], called if isinstance(called, str) else None, name.flavour, site
    )


def functional(
    run: Interpreter,
    inputs: Value,
    outputs: Value,
    name: str | None,
    flavour: Flavour,
    site: Site | None,
) -> v.Model:
    """The model between tensors."""
    starts: list[Tensor] = []
    ends: list[Tensor] = []
    tensors.gather(run, inputs, starts, unknown=True)
    tensors.gather(run, outputs, ends, unknown=True)
    graph, indexes = cut(
        run.tape,
        starts,
        ends,
        name=run.building,
        kind="functional",
        flavour=flavour,
        site=site,
    )
    made = v.Model(graph, inputs, outputs, name, flavour, site)
    made.tape, made.nodes = run.tape, indexes
    made.starts = tuple(starts)
    made.ends = tuple(ends)
    run.models.append((made, run.tape))
    return made


def make_application(
    run: Interpreter, name: Name, arguments: Arguments, site: Site | None
) -> Value:
    """`keras.applications.MobileNetV2(...)`: a model that is known by name only."""
    attrs = signatures.bind(name.symbol, arguments.args, arguments.kwargs, name.flavour)
    plain = {key: to_attr(value) for key, value in attrs.items() if not tensors.holds_tensor(value)}
    given = attrs.get("input_tensor")
    starts: list[Tensor] = []
    tensors.gather(run, given, starts, unknown=False)
    if not starts:
        shape = input_shape({"input_shape": plain.get("input_shape")})
        start = Tensor(*input_node(run, {}, True, site, Style.IMPLICIT))
        start.node.shape = start.shape = shape
        starts = [start]
    made = v.Model(
        LayerGraph(name.last, "functional", name.flavour, []),
        starts[0],
        None,
        None,
        name.flavour,
        site,
    )
    made.opaque = name.last
    made.attrs = plain
    node = tensors.record(
        run,
        "model",
        name.last,
        made,
        inputs=starts,
        attrs=plain,
        complete=not arguments.open,
        construct=site,
        call=site,
        style=Style.IMPLICIT,
    )
    end = Tensor(node, run.tape)
    made.outputs = end
    made.tape, made.starts, made.ends = run.tape, tuple(starts), (end,)
    return made


def apply(
    run: Interpreter,
    model: v.Model | v.Sequential,
    arguments: Arguments,
    site: Site | None,
    cls: str | None = None,
) -> Value:
    """Use a model as a layer."""
    inputs: list[Tensor] = []
    for index, value in enumerate(arguments.args):
        tensors.gather(run, value, inputs, unknown=index == 0)
    tensors.gather(run, arguments.kwargs.get("inputs"), inputs, unknown=True)
    run.nested.add(id(model))
    shapes: list[Shape | None]
    if isinstance(model, v.Sequential):
        shape = inputs[0].shape if inputs else None
        graph, _ = sequential_graph(run, model, shape)
        shapes = [graph.nodes[i].shape for i in graph.outputs or ()]
        kind = cls or "Sequential"
    else:
        graph = model.graph
        shapes = [end.shape for end in model.ends]
        kind = cls or model.opaque or "Functional"
    node = tensors.record(
        run,
        "model",
        kind,
        model,
        inputs=inputs,
        name=model.name,
        attrs=model.attrs if type(model) is v.Model else {},
        construct=model.site,
        call=site,
        style=Style.CALL,
        shape=shapes[0] if shapes else None,
        body=None if type(model) is v.Model and model.opaque else graph,
    )
    made = [Tensor(node, run.tape, slot, shape) for slot, shape in enumerate(shapes)]
    if len(made) == 1:
        return made[0]
    if type(model) is v.Model and type(model.outputs) is v.Dict:
        return v.Dict(dict(zip(model.outputs.items, made, strict=False)))
    return v.List(list(made))


def as_functional(run: Interpreter, model: v.Sequential) -> v.Model:
    """A Sequential's layers laid out on the tape, for `model.output` and its like."""
    known = run.laid_out.get(id(model))
    if known is not None and known[0] == len(model.entries.items):
        return known[2]
    state = run.path, run.conditions
    entries = list(model.entries.items)
    start = sequential_input(run, entries, None)
    placed: list[tuple[Value, Tensor]] = []
    end = chain(run, entries, start, placed)
    run.path, run.conditions = state
    made = functional(run, start, end, model.name, model.flavour, model.site)
    run.models.pop()
    run.laid_out[id(model)] = (len(model.entries.items), model, made)
    return made
