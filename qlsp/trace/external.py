"""Calling what lies outside the project: Keras and TensorFlow by canonical name, and Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import (
    backend,
    graph_mode,
    inputs,
    layers,
    library,
    models,
    sequential,
    tensors,
    tools,
)
from qlsp.trace import values as v
from qlsp.trace.graph import Style
from qlsp.trace.keras import signatures
from qlsp.trace.keras.names import FUNCTIONAL, Name, resolve
from qlsp.trace.values import Arguments, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def call(run: Interpreter, callee: v.External, arguments: Arguments, site: Site | None) -> Value:
    """Call something known by its dotted path."""
    name = resolve(callee.path)
    if name is None:
        function = library.FUNCTIONS.get(callee.path)
        if function is not None:
            try:
                return function(run, arguments)
            except (IndexError, ValueError):
                return Unknown(f"the result of `{callee.path}`")
        return tensors.opaque_call(run, arguments, site, f"a call of `{callee.path}`")
    if name.symbol in graph_mode.EXPORTS:
        graph_mode.note(run, name.symbol, site)
    if name.symbol in graph_mode.FUNCTIONS:
        return graph_mode.FUNCTIONS[name.symbol](run, arguments, site)
    if name.kind == "layer":
        return layers.make(run, name, arguments, site)
    if name.kind == "op" and name.symbol not in backend.FUNCTIONS:
        return op(run, name, arguments, site)
    if name.kind == "input":
        return inputs.make_input(run, name, arguments, site)
    if name.kind == "sequential":
        return sequential.make_sequential(run, name, arguments, site)
    if name.kind == "model":
        return models.make_model(run, name, arguments, site)
    if name.kind == "layer_function":
        return _layer_function(run, name, arguments, site)
    if name.kind == "application":
        return models.make_application(run, name, arguments, site)
    if name.symbol in tools.SYMBOLS:
        return tools.call(run, name, arguments, site)
    return backend.call(run, name, arguments, site)


def op(run: Interpreter, name: Name, arguments: Arguments, site: Site | None) -> Value:
    """A function on tensors."""
    attrs = signatures.bind(name.symbol, arguments.args, arguments.kwargs, name.flavour)
    if name.flavour == "tf1":
        attrs = graph_mode.with_defaults(run, name.symbol, attrs)
    inputs: list[Tensor] = []
    weights = 0
    for value in (*arguments.args, *arguments.kwargs.values()):
        is_weight = type(value) is Unknown and value.why == v.WEIGHT
        weights += is_weight
        tensors.gather(run, value, inputs, unknown=is_weight)
    if weights and len(inputs) == weights:
        return Unknown(v.WEIGHT)  # computed once
    first = arguments.args[0] if arguments.args else next(iter(arguments.kwargs.values()), None)
    if not inputs:
        if type(first) is Unknown and first.argument:
            tensors.gather(run, first, inputs, unknown=True)
        else:
            if name.symbol.startswith(graph_mode.FAKE_QUANT):
                graph_mode.note(run, name.symbol, site)
            return Unknown(f"the result of `{name.symbol}`")
    return tensors.operation(run, name.symbol, attrs, inputs, site, complete=not arguments.open)


def _layer_function(run: Interpreter, name: Name, arguments: Arguments, site: Site | None) -> Value:
    """`keras.layers.add([x, y])`: makes a layer and applies it."""
    cls = Name(f"keras.layers.{FUNCTIONAL[name.symbol]}", "layer", name.flavour)
    args, kwargs = list(arguments.args), dict(arguments.kwargs)
    given = args.pop(0) if args else kwargs.pop("inputs", None)
    layer = layers.make(run, cls, Arguments(args, kwargs, arguments.open), site)
    if name.symbol == "tf.layers.batch_normalization" and not arguments.open:
        layer.attrs.setdefault("training", False)
    inputs: list[Tensor] = []
    tensors.gather(run, given, inputs, unknown=True)
    return layers.applied(run, layer, inputs, site, Style.CALL)
