"""Canonical names: what a dotted path through TensorFlow or Keras means.

The same layer is reached as `tf.keras.layers.Conv2D`, `tensorflow.python.keras.layers.Conv2D`,
`keras.src.layers.convolutional.conv2d.Conv2D` or `keras.layers.Convolution2D`. `resolve` turns each
of these into one symbol:

=================================  ================================================================
`keras.layers.Conv2D`              a layer class (kind `layer`), aliases resolved
`keras.Model`, `keras.Sequential`  kinds `model` and `sequential` (`keras.Functional` is a `model`)
`keras.Input`                      kind `input`
`keras.applications.MobileNetV2`   kind `application`: a function that makes a known model
`keras.layers.add`                 kind `layer_function`: applies the layer `FUNCTIONAL[symbol]`
`keras.ops.relu`, `tf.nn.relu6`    kind `op`: a function on tensors, by TensorFlow's canonical name
`keras.backend.mean`               kind `op`, like `keras.activations.relu`
`keras.backend.int_shape`          kind `function`, as everything lower-case that is not an op
`tf.float32`                       kind `value`
`slim.conv2d`, `tf.layers.conv2d`  kind `op`, flavour `tf1` (slim is also `tf.contrib.layers`)
`tfmot.quantization.keras....`     kind `function` or `class`
`tfa.layers.X`, `larq.layers.X`    kind `layer`: a layer class of another package
`keras.layers`, `tf.nn`            kind `module`
=================================  ================================================================
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

from qlsp.trace.graph import Flavour
from qlsp.trace.keras.data import load

Kind = Literal[
    "module",
    "layer",
    "model",
    "sequential",
    "input",
    "application",
    "layer_function",
    "op",
    "function",
    "class",
    "value",
]


class Name(NamedTuple):
    """What a dotted path means."""

    symbol: str
    """Canonical dotted name."""
    kind: Kind
    flavour: Flavour

    @property
    def last(self) -> str:
        """The last segment, for a layer its class name."""
        return self.symbol.rpartition(".")[2]


FUNCTIONAL: dict[str, str] = {
    **{
        f"keras.layers.{cls.lower()}": cls
        for cls in (
            "Add",
            "Subtract",
            "Multiply",
            "Average",
            "Maximum",
            "Minimum",
            "Concatenate",
            "Dot",
        )
    },
    "keras.layers.merge": "Merge",
    "tf.layers.average_pooling1d": "AveragePooling1D",
    "tf.layers.average_pooling2d": "AveragePooling2D",
    "tf.layers.average_pooling3d": "AveragePooling3D",
    "tf.layers.batch_normalization": "BatchNormalization",
    "tf.layers.conv1d": "Conv1D",
    "tf.layers.conv2d": "Conv2D",
    "tf.layers.conv2d_transpose": "Conv2DTranspose",
    "tf.layers.conv3d": "Conv3D",
    "tf.layers.conv3d_transpose": "Conv3DTranspose",
    "tf.layers.dense": "Dense",
    "tf.layers.dropout": "Dropout",
    "tf.layers.flatten": "Flatten",
    "tf.layers.max_pooling1d": "MaxPooling1D",
    "tf.layers.max_pooling2d": "MaxPooling2D",
    "tf.layers.max_pooling3d": "MaxPooling3D",
    "tf.layers.separable_conv1d": "SeparableConv1D",
    "tf.layers.separable_conv2d": "SeparableConv2D",
}
"""Functions that make a layer and apply it at once to their first argument."""

LAZY_MODULES: dict[str, str] = {"keras.layers.VersionAwareLayers": "keras.layers"}
"""Classes whose instances stand for a module."""

# Where a package's public tree begins: the longest matching prefix wins.
_ROOTS: dict[str, tuple[str, Flavour]] = {
    "keras": ("keras", "keras3"),
    "keras_core": ("keras", "keras3"),
    "tf_keras": ("keras", "tf_keras"),
    "tensorflow": ("tf", "tf.keras"),
    "tensorflow.keras": ("keras", "tf.keras"),
    "tensorflow.python.keras": ("keras", "tf.keras"),
    "tensorflow.python.tpu": ("tf.tpu", "tf.keras"),
    "tensorflow.python.layers": ("tf.layers", "tf1"),
    "tensorflow.layers": ("tf.layers", "tf1"),
    "tensorflow.contrib": ("tf.contrib", "tf1"),
    "tensorflow.contrib.keras": ("keras", "tf.keras"),
    "tensorflow.contrib.layers": ("slim", "tf1"),
    "tensorflow.contrib.slim": ("slim", "tf1"),
    "tensorflow.contrib.framework": ("slim", "tf1"),
    "tf_slim": ("slim", "tf1"),
    "tensorflow_model_optimization": ("tfmot", "tf.keras"),
    "tensorflow_addons": ("tfa", "tf.keras"),
    "larq": ("larq", "tf.keras"),
    "qkeras": ("qkeras", "tf.keras"),
    "keras_contrib": ("keras_contrib", "keras3"),
    "keras_cv": ("keras_cv", "keras3"),
    "keras_nlp": ("keras_hub", "keras3"),
    "keras_hub": ("keras_hub", "keras3"),
}
# Segments that say how a package is built, not what a name means.
_PLUMBING = frozenset({"src", "api", "_v1", "_v2", "_api", "v1", "v2", "_tf_keras", "_legacy"})
# `tensorflow.python.ops.<module>.f` is `tf.<namespace>.f`.
_PYTHON_OPS = {
    "array_ops": "",
    "array_ops_stack": "",
    "clip_ops": "",
    "standard_ops": "",
    "check_ops": "debugging",
    "math_ops": "math",
    "gen_math_ops": "math",
    "nn": "nn",
    "nn_ops": "nn",
    "nn_impl": "nn",
    "gen_nn_ops": "nn",
    "image_ops": "image",
    "image_ops_impl": "image",
    "linalg_ops": "linalg",
    "init_ops": "initializers",
    "random_ops": "random",
    "variables": "",
    "variable_scope": "",
}
_MODELS: dict[str, tuple[str, Kind]] = {
    "Model": ("keras.Model", "model"),
    "Functional": ("keras.Functional", "model"),
    "Container": ("keras.Functional", "model"),
    "Graph": ("keras.Graph", "class"),
    "Sequential": ("keras.Sequential", "sequential"),
    "Input": ("keras.Input", "input"),
    "InputSpec": ("keras.InputSpec", "class"),
    "KerasTensor": ("keras.KerasTensor", "class"),
}
_KERAS_SECTIONS = frozenset(
    [
        "activations",
        "applications",
        "backend",
        "callbacks",
        "constraints",
        "datasets",
        "distribute",
        "dtensor",
        "engine",
        "estimator",
        "export",
        "initializers",
        "layers",
        "legacy",
        "legacy_tf_layers",
        "losses",
        "metrics",
        "mixed_precision",
        "models",
        "ops",
        "optimizers",
        "preprocessing",
        "quantizers",
        "random",
        "regularizers",
        "saving",
        "utils",
        "visualization",
        "wrappers",
        "feature_column",
        "api",
        "trainers",
        "tree",
        "config",
    ]
)
_TF_MODULES = frozenset(
    [
        "math",
        "nn",
        "image",
        "linalg",
        "signal",
        "quantization",
        "strings",
        "random",
        "io",
        "data",
        "train",
        "initializers",
        "layers",
        "lite",
        "lookup",
        "sparse",
        "ragged",
        "debugging",
        "compat",
        "keras",
        "contrib",
        "estimator",
        "distribute",
        "config",
        "autograph",
        "saved_model",
        "summary",
        "test",
        "types",
        "v1",
        "v2",
        "python",
        "experimental",
        "gfile",
        "app",
        "flags",
        "logging",
        "losses",
        "metrics",
        "graph_util",
        "audio",
        "bitwise",
        "dtypes",
        "errors",
        "feature_column",
    ]
)
_DTYPES = frozenset(
    [
        "bfloat16",
        "bool",
        "complex64",
        "complex128",
        "float16",
        "float32",
        "float64",
        "half",
        "int8",
        "int16",
        "int32",
        "int64",
        "qint8",
        "quint8",
        "qint32",
        "string",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "variant",
        "newaxis",
    ]
)
# What in `keras.backend` and `keras.activations` doesn't make a tensor from tensors.
_NOT_OPS = frozenset(
    [
        "backend",
        "cast_to_floatx",
        "clear_session",
        "count_params",
        "deserialize",
        "dtype",
        "epsilon",
        "eval",
        "floatx",
        "function",
        "get",
        "get_session",
        "get_uid",
        "get_value",
        "image_data_format",
        "image_dim_ordering",
        "int_shape",
        "is_float_dtype",
        "is_int_dtype",
        "is_keras_tensor",
        "is_sparse",
        "is_tensor",
        "learning_phase",
        "name_scope",
        "ndim",
        "normalize_data_format",
        "reset_uids",
        "result_type",
        "serialize",
        "set_epsilon",
        "set_floatx",
        "set_image_data_format",
        "set_learning_phase",
        "set_session",
        "set_value",
        "standardize_data_format",
        "standardize_dtype",
        "standardize_shape",
        "tensorflow_backend",
        "common",
        "config",
        "load_backend",
    ]
)
# Names that moved or were renamed, beyond the aliases that Keras itself still exports.
_OLD_LAYERS = {
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "CuDNNGRU": "GRU",
    "CuDNNLSTM": "LSTM",
    "Deconv2D": "Conv2DTranspose",
    "Deconv3D": "Conv3DTranspose",
    "Deconvolution2D": "Conv2DTranspose",
    "Deconvolution3D": "Conv3DTranspose",
    "DenseFeaturesV2": "DenseFeatures",
    "GRUCellV2": "GRUCell",
    "GRUV2": "GRU",
    "LSTMCellV2": "LSTMCell",
    "LSTMV2": "LSTM",
    "SyncBatchNormalization": "BatchNormalization",
    "TFSMLayer": "TFSMLayer",
}


@cache
def resolve(path: str) -> Name | None:
    """What `path`, a dotted name that starts with a package, means; None if not known here."""
    parts = path.split(".")
    if parts[0] == "tf":
        parts[0] = "tensorflow"
    elif parts[0] == "tfmot":
        parts[0] = "tensorflow_model_optimization"
    elif parts[0] == "tfa":
        parts[0] = "tensorflow_addons"
    if parts[0] not in _ROOTS:
        return None
    parts, v1 = _without_plumbing(parts)
    for length in range(min(len(parts), 3), 0, -1):
        found = _ROOTS.get(".".join(parts[:length]))
        if found is not None:
            root, flavour = found
            rest = parts[length:]
            break
    if root == "keras":
        return _keras(rest, flavour)
    if root == "tf":
        return _tf(rest, "tf1" if v1 else flavour)
    return _other(root, rest, flavour)


def _without_plumbing(parts: list[str]) -> tuple[list[str], bool]:
    """The path without packaging segments, and whether it went through `tf.compat.v1`."""
    kept = [parts[0]]
    v1 = False
    index = 1
    while index < len(parts):
        part = parts[index]
        if part == "compat" and index + 1 < len(parts) and parts[index + 1] in ("v1", "v2"):
            v1 = parts[index + 1] == "v1"
            index += 2
            continue
        if part in _PLUMBING and index < len(parts):
            index += 1
            # `keras.api._v2.keras` and `keras._tf_keras.keras` repeat the package's name.
            while index < len(parts) and parts[index] in _PLUMBING:
                index += 1
            if index < len(parts) and parts[index] == "keras" and kept[0] in ("keras", "tf_keras"):
                index += 1
            continue
        kept.append(part)
        index += 1
    return kept, v1


def _keras(rest: list[str], flavour: Flavour) -> Name:
    if not rest:
        return Name("keras", "module", flavour)
    section, last = rest[0], rest[-1]
    if last in _MODELS and section not in ("ops", "backend", "applications"):
        symbol, kind = _MODELS[last]
        return Name(symbol, kind, flavour)
    if len(rest) == 1 and section in _KERAS_SECTIONS:
        return Name(f"keras.{section}", "module", flavour)
    if section in ("layers", "engine", "legacy", "wrappers"):
        return _keras_layer(rest, flavour)
    if section == "applications":
        if last[0].isupper():
            return Name(f"keras.applications.{last}", "application", flavour)
        kind = "module" if len(rest) == 2 else "function"
        return Name(".".join(["keras", *rest]), kind, flavour)
    if section == "ops":
        if last in ("image", "linalg", "nn", "numpy", "math", "core"):
            return Name(".".join(["keras", *rest]), "module", flavour)
        kept = "image." if rest[1] == "image" else ""
        kind = "class" if last[0].isupper() else "op"
        return Name(f"keras.ops.{kept}{last}", kind, flavour)
    if section in _KERAS_SECTIONS:
        kind = _kind(last)
        if section in ("backend", "activations") and kind == "function" and last not in _NOT_OPS:
            kind = "op"
        return Name(f"keras.{section}.{last}", kind, flavour)
    return Name(".".join(["keras", *rest]), _kind(last), flavour)


def _keras_layer(rest: list[str], flavour: Flavour) -> Name:
    last = rest[-1]
    symbol = f"keras.layers.{layer_alias(last)}"
    if symbol in LAZY_MODULES or last == "InputSpec":
        return Name(symbol, "class", flavour)
    if last[0].isupper():
        return Name(symbol, "layer", flavour)
    if symbol in FUNCTIONAL:
        return Name(symbol, "layer_function", flavour)
    # `keras.layers.convolutional` and other files of the package.
    return Name(".".join(["keras", *rest]), "module", flavour)


@cache
def layer_alias(cls: str) -> str:
    """The name under which a layer class is known today: `AvgPool2D` -> `AveragePooling2D`."""
    aliases: dict[str, str] = load("keras3")["aliases"]
    return _OLD_LAYERS.get(cls) or aliases.get(cls, cls)


def _tf(rest: list[str], flavour: Flavour) -> Name:
    if rest[:2] == ["python", "ops"]:
        namespace = _PYTHON_OPS.get(rest[2]) if len(rest) == 4 else None
        if namespace is None:
            return Name(".".join(["tf", *rest]), "module", flavour)
        rest = [namespace, rest[-1]] if namespace else [rest[-1]]
    elif rest[:2] == ["python", "framework"]:
        rest = rest[-1:] if len(rest) > 3 else rest
    symbol = ".".join(["tf", *rest])
    if not rest:
        return Name(symbol, "module", flavour)
    if rest[-1] in _TF_MODULES and len(rest) <= 2 and rest[0] in _TF_MODULES:
        return Name(symbol, "module", flavour)
    section: Literal["tf", "tf1"] = "tf1" if flavour == "tf1" else "tf"
    for data in (load(section), load("tf1")):
        symbol = data["aliases"].get(symbol, symbol)
        if symbol in data["signatures"]:
            return Name(symbol, "op", flavour)
    return Name(symbol, _kind(rest[-1]), flavour)


def _other(root: str, rest: list[str], flavour: Flavour) -> Name:
    if not rest:
        return Name(root, "module", flavour)
    last = rest[-1]
    if root == "slim":
        if rest in (["layers"], ["python"], ["python", "layers"], ["ops"]):
            return Name("slim", "module", flavour)
        return Name(f"slim.{last}", "op" if last[0].islower() else "class", flavour)
    if root == "tf.layers":
        symbol = f"tf.layers.{last}"
        if last[0].isupper():
            return Name(f"keras.layers.{layer_alias(last)}", "layer", flavour)
        kind: Kind = "layer_function" if symbol in FUNCTIONAL else "function"
        return Name(symbol, kind, flavour)
    if root == "tfmot":
        kept = [part for part in rest if part not in ("python", "core")]
        if kept[:2] == ["quantization", "keras"] and len(kept) > 3:
            kept = [*kept[:2], kept[-1]]
        symbol = ".".join(["tfmot", *kept])
        if last in ("quantization", "keras", "sparsity", "clustering", "api", "core", "python"):
            return Name(symbol, "module", flavour)
        return Name(symbol, _kind(last), flavour)
    symbol = ".".join([root, *rest])
    if "layers" in rest and last[0].isupper():
        return Name(f"{root}.layers.{last}", "layer", flavour)
    return Name(symbol, _kind(last), flavour)


def _kind(last: str) -> Kind:
    if last[:1].isupper():
        return "class"
    return "value" if last in _DTYPES else "function"
