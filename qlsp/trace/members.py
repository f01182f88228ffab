"""Attributes and methods of Keras layers and models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qlsp.trace import models, sequential, tensors, tools
from qlsp.trace import values as v
from qlsp.trace.graph import Node, Style
from qlsp.trace.keras import signatures
from qlsp.trace.tape import Tape
from qlsp.trace.values import Arguments, Builtin, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


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
        methods = {"add": sequential.add, "pop": sequential.pop}
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
    if name == "data_format" and layer.attrs.get(name) is None:
        return run.data_format
    if name in layer.attrs:
        return _as_stored(layer.cls, name, layer.attrs[name])
    if name in _WEIGHTS:
        return Unknown(v.WEIGHT)
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


_WEIGHTS = frozenset(
    [
        *("kernel", "bias", "depthwise_kernel", "pointwise_kernel", "gamma", "beta"),
        *("moving_mean", "moving_variance", "embeddings"),
    ]
)
"""Attributes of Keras's layers that are variables."""

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
        return attribute(run, models.as_functional(run, model), name)
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


SETTABLE = ("activation", "strides", "padding")
"""Attributes that a layer reads when it is applied."""


def set_attribute(run: Interpreter, owner: Value, name: str, value: Value) -> None:
    """`layer.trainable = False` and its like change nothing in the graph."""
    if type(owner) is v.Layer and name in (*SETTABLE, "name", "_name"):
        run.trail.set(owner.attrs, name.lstrip("_"), value)
        if name in ("name", "_name") and isinstance(value, str):
            run.trail.attribute(owner, "name", value)
