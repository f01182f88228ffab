"""Arguments of Keras layers and TensorFlow functions, bound to their parameter names.

`bind` does what Python does at a call: positional arguments get names, aliases and spellings of old
versions become today's. Nothing is dropped: an argument of unknown name stays under the name it was
given, and positional arguments beyond the signature are kept under `EXTRA`.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from qlsp.trace.graph import Flavour, Symbol
from qlsp.trace.keras.data import Section, load
from qlsp.trace.keras.names import layer_alias

EXTRA = "*"
"""Key of the tuple of positional arguments that no parameter takes."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a callable, without `self`."""

    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    defaults: Mapping[str, object]
    """By parameter; a required one is absent, a default without literal is `...`."""
    varargs: str | None
    kwargs: str | None

    @property
    def parameters(self) -> tuple[str, ...]:
        """Every named parameter, in order."""
        return self.positional + self.keyword_only


# Spellings of Keras 1 and of layers whose parameter was renamed, by class ("" is any class).
_ALIASES: dict[str, dict[str, str]] = {
    "": {
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "border_mode": "padding",
        "subsample": "strides",
        "subsample_length": "strides",
        "atrous_rate": "dilation_rate",
        "dim_ordering": "data_format",
        "bias": "use_bias",
        "init": "kernel_initializer",
        "inner_init": "recurrent_initializer",
        "W_regularizer": "kernel_regularizer",
        "U_regularizer": "recurrent_regularizer",
        "b_regularizer": "bias_regularizer",
        "W_constraint": "kernel_constraint",
        "b_constraint": "bias_constraint",
        "dropout_W": "dropout",
        "dropout_U": "recurrent_dropout",
    },
    "Dense": {"output_dim": "units"},
    "LSTM": {"output_dim": "units"},
    "GRU": {"output_dim": "units"},
    "SimpleRNN": {"output_dim": "units"},
    "Dropout": {"p": "rate"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "SpatialDropout3D": {"p": "rate"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "MaxPooling1D": {"pool_length": "pool_size", "stride": "strides"},
    "AveragePooling1D": {"pool_length": "pool_size", "stride": "strides"},
    "UpSampling1D": {"length": "size"},
}
# Keras 1 gave the kernel's sides as separate arguments.
_KERNEL_SIDES = (
    ("nb_row", "nb_col"),
    ("kernel_dim1", "kernel_dim2", "kernel_dim3"),
)
_RENAMED_OPS = {"keep_dims": "keepdims", "reduction_indices": "axis", "squeeze_dims": "axis"}


def bind(
    callee: str,
    args: Sequence[object],
    kwargs: Mapping[str, object],
    flavour: Flavour = "tf_keras",
) -> dict[str, object]:
    """The arguments of a call by parameter name; parameters not given are absent.

    `callee` is a layer class name (`Conv2D`) or the canonical symbol of a function
    (`tf.nn.relu6`, `keras.ops.reshape`, `keras.Input`). Parameter names are Keras 3's where
    Keras 2 had another (`LeakyReLU(alpha=…)` gives `negative_slope`), and so are TensorFlow 2's.
    """
    signature = find(callee, flavour)
    bound: dict[str, object] = {}
    if signature is None:
        if args:
            bound[EXTRA] = tuple(args)
    else:
        bound.update(zip(signature.positional, args, strict=False))
        extra = tuple(args[len(signature.positional) :])
        if extra:
            bound[signature.varargs or EXTRA] = extra
    bound.update(kwargs if "." in callee else _join_kernel_sides(kwargs))
    for old, new in _aliases(callee, flavour):
        if old in bound and new not in bound:
            bound[new] = bound.pop(old)
    return bound


@lru_cache(4096)
def _aliases(callee: str, flavour: Flavour) -> tuple[tuple[str, str], ...]:
    """Older names of a callee's parameters, with those of today."""
    signature = find(callee, flavour)
    taken = signature.parameters if signature else ()
    if "." in callee:
        found = {old: new for old, new in _RENAMED_OPS.items() if new in taken}
    else:
        found = {old: new for old, new in _ALIASES[""].items() if old not in taken}
        found |= _ALIASES.get(callee, {})
    return tuple(found.items())


def _join_kernel_sides(kwargs: Mapping[str, object]) -> Mapping[str, object]:
    for sides in _KERNEL_SIDES:
        if all(side in kwargs for side in sides):
            joined = dict(kwargs)
            joined["kernel_size"] = tuple(joined.pop(side) for side in sides)
            return joined
    return kwargs


def find(callee: str, flavour: Flavour = "tf_keras") -> Signature | None:
    """The signature of a layer class or of a canonical function, None if not known."""
    sections: tuple[Section, ...]
    if callee.startswith("slim."):
        sections = ("tf1",)
    elif callee.startswith("tf."):
        sections = ("tf1", "tf") if flavour == "tf1" else ("tf", "tf1")
    else:
        callee = layer_alias(callee)
        sections = ("keras3", "keras2") if flavour == "keras3" else ("keras2", "keras3")
    for section in sections:
        text = load(section)["signatures"].get(callee)
        if text is not None:
            return _parse(text)
    return None


def bases(cls: str) -> tuple[str, ...]:
    """The Keras classes that a layer class derives from, nearest first; () if not known."""
    cls = layer_alias(cls)
    for section in ("keras2", "keras3"):
        found = load(section)["bases"].get(cls)
        if found is not None:
            return tuple(found)
    return ()


@cache
def _parse(text: str) -> Signature:
    definition = ast.parse(f"def f({text}): ...").body[0]
    assert isinstance(definition, ast.FunctionDef)
    arguments = definition.args
    positional = tuple(a.arg for a in arguments.posonlyargs + arguments.args)
    defaults = dict(
        zip(
            positional[len(positional) - len(arguments.defaults) :],
            map(_default, arguments.defaults),
            strict=True,
        )
    )
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if default is not None:
            defaults[argument.arg] = _default(default)
    return Signature(
        positional,
        tuple(argument.arg for argument in arguments.kwonlyargs),
        defaults,
        arguments.vararg.arg if arguments.vararg else None,
        arguments.kwarg.arg if arguments.kwarg else None,
    )


def _default(node: ast.expr) -> object:
    if isinstance(node, (ast.Attribute, ast.Name)):
        return Symbol(ast.unparse(node))
    return ast.literal_eval(node)
