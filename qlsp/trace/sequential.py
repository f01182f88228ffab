"""Sequential models: their list of layers, and the graph it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import functions, layers, tensors
from qlsp.trace import values as v
from qlsp.trace.arguments import to_attr
from qlsp.trace.containers import items_of
from qlsp.trace.flow import NORMAL, Outcome, branch
from qlsp.trace.graph import LayerGraph, Shape, Style
from qlsp.trace.inputs import input_node, input_shape
from qlsp.trace.join import join
from qlsp.trace.keras.names import Name
from qlsp.trace.tape import Tape, whole
from qlsp.trace.values import Arguments, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def make_sequential(
    run: Interpreter, name: Name, arguments: Arguments, site: Site | None
) -> v.Sequential:
    """`Sequential([...])`."""
    given = arguments.get(1, "name")
    made = v.Sequential(
        v.List([]),
        given if isinstance(given, str) else None,
        name.flavour,
        site,
        root=run.building,
    )
    listed = arguments.get(0, "layers")
    if listed is not None:
        nodes = functions.elements(arguments, 0, "layers")
        items = items_of(run, listed)
        if items is None:
            made.lost.append((site, "made from a list that isn't known"))
        for index, item in enumerate(items or ()):
            at = nodes[index] if nodes and len(nodes) == len(items or ()) else None
            made.entries.items.append(_entry(run, item, at, site))
        if type(listed) is v.List and listed.open:
            made.lost.append((site, "made from a list that isn't known"))
    run.models.append((made, run.tape))
    return made


def _entry(run: Interpreter, item: Value, at: Site | None, site: Site | None) -> Value:
    if type(item) is v.Fork:
        options = tuple(
            tuple(_entry(run, part, None, site) for part in option) for option in item.options
        )
        return v.Fork(options, item.condition)
    if at is None:
        at = item.site if isinstance(item, v.Layer | v.Instance | v.Sequential | v.Model) else site
    return v.Entry(item, at, True, run.path, run.conditions)


def add(model: v.Sequential) -> Callable[[Interpreter, Arguments], Value]:
    """`model.add`."""

    def append(run: Interpreter, arguments: Arguments) -> Value:
        value = arguments.get(0, "layer")
        run.trail.touch(model.entries.items)
        site = run.call_site
        model.entries.items.append(v.Entry(value, site, False, run.path, run.conditions))
        return None

    return append


def pop(model: v.Sequential) -> Callable[[Interpreter, Arguments], Value]:
    """`model.pop`."""

    def remove(run: Interpreter, arguments: Arguments) -> Value:
        run.trail.touch(model.entries.items)
        if model.entries.items and type(model.entries.items[-1]) is v.Entry:
            return model.entries.items.pop().layer
        model.lost.append((None, "popped while its layers weren't known"))
        return Unknown("a popped layer")

    return remove


def sequential_graph(
    run: Interpreter, model: v.Sequential, shape: Shape | None = None, name: str = ""
) -> tuple[LayerGraph, list[tuple[Value, Tensor]]]:
    """The graph of a Sequential as it stands, and its layers with what each gives."""
    outer = run.tape
    state = run.path, run.conditions
    run.tape = Tape(outer)
    placed: list[tuple[Value, Tensor]] = []
    try:
        entries = list(model.entries.items)
        current = sequential_input(run, entries, shape)
        result = chain(run, entries, current, placed)
        ends: list[Tensor] = []
        tensors.gather(run, result, ends, unknown=True)
        for site, reason in model.lost:
            run.tape.hole(site, reason)
        graph = whole(
            run.tape,
            ends,
            name=name or model.root,
            kind="sequential",
            flavour=model.flavour,
            site=model.site,
        )
    finally:
        run.tape = outer
        run.path, run.conditions = state
    return graph, placed


def sequential_input(run: Interpreter, entries: list[Value], shape: Shape | None) -> Value:
    """The input, of `shape` or what the first entry tells; an input among `entries` is taken."""
    first = entries[0] if entries else None
    layer = first.layer if type(first) is v.Entry else None
    attrs: dict[str, object] = {}
    site = None
    style = Style.IMPLICIT
    if type(layer) is Tensor and layer.node.kind == "input":
        entries.pop(0)
        attrs = dict(layer.node.attrs)
        site, style = layer.node.construct, Style.ELEMENT
        shape = shape or layer.shape
    elif type(layer) is v.Layer and layer.cls == "InputLayer":
        entries.pop(0)
        attrs = {key: to_attr(value) for key, value in layer.attrs.items()}
        site, style = layer.site, Style.ELEMENT
        shape = shape or input_shape(attrs)
    elif type(layer) is v.Layer and shape is None:
        shape = input_shape({key: to_attr(value) for key, value in layer.attrs.items()})
    node, tape, slot, found = input_node(run, attrs, True, site, style)
    node.shape = shape or found
    return Tensor(node, tape, slot, node.shape)


def chain(
    run: Interpreter, entries: Sequence[Value], current: Value, placed: list[tuple[Value, Tensor]]
) -> Value:
    """Apply `entries` one after the other; each layer and what it gives goes to `placed`."""
    for entry in entries:
        if type(entry) is v.Fork:
            current = _either(run, entry, current, placed)
        elif type(entry) is not v.Entry:
            current = tensors.lost(run, (current,), None, "layers added in a loop")
        else:
            current = _place(run, entry, current)
            if type(current) is Tensor:
                placed.append((entry.layer, current))
    return current


def _either(
    run: Interpreter, fork: v.Fork, current: Value, placed: list[tuple[Value, Tensor]]
) -> Value:
    results: list[Value] = []

    def arm(option: Sequence[Value]) -> Callable[[], Outcome]:
        def go() -> Outcome:
            results.append(chain(run, option, current, placed))
            return NORMAL

        return go

    branch(run, [arm(option) for option in fork.options], fork.condition)
    return join(results, fork.condition, run.limits.options)


def _place(run: Interpreter, entry: v.Entry, current: Value) -> Value:
    style = Style.ELEMENT if entry.element else Style.ADD
    path, conditions = run.path, run.conditions
    run.path = entry.path
    run.conditions = (*conditions, *(c for c in entry.conditions if c not in conditions))
    mark = len(run.tape.nodes)
    try:
        if type(entry.layer) is v.Layer:
            inputs: list[Tensor] = []
            tensors.gather(run, current, inputs, unknown=True)
            return layers.applied(run, entry.layer, inputs, entry.site, style)
        result = run.call(entry.layer, Arguments([current], {}), entry.site)
        if len(run.tape.nodes) > mark and type(entry.layer) is not v.Choice:
            run.tape.nodes[-1].style = style
        return result
    finally:
        run.path, run.conditions = path, conditions
