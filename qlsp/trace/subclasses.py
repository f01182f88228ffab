"""Classes of the program that derive from Keras layers and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import attributes, functions, kinds, layers, members, models, sequential, tensors
from qlsp.trace import values as v
from qlsp.trace.arguments import to_attr
from qlsp.trace.graph import LayerGraph, Node, Style
from qlsp.trace.keras.names import Name
from qlsp.trace.keras.shapes import output_shape
from qlsp.trace.tape import Tape, whole
from qlsp.trace.values import MISSING, Arguments, Builtin, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_DEPTH = 6


def keras_base(cls: v.Class) -> Name | None:
    """The Keras class that a class of the program derives from."""
    return kinds.base_name(cls)


def instantiate(
    run: Interpreter, made: v.Instance, arguments: Arguments, site: Site | None
) -> v.Instance:
    """Make an object of a Keras subclass."""
    run.instances.append(made)
    method = attributes.find_in_classes(made.cls.mro, "__init__")
    if method is not MISSING:
        run.call(attributes.bind(run, method, made), arguments, site)
    else:
        initialize(run, made, arguments, site)
    return made


def initialize(run: Interpreter, made: v.Instance, arguments: Arguments, site: Site | None) -> None:
    """What Keras's own `__init__` does."""
    name = keras_base(made.cls)
    if name is None:
        return
    given = arguments.kwargs.get("name")
    if name.kind == "sequential":
        run.trail.attribute(
            made, "keras", sequential.make_sequential(run, name, arguments, made.site)
        )
        run.models.pop()
    elif name.kind == "model":
        if arguments.args or "inputs" in arguments.kwargs:
            model = models.make_model(run, name, arguments, made.site)
            if type(model) is v.Model:
                run.trail.attribute(made, "keras", model)
                run.models.pop()
    elif name.last != "Layer":
        layer = layers.make(run, name, arguments, made.site)
        run.trail.attribute(made, "keras", layer)
    run.trail.set(made.names, "name", given if given is not None else _unnamed())


def has_call(instance: v.Instance) -> bool:
    """Whether the program itself says what applying the object does."""
    mro = instance.cls.mro
    return attributes.find_in_classes(mro, "call") is not MISSING or instance.keras is None


def _unnamed() -> Unknown:
    return Unknown("a name that Keras gives")


def apply(run: Interpreter, instance: v.Instance, arguments: Arguments, site: Site | None) -> Value:
    """Apply a user-defined layer or model."""
    method = attributes.find_in_classes(instance.cls.mro, "call")
    own = instance.keras
    if method is MISSING:
        method = attributes.find_in_classes(instance.cls.mro, "__call__")
    if method is MISSING:
        if isinstance(own, v.Model | v.Sequential):
            return models.apply(run, own, arguments, site, instance.cls.name)
        if own is None:
            return run.unknown_call(
                Unknown(f"an object of class `{instance.cls.name}`"), arguments, site
            )
    return _apply_call(run, instance, method, arguments, site)


def _apply_call(
    run: Interpreter, instance: v.Instance, method: Value, arguments: Arguments, site: Site | None
) -> Value:
    graph, inner, outer, result = body(run, instance, method, arguments, site)
    base = keras_base(instance.cls)
    name = instance.names.get("name")
    node = tensors.record(
        run,
        "model" if base is not None and base.kind != "layer" else "layer",
        instance.cls.name,
        instance,
        inputs=outer,
        name=name if isinstance(name, str) else None,
        construct=instance.site,
        call=site,
        style=Style.CALL,
        body=graph,
    )
    made = _outward(result, inner, Outputs(run, node), _DEPTH)
    found = functions.flat_tensors(made)
    own = instance.keras
    if len(found) == 1 and found[0].shape is None and type(own) is v.Layer:
        # A subclass of a concrete layer gives what that layer gives, unless it says otherwise.
        attrs = {key: to_attr(value) for key, value in own.attrs.items()}
        shapes = output_shape(own.cls, attrs, [t.shape for t in outer], run.data_format)
        found[0].shape = tensors.first_shape(shapes)
    node.shape = found[0].shape if found else None
    return made


class Outputs:
    """The outputs of a node, in the order in which they are found in what `call` returned."""

    def __init__(self, run: Interpreter, node: Node) -> None:
        self.run = run
        self.node = node
        self.count = 0

    def next(self, tensor: Tensor) -> Tensor:
        """The outer tensor for an inner one."""
        made = Tensor(self.node, self.run.tape, self.count, tensor.shape)
        self.count += 1
        return made


def body(
    run: Interpreter, instance: v.Instance, method: Value, arguments: Arguments, site: Site | None
) -> tuple[LayerGraph, Tape, list[Tensor], Value]:
    """Follow `call` on a tape of its own.

    Gives its graph, the tape, the outer tensors for the body's input nodes in order, and what
    `call` returned, in tensors of the inner tape.
    """
    outer = run.tape
    inner = Tape(outer)
    mapped = Arguments([], {}, arguments.open, arguments.node)
    run.tape = inner
    run.called.add(id(instance))
    try:
        mapped.args = [_inward(run, value, inner, _DEPTH) for value in arguments.args]
        mapped.kwargs = {
            key: _inward(run, value, inner, _DEPTH) for key, value in arguments.kwargs.items()
        }
        _build(run, instance, mapped, site)
        if method is MISSING:
            result = _base_call(run, instance, mapped, site)
        else:
            result = run.call(attributes.bind(run, method, instance), mapped, site)
        ends: list[Tensor] = []
        tensors.gather(run, result, ends, unknown=True)
        if type(result) in (Unknown, v.Choice) and ends:
            result = ends[0]
        base = keras_base(instance.cls)
        graph = whole(
            inner,
            ends,
            name=instance.cls.qualname,
            kind="subclassed",
            flavour=base.flavour if base is not None else "tf.keras",
            site=instance.site,
        )
    finally:
        run.tape = outer
    return graph, inner, _outer_inputs(run, inner), result


def _build(run: Interpreter, instance: v.Instance, arguments: Arguments, site: Site | None) -> None:
    method = attributes.find_in_classes(instance.cls.mro, "build")
    if instance.built or method is MISSING:
        return
    run.trail.attribute(instance, "built", True)
    first = arguments.args[0] if arguments.args else None
    shape = _shapes_of(first)
    run.call(attributes.bind(run, method, instance), Arguments([shape], {}), site)


def _shapes_of(value: Value) -> Value:
    if type(value) is Tensor:
        return tensors.shape_value(value.shape)
    if type(value) in (tuple, v.List):
        items = value.items if type(value) is v.List else value
        return v.List([_shapes_of(item) for item in items])
    if type(value) is v.Dict:
        return v.Dict({key: _shapes_of(item) for key, item in value.items.items()}, value.open)
    return Unknown("a shape that isn't known")


def _inward(run: Interpreter, value: Value, tape: Tape, depth: int) -> Value:
    """A value with the outer tensors in it replaced by input nodes of the body."""
    kind = type(value)
    if kind is Tensor:
        return tape.local(value)
    if depth <= 0:
        return value
    if kind is v.Choice and tensors.holds_tensor(value):
        outer, run.tape = run.tape, tape.parent or tape
        try:
            chosen = tensors.chosen(run, value)
        finally:
            run.tape = outer
        return tape.local(chosen)
    if kind is tuple:
        return tuple(_inward(run, item, tape, depth - 1) for item in value)
    if kind is v.List and tensors.holds_tensor(value):
        return v.List([_inward(run, item, tape, depth - 1) for item in value.items], value.open)
    if kind is v.Dict and tensors.holds_tensor(value):
        return v.Dict(
            {key: _inward(run, item, tape, depth - 1) for key, item in value.items.items()},
            value.open,
        )
    return value


def _outward(value: Value, tape: Tape, outputs: Outputs, depth: int) -> Value:
    """What `call` returned, in tensors of the node that stands for the application."""
    kind = type(value)
    if kind is Tensor:
        return outputs.next(value)
    if depth <= 0:
        return value
    if kind is tuple:
        return tuple(_outward(item, tape, outputs, depth - 1) for item in value)
    if kind is v.List:
        return v.List([_outward(item, tape, outputs, depth - 1) for item in value.items])
    if kind is v.Dict:
        return v.Dict(
            {key: _outward(item, tape, outputs, depth - 1) for key, item in value.items.items()}
        )
    if kind in (Unknown, v.Choice):
        return outputs.next(Tensor(outputs.node, tape))
    return value


def _outer_inputs(run: Interpreter, inner: Tape) -> list[Tensor]:
    """The outer tensors for the input nodes of a body, in order."""
    sources: dict[int, Tensor] = {}
    run.budget.spend(8 + len(inner.nodes))
    for outer, stand_in in inner.captured.values():
        sources[stand_in.node.index] = run.tape.local(outer)
    for value, stand_in in inner.unknowns.values():
        if stand_in.node.kind == "input":
            sources[stand_in.node.index] = tensors.from_unknown(run, value)
    return [sources[index] for index in sorted(sources)]


def _base_call(
    run: Interpreter, instance: v.Instance, arguments: Arguments, site: Site | None
) -> Value:
    """What `call` of the Keras class does."""
    own = instance.keras
    if type(own) is v.Layer:
        inputs: list[Tensor] = []
        for index, value in enumerate(arguments.args):
            tensors.gather(run, value, inputs, unknown=index == 0)
        return layers.applied(run, own, inputs, site, Style.IMPLICIT)
    if isinstance(own, v.Model | v.Sequential):
        return models.apply(run, own, arguments, site)
    return arguments.args[0] if arguments.args else None


def super_attribute(run: Interpreter, instance: v.Instance, name: str) -> Value:
    """`super().name` where `super()` is Keras's class."""
    if name == "__init__":

        def begin(run: Interpreter, arguments: Arguments) -> Value:
            initialize(run, instance, arguments, instance.site)
            return None

        return Builtin(name, begin)
    if name in ("call", "__call__"):
        return Builtin(
            name, lambda run, arguments: _base_call(run, instance, arguments, run.call_site)
        )
    if name == "get_config":
        return Builtin(name, lambda run, arguments: v.Dict({}, True))
    if name in ("build", "compile", "add_loss"):
        return Builtin(name, lambda run, arguments: None)
    return keras_attribute(run, instance, name)


_WEIGHTS = ("add_weight", "add_variable")


def keras_attribute(run: Interpreter, instance: v.Instance, name: str) -> Value:
    """An attribute that Keras gives to a user-defined layer or model."""
    own = instance.keras
    if isinstance(own, Unknown):
        return own.part(name, f"the attribute `{name}` of a layer that isn't known")
    if own is not None:
        return members.attribute(run, own, name)
    if name in _WEIGHTS:
        return Builtin(name, lambda run, arguments: Unknown(v.WEIGHT))
    if name in ("add_loss", "add_metric", "build", "compile", "summary", "fit"):
        return Builtin(name, lambda run, arguments: None)
    if name == "layers":
        return v.List([], True)
    return MISSING
