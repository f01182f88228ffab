"""Recording what a program does with converters, tfmot, and models that are built already.

The results of these calls stay unknown values, so that graphs are what they would be anyway; an
unknown value that is one of them carries a `Handle`, by which its attributes and methods are known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from qlsp.source.span import Site, Span
from qlsp.trace import values as v
from qlsp.trace.arguments import to_attr
from qlsp.trace.graph import Shape
from qlsp.trace.keras.names import Name
from qlsp.trace.program import Call, Callback, Custom, Kind, Setting, Subject
from qlsp.trace.values import Arguments, Builtin, Tensor, Unknown, Value

if TYPE_CHECKING:
    from qlsp.trace.interpreter import Interpreter

_TFMOT = "tfmot.quantization.keras."
ANNOTATE_LAYER = f"{_TFMOT}quantize_annotate_layer"
ANNOTATE_ALL = frozenset({f"{_TFMOT}quantize_model", f"{_TFMOT}quantize_annotate_model"})
"""What quantizes or annotates every layer of a model."""
_RESULTS: dict[str, Kind] = {
    f"{_TFMOT}quantize_model": "quantized",
    f"{_TFMOT}quantize_apply": "quantized",
    f"{_TFMOT}quantize_annotate_model": "annotated",
    ANNOTATE_LAYER: "unknown",
    f"{_TFMOT}quantize_scope": "scope",
    "keras.models.load_model": "loaded",
    "keras.saving.load_model": "loaded",
    "keras.models.clone_model": "unknown",
    "keras.mixed_precision.set_global_policy": "unknown",
    "keras.mixed_precision.set_policy": "unknown",
    "keras.config.set_dtype_policy": "unknown",
    "tf.tools.graph_transforms.TransformGraph": "unknown",
}
_MAKERS = (
    *("from_keras_model", "from_saved_model", "from_concrete_functions", "from_session"),
    *("from_frozen_graph", "from_keras_model_file"),
)
_CLASSES = ("tf.lite.TFLiteConverter", "tf.lite.TocoConverter")
CONVERTERS = frozenset(
    f"{prefix}.{maker}"
    for cls in _CLASSES
    for prefix in (cls, cls.replace("tf.lite", "tf.contrib.lite"))
    for maker in _MAKERS
)
_DATASET = "tf.lite.RepresentativeDataset"
SYMBOLS = CONVERTERS | _RESULTS.keys() | {_DATASET}
"""The functions that are recorded."""
TELLING = CONVERTERS | {symbol for symbol in _RESULTS if symbol.startswith(_TFMOT)}
"""Those for whose sake a function is followed."""
METHODS = frozenset(["compile", "evaluate", "fit", "load_weights", "save", "save_weights"])
"""The methods of models that are recorded."""

_SPEC = "target_spec"
_UNSET = object()
_JUDGED = (
    *("optimizations", "representative_dataset", "inference_input_type", "inference_output_type"),
    *("allow_custom_ops", "experimental_new_converter", "experimental_new_quantizer"),
    *("inference_type", "quantized_input_stats", "default_ranges_stats"),
    *("post_training_quantize", "target_ops"),
    *("target_spec.supported_ops", "target_spec.supported_types"),
)
"""Attributes that one arm of an unknown condition may set and the other not."""


@dataclass(slots=True, eq=False)
class Handle:
    """What is known of an unknown value."""

    kind: Kind
    maker: str = ""
    tf1: bool = False
    model: Value = None
    """What a converter converts."""
    names: dict[str, Value] = field(default_factory=dict)
    """What was set on a converter."""
    sites: dict[str, Value] = field(default_factory=dict)
    """Where; of a condition's two arms, none."""
    lost: bool = False


def call(run: Interpreter, name: Name, arguments: Arguments, site: Site | None) -> Value:
    """Call one of the functions in `SYMBOLS`."""
    if name.symbol == _DATASET:
        return arguments.get(0, "input_gen")
    if name.symbol == ANNOTATE_LAYER and _is_layer(arguments.get(0, "to_annotate")):
        return _annotate(run, arguments, site)
    made = Unknown(f"the result of `{name.symbol}`")
    tf1 = name.flavour == "tf1" or ".contrib." in name.symbol
    given = arguments.args[0] if arguments.args else next(iter(arguments.kwargs.values()), None)
    if name.symbol in CONVERTERS:
        handle = Handle("converter", name.last, tf1, given)
        run.trail.born(handle.names)
        handle.names.update(dict.fromkeys(_JUDGED, _UNSET))
    else:
        kind = _RESULTS[name.symbol]
        if kind == "loaded" and (len(arguments.args) > 1 or "custom_objects" in arguments.kwargs):
            kind = "unknown"
        handle = Handle(kind)
    made.handle = handle
    record(
        run,
        name.symbol,
        site,
        arguments,
        subject=given,
        result=made,
        tf1=tf1,
        maker=handle.maker,
    )
    return made


def _is_layer(value: Value) -> bool:
    own = value.keras if isinstance(value, v.Instance) else value
    return isinstance(own, v.Layer)


def _annotate(run: Interpreter, arguments: Arguments, site: Site | None) -> Value:
    """`quantize_annotate_layer`, whose result does what the layer does."""
    layer = arguments.get(0, "to_annotate")
    config = arguments.get(1, "quantize_config")
    run.annotations[run.layer_id(layer)] = "default" if config is None else "configured"
    record(run, ANNOTATE_LAYER, site, arguments)
    return layer


def attribute(run: Interpreter, value: Unknown, name: str) -> Value:
    """`value.name`, for a value with a handle; None where nothing is known of it."""
    handle = value.handle
    assert handle is not None
    if handle.maker == _SPEC:
        return attribute(run, handle.model, f"{_SPEC}.{name}")
    if handle.kind != "converter":
        return method(value, name) if name in METHODS else None
    if name == "convert":
        return Builtin(name, lambda run, arguments: _convert(run, value))
    if name == _SPEC and _SPEC not in handle.names:
        spec = value.part(name, "the target of a converter")
        spec.handle = Handle("unknown", _SPEC, model=value)
        return spec
    if name in handle.names and handle.names[name] is not _UNSET:
        return handle.names[name]
    # What is read may be changed in place: `converter.optimizations.add(...)`.
    found = value.part(name, f"the attribute `{name}` of a converter")
    run.trail.set(handle.names, name, found)
    return found


def set_attribute(
    run: Interpreter, owner: Unknown, name: str, value: Value, site: Site | None
) -> None:
    """`owner.name = value` at `site`, for an owner with a handle."""
    handle = owner.handle
    assert handle is not None
    key, holder = name, owner
    if handle.maker == _SPEC:
        key, holder = f"{_SPEC}.{key}", handle.model
        handle = holder.handle
    elif handle.kind != "converter":
        return
    assert handle is not None
    if key == _SPEC:
        for known in ("supported_ops", "supported_types"):
            run.trail.set(handle.names, f"{key}.{known}", Unknown("part of another target"))
    run.trail.set(handle.names, key, value)
    run.trail.set(handle.sites, key, site)
    symbol = key if key.startswith(_SPEC) else f"converter.{key}"
    record(
        run,
        f"{symbol} =",
        site,
        Arguments([value], {}),
        on=holder,
        maker=handle.maker,
        tf1=handle.tf1,
    )


def method(value: Value, name: str) -> Builtin:
    """A method of a model that is recorded."""

    def go(run: Interpreter, arguments: Arguments) -> Value:
        record(run, f"model.{name}", run.call_site, arguments, on=value)

    return Builtin(name, go)


def lose(run: Interpreter, value: Unknown) -> None:
    """A value with a handle is handed to code that isn't followed."""
    handle = value.handle
    if handle is not None:
        if handle.maker == _SPEC:
            lose(run, handle.model)
        else:
            run.trail.attribute(handle, "lost", True)


def record(
    run: Interpreter,
    symbol: str,
    site: Site | None,
    arguments: Arguments,
    *,
    subject: Value = None,
    on: Value = None,
    result: Value = None,
    maker: str = "",
    tf1: bool = False,
) -> None:
    """Note a call."""
    _note(
        run,
        Call(
            symbol,
            site,
            run.path,
            run.conditions,
            tuple(to_plain(item) for item in arguments.args),
            {key: to_plain(item) for key, item in arguments.kwargs.items()},
            subject_of(run, on if on is not None else subject),
            subject_of(run, result),
            maker=maker,
            tf1=tf1,
        ),
    )


def _note(run: Interpreter, made: Call) -> None:
    run.budget.found += 1
    run.program.append(made)


def _convert(run: Interpreter, value: Unknown) -> Value:
    handle = value.handle
    assert handle is not None
    settings = {
        name: Setting(to_plain(held), _site(handle.sites.get(name)))
        for name, held in handle.names.items()
        if held is not _UNSET
    }
    _note(
        run,
        Call(
            "converter.convert",
            run.call_site,
            run.path,
            run.conditions,
            subject=subject_of(run, value),
            model=subject_of(run, handle.model, shapes=True),
            settings=settings,
            maker=handle.maker,
            tf1=handle.tf1,
        ),
    )
    return Unknown("a converted model")


def _site(value: Value) -> Site | None:
    return value if isinstance(value, Site) else None


def subject_of(run: Interpreter, value: Value, *, shapes: bool = False) -> Subject | None:
    """What calls on or with `value` are about; None if that isn't a model or converter."""
    if type(value) is Unknown:
        if value.handle is None:
            return Subject(run.layer_id(value), "unknown") if value.argument else None
        return Subject(run.layer_id(value), value.handle.kind, value.handle.lost)
    if isinstance(value, v.Model | v.Sequential):
        known = _shapes(run, value) if shapes else None
        return Subject(run.layer_id(value), "float", shapes=known, shapeless=_is_shapeless(value))
    if isinstance(value, v.Instance) and isinstance(value.keras, v.Model | v.Sequential):
        return subject_of(run, value.keras, shapes=shapes)
    return None


_SHAPES = ("input_shape", "batch_input_shape", "batch_shape", "shape", "input_dim", "input_tensor")


def _is_shapeless(model: v.Model | v.Sequential) -> bool:
    if isinstance(model, v.Model) or model.lost or model.entries.open or not model.entries.items:
        return False
    first = model.entries.items[0]
    layer = first.layer if isinstance(first, v.Entry) else None
    return (
        isinstance(layer, v.Layer)
        and layer.complete
        and layer.cls not in ("InputLayer", "Input")
        and not layer.calls
        and all(name not in layer.attrs for name in _SHAPES)
    )


def _shapes(run: Interpreter, model: v.Model | v.Sequential) -> tuple[Shape | None, ...] | None:
    if isinstance(model, v.Sequential):
        from qlsp.trace import sequential

        graph, _ = sequential.sequential_graph(run, model)
        found = [node.shape for node in graph.nodes if node.kind == "input"] if graph else []
        return tuple(found) or None
    return tuple(each.shape for each in model.starts if isinstance(each, Tensor)) or None


def to_plain(value: Value) -> object:
    """A value as rules see it."""
    kind = type(value)
    if kind is v.Function:
        return _callback(value, False)
    if kind is v.Bound and type(value.function) is v.Function:
        return _callback(value.function, True)
    if kind is v.Instance and value.cls.kind == "class":
        return Custom(value.cls.name, Site(value.cls.module.path, Span.of(value.cls.node)))
    return to_attr(value)


def _callback(function: v.Function, bound: bool) -> Callback:
    site = Site(function.module.path, Span.of(function.node))
    return Callback(site, function.generator, bound)
