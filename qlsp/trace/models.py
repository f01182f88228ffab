"""Keras models: Sequential, functional and known applications; their attributes and methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import functions, layers, tensors, tools
from qlsp.trace import values as v
from qlsp.trace.arguments import to_attr
from qlsp.trace.containers import items_of
from qlsp.trace.flow import NORMAL, Outcome, branch
from qlsp.trace.graph import Flavour, LayerGraph, Node, Shape, Style
from qlsp.trace.join import join
from qlsp.trace.keras import signatures
from qlsp.trace.keras.names import Name, resolve
from qlsp.trace.tape import Tape, cut, whole
from qlsp.trace.values import MISSING, Arguments, Builtin, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def make_input(run: Interpreter, name: Name, arguments: Arguments, site: Site | None) -> Value:
    """`Input(shape=…)`."""
    attrs = signatures.bind("keras.Input", arguments.args, arguments.kwargs, name.flavour)
    given = attrs.get("tensor")
    if type(given) is Tensor:
        return given
    plain = {key: to_attr(value) for key, value in attrs.items()}
    return Tensor(*_input_node(run, plain, not arguments.open, site, Style.CALL))


def _input_node(
    run: Interpreter, attrs: dict[str, object], complete: bool, site: Site | None, style: Style
) -> tuple[Node, Tape, int, Shape | None]:
    shape = input_shape(attrs)
    name = attrs.get("name")
    node = tensors.record(
        run,
        "input",
        "InputLayer",
        object(),
        inputs=(),
        name=name if isinstance(name, str) else None,
        attrs=attrs,
        complete=complete,
        construct=site,
        call=site,
        style=style,
        shape=shape,
    )
    return node, run.tape, 0, shape


def input_shape(attrs: dict[str, object]) -> Shape | None:
    """The shape, batch first, that the arguments of an input or first layer give."""
    for key in ("batch_shape", "batch_input_shape"):
        whole_shape = attrs.get(key)
        if isinstance(whole_shape, tuple):
            return whole_shape
    shape = attrs.get("shape", attrs.get("input_shape"))
    if isinstance(shape, int):
        shape = (shape,)
    if shape is None and isinstance(attrs.get("input_dim"), int):
        length = attrs.get("input_length")
        shape = (length, attrs["input_dim"]) if "input_length" in attrs else (attrs["input_dim"],)
    if not isinstance(shape, tuple):
        return None
    batch = attrs.get("batch_size")
    return (batch if isinstance(batch, int) else None, *shape)


# Sequential


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


def _add(model: v.Sequential) -> Callable[[Interpreter, Arguments], Value]:
    def add(run: Interpreter, arguments: Arguments) -> Value:
        value = arguments.get(0, "layer")
        run.trail.touch(model.entries.items)
        site = run.call_site
        model.entries.items.append(v.Entry(value, site, False, run.path, run.conditions))
        return None

    return add


def _pop(model: v.Sequential) -> Callable[[Interpreter, Arguments], Value]:
    def pop(run: Interpreter, arguments: Arguments) -> Value:
        run.trail.touch(model.entries.items)
        if model.entries.items and type(model.entries.items[-1]) is v.Entry:
            return model.entries.items.pop().layer
        model.lost.append((None, "popped while its layers weren't known"))
        return Unknown("a popped layer")

    return pop


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
        current = _sequential_input(run, entries, shape)
        result = _chain(run, entries, current, placed)
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


def _sequential_input(run: Interpreter, entries: list[Value], shape: Shape | None) -> Value:
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
    node, tape, slot, found = _input_node(run, attrs, True, site, style)
    node.shape = shape or found
    return Tensor(node, tape, slot, node.shape)


def _chain(
    run: Interpreter, entries: Sequence[Value], current: Value, placed: list[tuple[Value, Tensor]]
) -> Value:
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
            results.append(_chain(run, option, current, placed))
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


# Functional models


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
        start = Tensor(*_input_node(run, {}, True, site, Style.IMPLICIT))
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


# Attributes


def attribute(run: Interpreter, value: v.Layer | v.Model | v.Sequential, name: str) -> Value:
    """An attribute of a Keras layer or model."""
    if type(value) is v.Layer:
        return _layer_attribute(run, value, name)
    if name == "name":
        return value.name if value.name is not None else Unknown("a name that Keras gives")
    if name in tools.METHODS:
        return tools.method(value, name)
    if name in ("summary", "build"):
        return Builtin(name, lambda run, arguments: None)
    if type(value) is v.Sequential:
        methods = {"add": _add, "pop": _pop}
        if name in methods:
            return Builtin(name, methods[name](value))
        return _sequential_attribute(run, value, name)
    assert type(value) is v.Model
    if name in ("input", "inputs"):
        return v.List(list(value.starts)) if name == "inputs" else value.inputs
    if name in ("output", "outputs"):
        return v.List(list(value.ends)) if name == "outputs" else value.outputs
    if name == "output_shape":
        return tensors.shape_value(value.ends[0].shape) if value.ends else Unknown("a shape")
    if name == "input_shape":
        return tensors.shape_value(value.starts[0].shape) if value.starts else Unknown("a shape")
    if name == "layers":
        return _model_layers(run, value)
    if name == "get_layer":
        return Builtin(name, _get_layer(value))
    return Unknown(f"the attribute `{name}` of a model")


def _model_layers(run: Interpreter, model: v.Model) -> Value:
    if model.opaque or model.tape is None:
        return v.List([], True)
    made = []
    seen = set()
    for index in model.nodes:
        node = model.tape.nodes[index]
        layer = run.layer_object(node.layer)
        if node.kind in ("layer", "model", "input") and node.layer not in seen:
            seen.add(node.layer)
            made.append(_as_layer(layer, node, model.tape))
    return v.List(made)


def _as_layer(layer: Value, node: Node, tape: Tape) -> Value:
    if isinstance(layer, v.Layer | v.Instance | v.Model | v.Sequential):
        return layer
    made = v.Layer(node.cls, node.cls, "tf.keras", dict(node.attrs), True, node.construct)
    made.name = node.name
    made.calls.append(Tensor(node, tape, 0, node.shape))
    return made


def _get_layer(model: v.Model) -> Callable[[Interpreter, Arguments], Value]:
    def get_layer(run: Interpreter, arguments: Arguments) -> Value:
        name, index = arguments.get(0, "name"), arguments.get(1, "index")
        if model.opaque or model.tape is None:
            return _opaque_layer(run, model)
        found = _model_layers(run, model)
        if isinstance(name, str):
            for layer in found.items:
                if getattr(layer, "name", None) == name:
                    return layer
            return _opaque_layer(run, model)
        if isinstance(index, int) and -len(found.items) <= index < len(found.items):
            return found.items[index]
        return _opaque_layer(run, model)

    return get_layer


def _opaque_layer(run: Interpreter, model: v.Model) -> v.Layer:
    """A layer inside a model that isn't followed, or whose name isn't known."""
    made = v.Layer("?", "?", model.flavour, {}, False, None)
    node = tensors.record(
        run, "opaque", "?", made, inputs=model.starts, construct=model.site, style=Style.IMPLICIT
    )
    run.tape.hole(model.site, "a layer inside a model that isn't followed", node)
    made.calls.append(Tensor(node, run.tape))
    return made


def _layer_attribute(run: Interpreter, layer: v.Layer, name: str) -> Value:
    if name == "name":
        return layer.name if layer.name is not None else Unknown("a name that Keras gives")
    if name == "output":
        return layer.calls[0] if layer.calls else Unknown("the output of a layer")
    if name == "input" and layer.calls:
        tensor = layer.calls[0]
        sources = [
            Tensor(tensor.tape.nodes[i], tensor.tape, 0, tensor.tape.nodes[i].shape)
            for i in tensor.node.inputs
        ]
        if tensor.node.kind == "input":
            return tensor
        return sources[0] if len(sources) == 1 else v.List(list(sources))
    if name == "output_shape":
        return tensors.shape_value(layer.shape)
    if name in layer.attrs:
        return _as_stored(layer.cls, name, layer.attrs[name])
    if name in ("__class__",):
        return v.External(layer.symbol)
    if name == "__name__":
        return layer.cls
    if name == "call":
        return layer
    signature = signatures.find(layer.cls, layer.flavour)
    default = signature.defaults.get(name, ...) if signature is not None else ...
    if layer.complete and default is not ...:
        return _as_stored(layer.cls, name, default)
    return Unknown(f"the attribute `{name}` of a layer")


_PER_AXIS = ("kernel_size", "strides", "dilation_rate", "pool_size")


def _as_stored(cls: str, name: str, value: Value) -> Value:
    """An argument as the layer's attribute of its name: sizes are tuples, one per axis."""
    rank = cls.removesuffix("Transpose")[-2:-1]
    if name in _PER_AXIS and isinstance(value, int) and rank in ("1", "2", "3"):
        return (value,) * int(rank)
    return value


def _sequential_attribute(run: Interpreter, model: v.Sequential, name: str) -> Value:
    if name == "layers":
        return v.List(_layers_of(model.entries.items), bool(model.lost))
    if name in ("input", "output", "inputs", "outputs", "output_shape", "get_layer"):
        return attribute(run, as_functional(run, model), name)
    return Unknown(f"the attribute `{name}` of a model")


def _layers_of(entries: Sequence[v.Entry | v.Fork]) -> list[Value]:
    made: list[Value] = []
    for entry in entries:
        if isinstance(entry, v.Fork):
            options = tuple(tuple(_layers_of(option)) for option in entry.options)
            made.append(v.Fork(options, entry.condition))
        elif type(entry.layer) is not Tensor:
            made.append(entry.layer)
    return made


def as_functional(run: Interpreter, model: v.Sequential) -> v.Model:
    """A Sequential's layers laid out on the tape, for `model.output` and its like."""
    known = run.laid_out.get(id(model))
    if known is not None and known[0] == len(model.entries.items):
        return known[2]
    state = run.path, run.conditions
    entries = list(model.entries.items)
    start = _sequential_input(run, entries, None)
    placed: list[tuple[Value, Tensor]] = []
    end = _chain(run, entries, start, placed)
    run.path, run.conditions = state
    made = functional(run, start, end, model.name, model.flavour, model.site)
    run.models.pop()
    run.laid_out[id(model)] = (len(model.entries.items), model, made)
    return made


def set_attribute(run: Interpreter, owner: Value, name: str, value: Value) -> None:
    """`layer.trainable = False` and its like change nothing in the graph."""
    if type(owner) is v.Layer and name in ("activation", "strides", "padding", "name", "_name"):
        run.trail.set(owner.attrs, name.lstrip("_"), value)
        if name in ("name", "_name") and isinstance(value, str):
            run.trail.attribute(owner, "name", value)


# Types


def is_keras(cls: v.Class) -> bool:
    """Whether a class of the program derives from a Keras layer or model."""
    return base_name(cls) is not None


def base_name(cls: v.Class) -> Name | None:
    """The Keras class that a class of the program derives from, the most special one."""
    general = None
    for base in cls.mro:
        if type(base) is v.External:
            name = resolve(base.path)
            if name is not None and name.kind in ("layer", "model", "sequential"):
                if name.last != "Layer":
                    return name
                general = general or name
    return general


def is_object(base: Value) -> bool:
    """Whether a base class is a class of the program, or gives no attributes of its own."""
    return type(base) is v.External and base.path in ("object", "abc.ABC", "typing.Generic")


def is_instance(run: Interpreter, value: Value, kind: v.External) -> bool | None:
    """`isinstance(value, <something outside>)`."""
    name = resolve(kind.path)
    if name is None:
        return False if isinstance(value, v.Native) or type(value) in (v.List, v.Dict) else None
    if type(value) is Tensor:
        return True if "Tensor" in name.last else (False if name.kind == "layer" else None)
    if isinstance(value, v.Native) or type(value) in (v.List, v.Dict, tuple, v.Function):
        return False
    if type(value) is v.Layer:
        if name.last in ("Layer", "Module", value.cls):
            return True
        if name.kind == "layer":
            return name.last in signatures.bases(value.cls)
        return False if name.kind in ("model", "sequential") else None
    if type(value) in (v.Model, v.Sequential):
        if name.last in ("Model", "Layer", "Module"):
            return True
        if name.last == "Functional":
            return True
        if name.kind == "sequential":
            return type(value) is v.Sequential
        return False if name.kind == "layer" else None
    if type(value) is v.Instance:
        for base in value.cls.mro:
            if type(base) is v.External:
                own = resolve(base.path)
                if own is None:
                    return None
                if own.symbol == name.symbol or name.last == "Layer":
                    return True
                if own.kind == "layer" and name.last in signatures.bases(own.last):
                    return True
                if own.kind == "model" and name.last == "Model":
                    return True
        return None if any(type(b) is Unknown for b in value.cls.mro) else False
    return None


def length(run: Interpreter, value: v.Instance) -> Value:
    """`len()` of an object of the program."""
    from qlsp.trace import attributes

    found = attributes.find(run, value, "__len__")
    if found is MISSING:
        return Unknown("a length that isn't known")
    return run.call(found, Arguments([], {}), None)


def super_attribute(
    run: Interpreter, receiver: v.Instance, rest: Sequence[Value], name: str
) -> Value:
    """`super().name` where no class of the program has it."""
    from qlsp.trace import subclasses

    if base_name(receiver.cls) is not None:
        found = subclasses.super_attribute(run, receiver, name)
        if found is not MISSING:
            return found
    if name == "__init__" and all(is_object(base) for base in rest):
        return Builtin(name, lambda run, arguments: None)
    return Unknown(f"`super().{name}`")


def keras_attribute(run: Interpreter, instance: v.Instance, name: str) -> Value:
    """An attribute that Keras gives to an object of the program."""
    from qlsp.trace import subclasses

    return subclasses.keras_attribute(run, instance, name)
