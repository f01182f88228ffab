"""Tensors: recording what is applied to them, their attributes, operators and items."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from qlsp.source.span import Site, Span
from qlsp.trace import tools
from qlsp.trace import values as v
from qlsp.trace.arguments import to_attr
from qlsp.trace.budget import OutOfFuelError
from qlsp.trace.graph import UNKNOWN, LayerGraph, Node, Shape, Style
from qlsp.trace.keras.shapes import output_shape, sliced
from qlsp.trace.values import Arguments, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_DEPTH = 6


def holds_tensor(value: Value, depth: int = _DEPTH) -> bool:
    """Whether a value is, or certainly holds, a tensor."""
    kind = type(value)
    if kind is Tensor:
        return True
    if kind is v.Choice:
        return any(holds_tensor(option, depth) for option in value.options)
    if depth <= 0:
        return False
    if kind is tuple:
        return any(holds_tensor(item, depth - 1) for item in value)
    if kind is v.List:
        return any(holds_tensor(item, depth - 1) for item in value.items)
    if kind is v.Dict:
        return any(holds_tensor(item, depth - 1) for item in value.items.values())
    if kind is v.Fork:
        return any(holds_tensor(item, depth - 1) for option in value.options for item in option)
    return False


def gather(
    run: Interpreter, value: Value, into: list[Tensor], *, unknown: bool, depth: int = _DEPTH
) -> None:
    """The tensors in a value, in order, as this tape sees them.

    With `unknown`, values that aren't known count as tensors too.
    """
    kind = type(value)
    if kind is Tensor:
        into.append(run.tape.local(value))
    elif kind is v.Choice:
        if unknown or holds_tensor(value):
            into.append(chosen(run, value))
    elif kind is Unknown:
        if unknown:
            into.append(from_unknown(run, value))
    elif depth > 0:
        items: Sequence[Value] = ()
        if kind is tuple:
            items = value
        elif kind is v.List:
            items = value.items
        elif kind is v.Dict:
            items = list(value.items.values())
        elif kind is v.Fork:
            items = [item for option in value.options for item in option]
        for item in items:
            gather(run, item, into, unknown=unknown, depth=depth - 1)
        if unknown and kind is v.List and value.open:
            into.append(from_unknown(run, Unknown("the items of a list that isn't known")))


def from_unknown(run: Interpreter, value: Unknown) -> Tensor:
    """The tensor that an unknown value turned out to be: an input, or an opaque node."""
    known = run.tape.unknowns.get(id(value))
    if known is None:
        node = record(
            run,
            "input" if value.argument else "opaque",
            "InputLayer" if value.argument else "Weight" if value.why == v.WEIGHT else "?",
            value,
            inputs=(),
            style=Style.IMPLICIT,
        )
        if not value.argument:
            run.tape.hole(None, value.why, node)
        known = run.tape.unknowns[id(value)] = (value, Tensor(node, run.tape))
    return known[1]


def chosen(run: Interpreter, choice: v.Choice) -> Tensor:
    """The tensor that one of several is."""
    key = id(choice)
    known = run.tape.choices.get(key)
    if known is None:
        inputs: list[Tensor] = []
        for option in choice.options:
            gather(run, option, inputs, unknown=True)
        shapes = [tensor.shape for tensor in inputs]
        shape = shapes[0] if shapes and all(s == shapes[0] for s in shapes) else None
        site = choice.conditions[0] if choice.conditions else None
        node = record(
            run, "choice", "?", choice, inputs=inputs, construct=site, style=Style.IMPLICIT,
            shape=shape,
        )  # fmt: skip
        known = run.tape.choices[key] = (choice, Tensor(node, run.tape, 0, shape))
    return known[1]


def record(
    run: Interpreter,
    kind: Literal["input", "layer", "op", "model", "opaque", "choice"],
    cls: str,
    layer: Value,
    *,
    inputs: Sequence[Tensor],
    name: str | None = None,
    attrs: Mapping[str, object] | None = None,
    complete: bool = True,
    construct: Site | None = None,
    call: Site | None = None,
    style: Style = Style.CALL,
    shape: Shape | None = None,
    body: LayerGraph | None = None,
) -> Node:
    """Put a node on the tape."""
    run.budget.spend(4)
    run.made += 1
    if kind in ("layer", "model"):
        run.budget.found += 1
    if run.made > run.limits.nodes:
        raise OutOfFuelError
    slots = tuple(tensor.slot for tensor in inputs)
    number = run.layer_id(layer)
    return run.tape.add(
        Node(
            index=0,
            kind=kind,
            cls=cls,
            layer=number,
            name=name,
            attrs=attrs if attrs is not None else {},
            inputs=tuple(tensor.node.index for tensor in inputs),
            construct=construct,
            call=call,
            style=style,
            slots=slots if any(slots) else (),
            attrs_complete=complete,
            shape=shape,
            path=run.path,
            conditions=run.conditions,
            body=body,
            annotation=run.annotations.get(number),
        )
    )


def operation(
    run: Interpreter,
    symbol: str,
    attrs: Mapping[str, Value],
    inputs: Sequence[Tensor],
    site: Site | None,
    *,
    complete: bool = True,
    call: Site | None = None,
) -> Value:
    """Record a function applied to tensors, and give what comes out of it."""
    plain = {name: to_attr(value) for name, value in attrs.items() if not holds_tensor(value)}
    name = plain.get("name")
    shapes = output_shape(symbol, plain, [tensor.shape for tensor in inputs], run.data_format)
    node = record(
        run,
        "op",
        symbol,
        object(),
        inputs=inputs,
        name=name if isinstance(name, str) else None,
        attrs=plain,
        complete=complete,
        construct=site,
        call=call or site,
        style=Style.OP,
        shape=first_shape(shapes),
    )
    return outputs(run, node, shapes)


def first_shape(shapes: Shape | list[Shape | None] | None) -> Shape | None:
    """The shape of the first output."""
    if isinstance(shapes, list):
        return shapes[0] if shapes else None
    return shapes


def outputs(run: Interpreter, node: Node, shapes: Shape | list[Shape | None] | None) -> Value:
    """The tensor or tensors that come out of a node."""
    if isinstance(shapes, list):
        return v.List([Tensor(node, run.tape, i, shape) for i, shape in enumerate(shapes)])
    return Tensor(node, run.tape, 0, shapes)


def operate(run: Interpreter, symbol: str, operands: Sequence[Value], site: Site | None) -> Value:
    """An operator of Python on tensors."""
    inputs: list[Tensor] = []
    for operand in operands:
        gather(run, operand, inputs, unknown=True)
    names = ("x", "y", "z")
    attrs = {
        name: operand
        for name, operand in zip(names, operands, strict=False)
        if type(operand) is not Unknown
    }
    return operation(run, symbol, attrs, inputs, site)


def item(run: Interpreter, tensor: Tensor, key: Value, site: Site | None) -> Value:
    """`tensor[key]`."""
    inputs = [run.tape.local(tensor)]
    gather(run, key, inputs, unknown=False)
    index = to_attr(key)
    shape = sliced(tensor.shape, index)
    node = record(
        run,
        "op",
        "operator.getitem",
        object(),
        inputs=inputs,
        attrs={"key": index},
        construct=site,
        call=site,
        style=Style.OP,
        shape=shape,
    )
    return Tensor(node, run.tape, 0, shape)


def unpack(run: Interpreter, tensor: Tensor, count: int) -> list[Value]:
    """The outputs of a node that gives several."""
    return [Tensor(tensor.node, tensor.tape, tensor.slot + i, None) for i in range(count)]


def attribute(run: Interpreter, tensor: Tensor, name: str) -> Value:
    """`tensor.shape` and its like."""
    if name in ("shape", "_keras_shape"):
        return shape_value(tensor.shape)
    if name == "get_shape":
        return v.Builtin("get_shape", lambda run, arguments: shape_value(tensor.shape))
    if name == "dtype":
        return Unknown("the type of a tensor")
    if name in ("ndim", "rank"):
        return Unknown("the rank of a tensor") if tensor.shape is None else len(tensor.shape)
    return Unknown(f"the attribute `{name}` of a tensor")


def shape_value(shape: Shape | None) -> Value:
    """A static shape as a value of the program."""
    if shape is None:
        return Unknown("a shape that isn't known")
    return tuple(Unknown("an axis that isn't known") if axis is UNKNOWN else axis for axis in shape)


def opaque_call(
    run: Interpreter, arguments: Arguments, site: Site | None, why: str, cls: str = "?"
) -> Value:
    """A call of something unknown; `cls` is its canonical name if it has one."""
    inputs: list[Tensor] = []
    for value in (*arguments.args, *arguments.kwargs.values()):
        gather(run, value, inputs, unknown=False)
    lose(run, arguments, site)
    if not inputs:
        return Unknown(why.replace("a call of", "the result of"))
    node = record(
        run, "opaque", cls, object(), inputs=inputs, construct=site, call=site, style=Style.CALL
    )
    run.tape.hole(site, why, node)
    return Tensor(node, run.tape)


def lose(run: Interpreter, arguments: Arguments, site: Site | None) -> None:
    """Arguments go into code that isn't followed: models may be changed there."""
    for value in (*arguments.args, *arguments.kwargs.values()):
        _lose(run, value, site, _DEPTH)


def _lose(run: Interpreter, value: Value, site: Site | None, depth: int) -> None:
    kind = type(value)
    if kind is v.Sequential:
        value.lost.append((site, "handed to code that isn't followed"))
    elif kind is Unknown:
        if value.handle is not None:
            tools.lose(run, value)
    elif depth > 0:
        if kind is v.List:
            for part in value.items:
                _lose(run, part, site, depth - 1)
        elif kind is tuple:
            for part in value:
                _lose(run, part, site, depth - 1)
        elif kind is v.Dict:
            for part in value.items.values():
                _lose(run, part, site, depth - 1)


def lost(run: Interpreter, options: Sequence[Value], site: Site | None, why: str) -> Value:
    """A tensor of which it isn't known what happened to it last."""
    inputs: list[Tensor] = []
    for option in options:
        gather(run, option, inputs, unknown=False)
    node = record(run, "opaque", "?", object(), inputs=inputs, construct=site, style=Style.IMPLICIT)
    run.tape.hole(site, why, node)
    return Tensor(node, run.tape)


def site_of(run: Interpreter, arguments: Arguments) -> Site | None:
    """The call's site where the arguments came from syntax."""
    if isinstance(arguments.node, ast.Call) and arguments.path is not None:
        return Site(arguments.path, Span.of(arguments.node))
    return None
