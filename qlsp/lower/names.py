"""The names that layers have in Keras, in messages and in the converted model's order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from qlsp.lower.behaviour import Version
from qlsp.trace.graph import LayerGraph, Node
from qlsp.trace.keras.naming import Namer
from qlsp.trace.keras.operations import made


def layer_names(graph: LayerGraph, keras: int, tensorflow: Version = (99, 0)) -> Mapping[int, str]:
    """The name of each layer, by the index of the nodes that apply it.

    Layers without a name get Keras's automatic one, in order of construction.
    """
    respelt = any(node.cls in _OLD_NAMES for node in graph.nodes)
    functions = any(node.kind == "op" for node in graph.nodes)
    return _names(
        graph, keras, respelt and tensorflow < _NEW_NAMES, functions and tensorflow < OP_LAMBDAS
    )


@lru_cache(maxsize=8)
def _names(graph: LayerGraph, keras: int, is_old: bool, of_ops: bool) -> Mapping[int, str]:
    namer = Namer(3 if keras == 3 else 2)
    for node in graph.nodes:
        if node.name is not None:
            namer.observe(node.name)
    by_layer: dict[int, str] = {}
    names: dict[int, str] = {}
    for node in sorted(graph.nodes, key=_construction):
        name = by_layer.get(node.layer) if node.layer >= 0 else None
        if name is None:
            name = node.name or _automatic(namer, node, of_ops)
            if node.name is None and is_old and node.cls in _OLD_NAMES:
                name = name.replace(*_OLD_NAMES[node.cls])
            by_layer[node.layer] = name
        names[node.index] = name
    return names


OP_LAMBDAS: Version = (2, 4)
"""The release that first makes a `TFOpLambda` layer of a function, and not one of its ops."""
_NEW_NAMES: Version = (2, 8)
_OLD_NAMES = {
    "ConvLSTM1D": ("conv_lstm1d", "conv_lst_m1d"),
    "ConvLSTM2D": ("conv_lstm2d", "conv_lst_m2d"),
    "ConvLSTM3D": ("conv_lstm3d", "conv_lst_m3d"),
}
"""Names that older releases spelt otherwise."""

_OPS = {
    "tf.__operators__.add": "add",
    "tf.__operators__.getitem": "strided_slice",
    "tf.clip_by_value": "clip_by_value/Minimum",
    "tf.math.multiply": "mul",
    "tf.math.subtract": "sub",
    "tf.nn.relu": "Relu",
    "tf.nn.relu6": "Relu6",
}
"""What TensorFlow calls the (first) op of a function."""

_INNER = {
    "tf.pad": "tf.compat.v1.pad",
    "tf.squeeze": "tf.compat.v1.squeeze",
    "tf.transpose": "tf.compat.v1.transpose",
}
"""Functions that Keras 2 reports by the name of one they call."""


def function_names(node: Node) -> tuple[str, ...]:
    """What Keras 2 calls the layers that it makes of a function on tensors."""
    if node.cls == "keras.activations.relu" and node.attr("max_value") == 6:
        return ("tf.nn.relu6",)
    return tuple(_INNER.get(each, each) for each in made(node.cls, 2) or ())


def _construction(node: Node) -> tuple[int, int]:
    return node.layer, node.index


def _automatic(namer: Namer, node: Node, of_ops: bool) -> str:
    if node.kind != "op":
        return namer.layer(node.cls)
    names = function_names(node)
    name = names[-1] if names else node.cls
    if of_ops:
        return namer.op(f"tf_op_layer_{_OPS.get(name, name.rpartition('.')[2])}")
    return namer.op(name)
