"""QL203 tensor-op-in-model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from qlsp.diagnostic import Applicability
from qlsp.lower import LayerLowering, Outcome
from qlsp.rules import layers
from qlsp.rules.cells import Cell
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import NewLayer, Replace
from qlsp.rules.rule import Case, Finding, Rewrite, Rule
from qlsp.toolchain import MEASURED
from qlsp.trace.graph import UNKNOWN, LayerGraph, Node


class TensorOpInModel(Rule):
    """A TensorFlow function or an operator on a layer's output is no layer.

    ## What it does
    Finds functions and operators on the tensors of a model: `x + y`, `tf.concat`,
    `tf.reduce_mean`, `tf.reshape`, `tf.nn.relu`, `x[:, 1:]`, ...

    ## Why it matters
    Keras 2 wraps each of them in a `TFOpLambda` layer, which `quantize_model` refuses: `Layer
    tf.__operators__.add is not supported`; with constants or lists among the arguments it can't
    even copy the model: `'list' object has no attribute 'dtype'`. Keras 3 does not take TensorFlow
    functions at all: `A KerasTensor cannot be used as input to a TensorFlow function`.

    ## How to fix it
    Use the layer that does the same. Where there is one, the fix is safe: `Add`, `Concatenate`,
    `GlobalAveragePooling2D`, `Reshape`, `ZeroPadding2D`, `UpSampling2D`, `MaxPooling2D`, `ReLU`,
    `Softmax`.

    ## When it does not apply
    To code that runs outside the model, to the `call` of a layer or model of one's own, and, with
    Keras 2, to models that are only quantized after training: then the function is converted like
    the layer.

    ## References
    - [tfmot #867](https://github.com/tensorflow/model-optimization/issues/867),
      [tfmot #980](https://github.com/tensorflow/model-optimization/issues/980),
      [tensorflow #50079](https://github.com/tensorflow/tensorflow/issues/50079)
    """

    code = "QL203"
    name = "tensor-op-in-model"
    applicability = Applicability.SAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "an operator",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.Conv2D(8, 3)(x)
            x = x + y
            """,
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.Conv2D(8, 3)(x)
            x = layers.Add()([x, y])
            """,
        ),
        Case(
            "a function",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.Conv2D(8, 3)(x)
            x = tf.concat([x, y], axis=-1)
            x = tf.reduce_mean(x, [1, 2])
            """,
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.Conv2D(8, 3)(x)
            x = layers.Concatenate(axis=-1)([x, y])
            x = layers.GlobalAveragePooling2D()(x)
            """,
        ),
    )
    good = (
        Case(
            "without quantization-aware training, under Keras 2",
            """
            y = layers.Conv2D(8, 3)(x)
            x = layers.Conv2D(8, 3)(x)
            x = x + y
            """,
            workflows=("ptq",),
        ),
        Case(
            "in the `call` of a layer of one's own, under Keras 3",
            """
            class Doubled(layers.Layer):
                def call(self, x):
                    return tf.concat([x, tf.abs(x)], axis=-1)


            x = layers.Conv2D(8, 3)(x)
            x = Doubled()(x)
            """,
            workflows=("ptq",),
            toolchains=(MEASURED[-1],),
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every function that is refused and that no other rule is about."""
        graph = model.flat
        for node in graph.nodes:
            if node.kind != "op" or _is_fusible_activation(graph, node):
                continue
            found = consequence(model.over_both_keras(_refused(model, node)), {Outcome.RAISES})
            if found is None or not layers.comes_from_layer(model, node):
                continue
            if not layers.is_tensor(graph, node):
                continue
            new = equivalent(graph, node)
            rewrites: tuple[Rewrite, ...] = ()
            if new is not None:
                title = f"Use a {new.cls} layer"
                rewrites = (Rewrite(title, Applicability.SAFE, (Replace(node, new),)),)
            shown = layers.operator_text(node)
            yield Finding(node, f"{shown} is no layer: {found.text}", found, rewrites=rewrites)


def _refused(model: LoweredGraph, node: Node) -> Mapping[Cell, LayerLowering]:
    """The fate of a function, but for where it is converted, and lacks an int8 form only."""
    return {cell: layer for cell, layer in model.fate(node).items() if not layers.lacks_int8(layer)}


def _is_fusible_activation(graph: LayerGraph, node: Node) -> bool:
    """Whether QL102 is about it."""
    before = layers.producer(graph, node)
    return (
        layers.function(node) in {"relu", "relu6"}
        and before is not None
        and (before.cls in {*layers.WEIGHTED, "Add"} or layers.is_batchnorm(before))
        and graph.sole_consumer(before) is node
    )


def equivalent(graph: LayerGraph, node: Node) -> NewLayer | None:
    """The layer that computes what a function on tensors does; None if there is none."""
    if UNKNOWN in node.attrs.values() or not node.attrs_complete:
        return None
    name = layers.function(node)
    if name in {"relu", "relu6", "sigmoid", "tanh", "softplus", "softsign", "elu", "gelu"}:
        return (
            layers.activation_layer(name) if not set(node.attrs) - {"name", "max_value"} else None
        )
    rule = _EQUIVALENT.get(node.cls)
    attrs = {key: value for key, value in node.attrs.items() if key != "name"}
    return rule(graph, node, attrs) if rule is not None else None


_Attrs = Mapping[str, object]
_Equivalent = Callable[[LayerGraph, Node, _Attrs], NewLayer | None]


def _merge(cls: str) -> _Equivalent:
    def made(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
        shapes = {graph.nodes[index].shape for index in node.inputs}
        # TensorFlow also broadcasts along axes that a layer's inputs must share.
        if len(node.inputs) != 2 or attrs or len(shapes) != 1 or None in shapes:
            return None
        return NewLayer(cls, {}, cls.lower())

    return made


def _concat(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
    axis = attrs.get("axis")
    if set(attrs) != {"axis"} or not isinstance(axis, int) or axis == 0:
        return None
    return _keywords("Concatenate", {"axis": axis})


def _reduce(cls: str) -> _Equivalent:
    def made(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
        shape = graph.nodes[node.inputs[0]].shape
        axis, keep = attrs.get("axis"), attrs.get("keepdims", False)
        if shape is None or len(shape) != 4 or axis not in {(1, 2), (-3, -2)}:
            return None
        if set(attrs) - {"axis", "keepdims"}:
            return None
        return _keywords(cls, {"keepdims": True} if keep else {})

    return made


def _reshape(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
    shape = attrs.get("shape")
    if set(attrs) != {"shape"} or not isinstance(shape, tuple) or shape[:1] != (-1,):
        return None
    if not all(isinstance(each, int) and each > 0 for each in shape[1:]):
        return None
    source = graph.nodes[node.inputs[0]].shape
    if source is None or _size(source[1:]) != _size(shape[1:]):
        return None  # otherwise the batch is not what -1 stands for
    return NewLayer("Reshape", {"target_shape": shape[1:]}, "reshape")


def _size(shape: tuple[object, ...]) -> int | None:
    product = 1
    for each in shape:
        if not isinstance(each, int):
            return None
        product *= each
    return product


def _pad(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
    match attrs:
        case {"paddings": ((0, 0), (int(), int()) as rows, (int(), int()) as columns, (0, 0))}:
            if set(attrs) == {"paddings"}:
                return NewLayer("ZeroPadding2D", {"padding": (rows, columns)}, "pad")
    return None


def _pool(cls: str) -> _Equivalent:
    def made(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
        size, strides, padding = (attrs.get(key) for key in ("ksize", "strides", "padding"))
        if set(attrs) != {"ksize", "strides", "padding"} or not isinstance(padding, str):
            return None
        if not (isinstance(size, int) and isinstance(strides, int)):
            return None
        return NewLayer(
            cls, {"pool_size": size, "strides": strides, "padding": padding.lower()}, "pool"
        )

    return made


def _clip(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
    if dict(attrs) != {"clip_value_min": 0, "clip_value_max": 6}:
        return None
    return NewLayer("ReLU", {"max_value": 6.0}, "relu6")


def _softmax(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
    return NewLayer("Softmax", {}, "softmax") if not attrs else None


def _leaky(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
    if set(attrs) - {"alpha", "negative_slope"}:
        return None
    slope = attrs.get("alpha", attrs.get("negative_slope", 0.2))
    return NewLayer("LeakyReLU", {"negative_slope": slope}, "leaky")


def _resize(graph: LayerGraph, node: Node, attrs: _Attrs) -> NewLayer | None:
    source = graph.nodes[node.inputs[0]].shape
    size, method = attrs.get("size"), attrs.get("method", "bilinear")
    if source is None or len(source) != 4 or set(attrs) - {"size", "method"}:
        return None
    if method not in {"bilinear", "nearest"} or not isinstance(size, tuple) or len(size) != 2:
        return None
    factors = []
    for old, new in zip(source[1:3], size, strict=True):
        if not (isinstance(old, int) and isinstance(new, int)) or new % old:
            return None
        factors.append(new // old)
    given: dict[str, object] = {"size": tuple(factors)}
    if method == "bilinear":
        given["interpolation"] = method
    return NewLayer("UpSampling2D", given, "resize")


def _keywords(cls: str, attrs: dict[str, object]) -> NewLayer:
    """A layer whose arguments are all written by name."""
    return NewLayer(cls, attrs, cls.lower(), named=True)


_EQUIVALENT: dict[str, _Equivalent] = {
    "operator.add": _merge("Add"),
    "tf.math.add": _merge("Add"),
    "operator.sub": _merge("Subtract"),
    "tf.math.subtract": _merge("Subtract"),
    "operator.mul": _merge("Multiply"),
    "tf.math.multiply": _merge("Multiply"),
    "tf.math.maximum": _merge("Maximum"),
    "tf.math.minimum": _merge("Minimum"),
    "tf.concat": _concat,
    "tf.math.reduce_mean": _reduce("GlobalAveragePooling2D"),
    "tf.math.reduce_max": _reduce("GlobalMaxPooling2D"),
    "tf.reshape": _reshape,
    "tf.pad": _pad,
    "tf.nn.max_pool2d": _pool("MaxPooling2D"),
    "tf.nn.max_pool": _pool("MaxPooling2D"),
    "tf.nn.avg_pool2d": _pool("AveragePooling2D"),
    "tf.nn.avg_pool": _pool("AveragePooling2D"),
    "tf.clip_by_value": _clip,
    "tf.nn.softmax": _softmax,
    "tf.nn.leaky_relu": _leaky,
    "tf.image.resize": _resize,
}
"""By canonical name."""
