"""TensorFlow 1: placeholders, variables, slim's argument scopes, and rewrites of the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import tensors
from qlsp.trace import values as v
from qlsp.trace.arguments import to_attr
from qlsp.trace.containers import is_open, items_of
from qlsp.trace.graph import UNKNOWN, Effect, Shape, Style
from qlsp.trace.keras.names import resolve
from qlsp.trace.values import Arguments, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

Function = Callable[["Interpreter", Arguments, "Site | None"], Value]
_LIMIT = 64
"""How often `slim.repeat` may apply a layer."""


def with_defaults(run: Interpreter, symbol: str, attrs: dict[str, Value]) -> dict[str, Value]:
    """The arguments of a function of slim, with those that an argument scope gives."""
    found = {**run.arg_scope.get(symbol, {}), **attrs}
    normalizer = found.get("normalizer_fn")
    if type(normalizer) is v.External:
        known = resolve(normalizer.path)
        given = found.get("normalizer_params")
        if known is not None and (given is None or type(given) is v.Dict):
            params = {**run.arg_scope.get(known.symbol, {}), **(given.items if given else {})}
            found["normalizer_params"] = v.Dict(params, bool(given and given.open))
    return found


def _placeholder(run: Interpreter, arguments: Arguments, site: Site | None) -> Value:
    dtype, shape = arguments.get(0, "dtype"), arguments.get(1, "shape")
    if type(dtype) is v.External and dtype.path.endswith(".bool"):
        return v.External("tensorflow.placeholder")
    return _input(run, shape, arguments.get(2, "name"), site)


def _placeholder_with_default(run: Interpreter, arguments: Arguments, site: Site | None) -> Value:
    given, shape = arguments.get(0, "input"), arguments.get(1, "shape")
    if type(given) is Tensor:
        return given
    if isinstance(given, bool) or _shape(run, shape) == ():
        return v.External("tensorflow.placeholder_with_default")
    return _input(run, shape, arguments.get(2, "name"), site)


def _input(run: Interpreter, shape: Value, name: Value, site: Site | None) -> Value:
    known = _shape(run, shape)
    node = tensors.record(
        run,
        "input",
        "tf.placeholder",
        object(),
        inputs=(),
        name=name if isinstance(name, str) else None,
        construct=site,
        call=site,
        style=Style.OP,
        shape=known,
    )
    return Tensor(node, run.tape, 0, known)


def _shape(run: Interpreter, value: Value) -> Shape | None:
    items = None if is_open(value) else items_of(run, value)
    if items is None:
        return None
    return tuple(
        item if item is None or (isinstance(item, int) and item >= 0) else UNKNOWN for item in items
    )


def _variable(run: Interpreter, arguments: Arguments, site: Site | None) -> Value:
    return v.External("tensorflow.Variable")


def _arg_scope(run: Interpreter, arguments: Arguments, site: Site | None) -> Value:
    first = arguments.get(0, "list_ops_or_scope")
    if type(first) is v.ArgScope:
        return first
    scope = dict(run.arg_scope)
    for function in items_of(run, first) or ():
        known = resolve(function.path) if type(function) is v.External else None
        if known is not None:
            scope[known.symbol] = {**scope.get(known.symbol, {}), **arguments.kwargs}
    return v.ArgScope(scope)


def _repeat(run: Interpreter, arguments: Arguments, site: Site | None) -> Value:
    value, times, layer = (arguments.get(i, "") for i in range(3))
    if not isinstance(times, int) or not 0 <= times <= _LIMIT:
        return tensors.opaque_call(run, arguments, site, "a call of `slim.repeat`")
    kwargs = {key: item for key, item in arguments.kwargs.items() if key != "scope"}
    for _ in range(times):
        given = Arguments([value, *arguments.args[3:]], kwargs, arguments.open, arguments.node)
        value = run.call(layer, given, site)
    return value


def _same(run: Interpreter, arguments: Arguments, site: Site | None) -> Value:
    return arguments.args[0] if arguments.args else Unknown("nothing")


def _effect(symbol: str, *parameters: str) -> Function:
    def call(run: Interpreter, arguments: Arguments, site: Site | None) -> Value:
        given = {**dict(zip(parameters, arguments.args, strict=False)), **arguments.kwargs}
        attrs = {name: to_attr(value) for name, value in given.items()}
        run.tape.effects.append(Effect(symbol, attrs, site, run.conditions))
        return None

    return call


_REWRITES = (
    "tf.contrib.quantize.create_eval_graph",
    "tf.contrib.quantize.create_training_graph",
    "tf.contrib.quantize.experimental_create_eval_graph",
    "tf.contrib.quantize.experimental_create_training_graph",
)

EXPORTS = frozenset(
    {
        "tf.graph_util.convert_variables_to_constants",
        "tf.lite.TFLiteConverter.from_session",
        "tf.contrib.lite.TFLiteConverter.from_session",
    }
)
"""What takes the graph as it is by then, for conversion."""


FAKE_QUANT = "tf.quantization.fake_quant_with_min_max_"
"""Applied to weights, it is no node of the graph: it is only noted that it is there."""


def note(run: Interpreter, symbol: str, site: Site | None) -> None:
    """Note that the graph is exported here, or that some of its weights are fake-quantized."""
    run.tape.effects.append(Effect(symbol, {}, site, run.conditions))


FUNCTIONS: dict[str, Function] = {
    **{symbol: _effect(symbol) for symbol in _REWRITES},
    "keras.backend.set_learning_phase": _effect("keras.backend.set_learning_phase", "value"),
    "slim.add_arg_scope": _same,
    "slim.arg_scope": _arg_scope,
    "slim.repeat": _repeat,
    "tf.Variable": _variable,
    "tf.get_variable": _variable,
    "tf.placeholder": _placeholder,
    "tf.placeholder_with_default": _placeholder_with_default,
}
"""By canonical name."""
