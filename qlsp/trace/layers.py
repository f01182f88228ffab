"""Keras layers: made, then applied to tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import tensors
from qlsp.trace import values as v
from qlsp.trace.arguments import to_attr
from qlsp.trace.flow import RaisedError
from qlsp.trace.functions import flat_tensors
from qlsp.trace.gate import LAYERS
from qlsp.trace.graph import LayerGraph, Style
from qlsp.trace.keras import signatures
from qlsp.trace.keras.names import Name
from qlsp.trace.keras.shapes import Result, output_shape
from qlsp.trace.tape import Tape, whole
from qlsp.trace.values import Arguments, Tensor, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def make(run: Interpreter, name: Name, arguments: Arguments, site: Site | None) -> v.Layer:
    """The layer object that a constructor call makes."""
    run.budget.spend(4)
    cls = name.last
    run.budget.found += cls in LAYERS
    attrs = signatures.bind(cls, arguments.args, arguments.kwargs, name.flavour)
    given = attrs.get("name")
    return v.Layer(
        cls,
        name.symbol,
        name.flavour,
        attrs,
        not arguments.open,
        site,
        given if isinstance(given, str) else None,
    )


def apply(
    run: Interpreter,
    layer: v.Layer,
    arguments: Arguments,
    site: Site | None,
    style: Style = Style.CALL,
) -> Value:
    """Apply a layer to tensors. Raises `RaisedError` without any, as Keras does."""
    if not (arguments.args or arguments.kwargs or arguments.open):
        raise RaisedError(text="a layer without an input")
    inputs: list[Tensor] = []
    for index, value in enumerate(arguments.args):
        tensors.gather(run, value, inputs, unknown=index == 0)
    for name, value in arguments.kwargs.items():
        tensors.gather(run, value, inputs, unknown=name in ("inputs", "input"))
    training = arguments.kwargs.get("training")
    return applied(run, layer, inputs, site, style, training=training)


def applied(
    run: Interpreter,
    layer: v.Layer,
    inputs: Sequence[Tensor],
    site: Site | None,
    style: Style,
    path: tuple[Site, ...] | None = None,
    conditions: tuple[Site, ...] | None = None,
    training: Value = None,
) -> Value:
    """Record the application of a layer; gives the tensor or tensors that come out."""
    attrs = {name: to_attr(value) for name, value in layer.attrs.items()}
    if training is not None:
        attrs["training"] = to_attr(training)
    shapes = output_shape(layer.cls, attrs, [tensor.shape for tensor in inputs], run.data_format)
    function = None
    if shapes is None and layer.cls == "Lambda":
        shapes, function = _followed(run, layer, layer.attrs.get("function"), inputs)
    first = tensors.first_shape(shapes)
    node = tensors.record(
        run,
        "layer",
        layer.cls,
        layer,
        inputs=inputs,
        name=layer.name,
        attrs=attrs,
        complete=layer.complete,
        construct=layer.site,
        call=site,
        style=style,
        shape=first,
    )
    node.function = function
    if path is not None:
        node.path = path
    if conditions is not None:
        node.conditions = conditions
    if run.tape.flavour == "tf.keras":
        # A piece of a model is of the package that its layers come from.
        run.tape.flavour = layer.flavour
    result = tensors.outputs(run, node, shapes)
    activation = layer.attrs.get("activation")
    if type(activation) is v.Function and isinstance(result, Tensor):
        _, node.function = _followed(run, layer, activation, [result])
    if isinstance(result, Tensor):
        run.trail.touch(layer.calls)
        layer.calls.append(result)
    run.trail.attribute(layer, "shape", first)
    return result


def _followed(
    run: Interpreter, layer: v.Layer, function: Value, inputs: Sequence[Tensor]
) -> tuple[Result, LayerGraph | None]:
    """What comes out of a function that a layer was given, and what it does: followed apart."""
    outer = run.tape
    run.tape = Tape(outer)
    try:
        given: list[Value] = [run.tape.local(tensor) for tensor in inputs]
        arguments = Arguments([given[0] if len(given) == 1 else v.List(given)], {})
        result = run.call(function, arguments, None)
    except RaisedError:
        return None, None
    finally:
        inner, run.tape = run.tape, outer
    if type(result) is Tensor:
        graph = whole(
            inner,
            [result],
            name="<lambda>",
            kind="fragment",
            flavour=layer.flavour,
            site=layer.site,
        )
        return result.shape, graph
    if type(result) in (tuple, v.List):
        return [tensor.shape for tensor in flat_tensors(result)] or None, None
    return None, None
