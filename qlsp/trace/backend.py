"""Functions of Keras and TensorFlow that say something about tensors, layers or settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qlsp.source.span import Site
from qlsp.trace import tensors
from qlsp.trace import values as v
from qlsp.trace.containers import items_of
from qlsp.trace.keras.names import LAZY_MODULES, Name, resolve
from qlsp.trace.values import Arguments, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_PACKAGES = {
    "keras3": "keras",
    "tf_keras": "tf_keras",
    "tf.keras": "tensorflow.keras",
    "tf1": "tensorflow.compat.v1.keras",
}


def call(run: Interpreter, name: Name, arguments: Arguments, site: Site | None) -> Value:
    """Call a function or class that is known by name only."""
    if name.symbol in LAZY_MODULES:
        return module(LAZY_MODULES[name.symbol], name)
    function = FUNCTIONS.get(name.symbol)
    if function is not None:
        return function(run, arguments)
    if name.kind in ("class", "value"):
        return Unknown(f"an object of `{name.symbol}`")
    if _is_harmless(name.symbol):
        return Unknown(f"the result of `{name.symbol}`")
    return tensors.opaque_call(run, arguments, site, f"a call of `{name.symbol}`", name.symbol)


def knows(path: str) -> bool:
    """Whether a function is followed."""
    name = resolve(path)
    return name is not None and name.symbol in FUNCTIONS


def _is_harmless(symbol: str) -> bool:
    """Whether a function takes models and tensors without changing or passing them on."""
    return symbol.startswith(("tf.", "tfmot.", "keras.utils.", "keras.models.", "keras.saving."))


def module(symbol: str, name: Name) -> v.External:
    """The module `keras.layers` of the package that `name` was reached through."""
    package = _PACKAGES[name.flavour]
    return v.External(symbol.replace("keras", package, 1))


def _int_shape(run: Interpreter, arguments: Arguments) -> Value:
    tensor = arguments.get(0, "x")
    if type(tensor) is Tensor:
        return tensors.shape_value(tensor.shape)
    return Unknown("the shape of a value that isn't known")


def _ndim(run: Interpreter, arguments: Arguments) -> Value:
    tensor = arguments.get(0, "x")
    if type(tensor) is Tensor and tensor.shape is not None:
        return len(tensor.shape)
    return Unknown("the rank of a value that isn't known")


def _is_tensor(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.get(0, "x")
    if type(value) is Tensor:
        return True
    if type(value) in (Unknown, v.Choice, v.Instance):
        return Unknown("a type that isn't known")
    return False


def _get_uid(run: Interpreter, arguments: Arguments) -> Value:
    prefix = arguments.get(0, "prefix", "")
    if not isinstance(prefix, str):
        return Unknown("a number")
    run.uids[prefix] = run.uids.get(prefix, 0) + 1
    return run.uids[prefix]


def _source_inputs(run: Interpreter, arguments: Arguments) -> Value:
    value = arguments.get(0, "tensor")
    if type(value) is not Tensor:
        return Unknown("the inputs of a value that isn't known")
    nodes = value.tape.nodes
    seen, stack, found = set(), [value.node.index], []
    while stack:
        index = stack.pop()
        if index in seen:
            continue
        seen.add(index)
        node = nodes[index]
        if node.kind == "input":
            found.append(Tensor(node, value.tape, 0, node.shape))
        stack += reversed(node.inputs)
    return v.List(list(found))


def _data_format(run: Interpreter, arguments: Arguments) -> Value:
    given = arguments.get(0, "data_format")
    return run.data_format if given is None else given


def _set_data_format(run: Interpreter, arguments: Arguments) -> Value:
    given = arguments.get(0, "data_format")
    if given in ("channels_first", "channels_last"):
        run.trail.attribute(run, "data_format", given)
    return None


def _get_activation(run: Interpreter, arguments: Arguments) -> Value:
    given = arguments.get(0, "identifier")
    if isinstance(given, str):
        known = run.custom_objects.items.get(given)
        return v.External(f"keras.activations.{given}") if known is None else known
    return v.External("keras.activations.linear") if given is None else given


def _same(run: Interpreter, arguments: Arguments) -> Value:
    return arguments.args[0] if arguments.args else next(iter(arguments.kwargs.values()), None)


def _flatten(run: Interpreter, arguments: Arguments) -> Value:
    made: list[Value] = []

    def add(value: Value) -> None:
        if type(value) in (v.List, tuple):
            for item in items_of(run, value) or ():
                add(item)
        elif type(value) is v.Dict:
            for item in value.items.values():
                add(item)
        else:
            made.append(value)

    add(arguments.get(0, "structure"))
    return v.List(made)


def _obtain_input_shape(run: Interpreter, arguments: Arguments) -> Value:
    """The input shape of an application: what is given, or the default size."""
    given, size = arguments.get(0, "input_shape"), arguments.get(1, "default_size")
    channels_first = arguments.get(3, "data_format", run.data_format) == "channels_first"
    fixed = arguments.get(4, "require_flatten", True)
    if type(given) is v.List and not given.open:
        given = tuple(given.items)
    if given is not None:
        return given if type(given) is tuple else Unknown("an input shape that isn't known")
    truth = run.truth(fixed)
    if truth is None:
        return Unknown("an input shape that isn't known")
    side = size if truth else None
    return (3, side, side) if channels_first else (side, side, 3)


def _correct_pad(run: Interpreter, arguments: Arguments) -> Value:
    """Padding before a strided convolution: ((top, bottom), (left, right))."""
    tensor, kernel = arguments.get(0, "inputs"), arguments.get(1, "kernel_size")
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    shape = tensor.shape if type(tensor) is Tensor else None
    if shape is None or len(shape) != 4 or type(sides) is not tuple:
        return Unknown("a padding that isn't known")
    spatial = shape[2:] if run.data_format == "channels_first" else shape[1:3]
    padding = []
    for length, side in zip(spatial, sides, strict=False):
        if not isinstance(side, int) or not (length is None or isinstance(length, int)):
            return Unknown("a padding that isn't known")
        less = 1 if spatial[0] is None or length is None else 1 - length % 2
        padding.append((side // 2 - less, side // 2))
    return tuple(padding)


def _custom_gradient(run: Interpreter, arguments: Arguments) -> Value:
    """A function that gives a value and its gradient becomes one that gives the value."""
    function = arguments.get(0, "f")

    def value_of(run: Interpreter, given: Arguments) -> Value:
        result = run.call(function, given, run.call_site)
        return result[0] if type(result) is tuple and result else result

    return v.Builtin("custom_gradient", value_of)


def _custom_objects(run: Interpreter, arguments: Arguments) -> Value:
    return run.custom_objects


def _register(run: Interpreter, arguments: Arguments) -> Value:
    """`register_keras_serializable(package, name)`, a decorator."""
    package, name = arguments.get(0, "package", "Custom"), arguments.get(1, "name")

    def decorate(run: Interpreter, given: Arguments) -> Value:
        made = given.args[0]
        called = name or getattr(made, "name", None)
        if isinstance(package, str) and isinstance(called, str):
            run.custom_objects.items[f"{package}>{called.rpartition('.')[2]}"] = made
        return made

    return v.Builtin("decorator", decorate)


def _deserialize(run: Interpreter, arguments: Arguments) -> Value:
    """What a registered name, or the configuration of an object, stands for."""
    name = arguments.get(0, "config")
    config: Value = None
    if type(name) is v.Dict and not name.open:
        described: v.Dict = name
        name, config = described.items.get("class_name"), described.items.get("config")
    known = run.custom_objects.items.get(name) if isinstance(name, str) else None
    if type(known) is v.Class and isinstance(config, v.Dict):
        return run.call(known, Arguments([], dict(config.items), config.open), run.call_site)
    if known is None or type(known) is v.Class:
        return Unknown("a deserialized object")
    return known


def _constant(value: Value) -> Callable[[Interpreter, Arguments], Value]:
    return lambda run, arguments: value


FUNCTIONS: dict[str, Callable[[Interpreter, Arguments], Value]] = {
    "keras.activations.get": _get_activation,
    "keras.applications.imagenet_utils.correct_pad": _correct_pad,
    "keras.applications.imagenet_utils.obtain_input_shape": _obtain_input_shape,
    "keras.applications.imagenet_utils.validate_activation": _constant(None),
    "keras.backend.backend": _constant("tensorflow"),
    "keras.backend.epsilon": _constant(1e-7),
    "keras.backend.floatx": _constant("float32"),
    "keras.backend.get_uid": _get_uid,
    "keras.backend.image_data_format": lambda run, arguments: run.data_format,
    "keras.backend.image_dim_ordering": _constant("tf"),
    "keras.backend.int_shape": _int_shape,
    "keras.backend.is_keras_tensor": _is_tensor,
    "keras.backend.is_tensor": _is_tensor,
    "keras.backend.ndim": _ndim,
    "keras.backend.normalize_data_format": _data_format,
    "keras.backend.set_image_data_format": _set_data_format,
    "keras.backend.standardize_data_format": _data_format,
    "keras.config.backend": _constant("tensorflow"),
    "keras.config.image_data_format": lambda run, arguments: run.data_format,
    "keras.config.floatx": _constant("float32"),
    "keras.engine.get_source_inputs": _source_inputs,
    "keras.utils.get_source_inputs": _source_inputs,
    **{
        f"keras.{module}.{name}": function
        for module in ("utils", "saving")
        for name, function in (
            ("get_custom_objects", _custom_objects),
            ("register_keras_serializable", _register),
            ("deserialize_keras_object", _deserialize),
        )
    },
    "tf.custom_gradient": _custom_gradient,
    "tf.Variable": lambda run, arguments: Unknown(v.WEIGHT),
    "tf.TensorShape": _same,
    "tf.compat.dimension_value": _same,
    "tf.executing_eagerly": _constant(True),
    "tf.function": _same,
    "tf.is_tensor": _is_tensor,
    "tf.nest.flatten": _flatten,
    "keras.tree.flatten": _flatten,
}
