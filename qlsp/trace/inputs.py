"""`keras.Input`, and the shapes that inputs and first layers give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import tensors
from qlsp.trace.arguments import to_attr
from qlsp.trace.graph import Node, Shape, Style
from qlsp.trace.keras import signatures
from qlsp.trace.keras.names import Name
from qlsp.trace.tape import Tape
from qlsp.trace.values import Arguments, Tensor, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter


def make_input(run: Interpreter, name: Name, arguments: Arguments, site: Site | None) -> Value:
    """`Input(shape=…)`."""
    attrs = signatures.bind("keras.Input", arguments.args, arguments.kwargs, name.flavour)
    given = attrs.get("tensor")
    if type(given) is Tensor:
        return given
    plain = {key: to_attr(value) for key, value in attrs.items()}
    return Tensor(*input_node(run, plain, not arguments.open, site, Style.CALL))


def input_node(
    run: Interpreter, attrs: dict[str, object], complete: bool, site: Site | None, style: Style
) -> tuple[Node, Tape, int, Shape | None]:
    """A new input: what a `Tensor` is made of."""
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
