"""The TF 1 ops of each layer: of Keras and `tf.layers`, of slim, and raw ones."""

from __future__ import annotations

from collections.abc import Mapping

from qlsp.lower.tf1.graph import UNDECIDED, Range, TfGraph, TfOp
from qlsp.trace.graph import UNKNOWN, Node, Symbol

_ACTIVATIONS: dict[str, str] = {
    "elu": "Elu",
    "leaky_relu": "LeakyRelu",
    "relu": "Relu",
    "relu6": "Relu6",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "tanh": "Tanh",
}
_LINEAR = (None, "linear", "identity")

_RAW: dict[str, tuple[str, str]] = {
    "operator.add": ("AddV2", "add"),
    "operator.mul": ("Mul", "mul"),
    "operator.sub": ("Sub", "sub"),
    "operator.truediv": ("RealDiv", "truediv"),
    "tf.add": ("AddV2", "Add"),
    "tf.concat": ("ConcatV2", "concat"),
    "tf.image.resize_bilinear": ("ResizeBilinear", "ResizeBilinear"),
    "tf.image.resize_nearest_neighbor": ("ResizeNearestNeighbor", "ResizeNearestNeighbor"),
    "tf.linalg.matmul": ("MatMul", "MatMul"),
    "tf.math.add": ("AddV2", "Add"),
    "tf.math.maximum": ("Maximum", "Maximum"),
    "tf.math.minimum": ("Minimum", "Minimum"),
    "tf.math.multiply": ("Mul", "Mul"),
    "tf.math.reduce_mean": ("Mean", "Mean"),
    "tf.math.sigmoid": ("Sigmoid", "Sigmoid"),
    "tf.math.subtract": ("Sub", "Sub"),
    "tf.math.tanh": ("Tanh", "Tanh"),
    "tf.multiply": ("Mul", "Mul"),
    "tf.nn.avg_pool": ("AvgPool", "AvgPool"),
    "tf.nn.avg_pool2d": ("AvgPool", "AvgPool"),
    "tf.nn.bias_add": ("BiasAdd", "BiasAdd"),
    "tf.nn.conv2d": ("Conv2D", "Conv2D"),
    "tf.nn.depthwise_conv2d": ("DepthwiseConv2dNative", "depthwise"),
    "tf.nn.dropout": ("Identity", "dropout"),
    "tf.nn.elu": ("Elu", "Elu"),
    "tf.nn.leaky_relu": ("LeakyRelu", "LeakyRelu"),
    "tf.nn.max_pool": ("MaxPool", "MaxPool"),
    "tf.nn.max_pool2d": ("MaxPool", "MaxPool2d"),
    "tf.nn.relu": ("Relu", "Relu"),
    "tf.nn.relu6": ("Relu6", "Relu6"),
    "tf.nn.sigmoid": ("Sigmoid", "Sigmoid"),
    "tf.nn.softmax": ("Softmax", "Softmax"),
    "tf.nn.tanh": ("Tanh", "Tanh"),
    "tf.nn.quantized_conv2d": ("QuantizedConv2D", "QuantizedConv2D"),
    "tf.pad": ("Pad", "Pad"),
    "tf.quantization.dequantize": ("Dequantize", "Dequantize"),
    "tf.quantization.fake_quant_with_min_max_args": (
        "FakeQuantWithMinMaxArgs",
        "FakeQuantWithMinMaxArgs",
    ),
    "tf.quantization.fake_quant_with_min_max_vars": (
        "FakeQuantWithMinMaxVars",
        "FakeQuantWithMinMaxVars",
    ),
    "tf.quantization.quantize": ("QuantizeV2", "QuantizeV2:1"),
    "tf.reduce_mean": ("Mean", "Mean"),
    "tf.reshape": ("Reshape", "Reshape"),
    "tf.squeeze": ("Squeeze", "Squeeze"),
    "tf.identity": ("Identity", "Identity"),
    "tf.stop_gradient": ("Identity", "StopGradient"),
}
"""Per function its op type, and the name that it gives its op."""
_SIMPLE: dict[str, tuple[str, str]] = {
    "Add": ("AddV2", "add/add"),
    "AveragePooling2D": ("AvgPool", "average_pooling2d/AvgPool"),
    "Concatenate": ("ConcatV2", "concatenate/concat"),
    "Dropout": ("Identity", "dropout/Identity"),
    "ELU": ("Elu", "elu/Elu"),
    "Flatten": ("Reshape", "flatten/Reshape"),
    "GlobalAveragePooling2D": ("Mean", "global_average_pooling2d/Mean"),
    "LeakyReLU": ("LeakyRelu", "leaky_re_lu/LeakyRelu"),
    "MaxPooling2D": ("MaxPool", "max_pooling2d/MaxPool"),
    "Maximum": ("Maximum", "maximum/Maximum"),
    "Multiply": ("Mul", "multiply/mul"),
    "Reshape": ("Reshape", "reshape/Reshape"),
    "Softmax": ("Softmax", "softmax/Softmax"),
    "Subtract": ("Sub", "subtract/sub"),
    "ZeroPadding2D": ("Pad", "zero_padding2d/Pad"),
    "slim.avg_pool2d": ("AvgPool", "AvgPool2D/AvgPool"),
    "slim.dropout": ("Identity", "Dropout/Identity"),
    "slim.flatten": ("Reshape", "Flatten/flatten/Reshape"),
    "slim.max_pool2d": ("MaxPool", "MaxPool2D/MaxPool"),
    "slim.softmax": ("Softmax", "Softmax"),
}
"""Layers of one op."""
_AFFINE: dict[str, tuple[str, str]] = {
    "Conv2D": ("Conv2D", "conv2d"),
    "Dense": ("MatMul", "dense"),
    "DepthwiseConv2D": ("DepthwiseConv2dNative", "depthwise_conv2d"),
    "slim.conv2d": ("Conv2D", "Conv"),
    "slim.convolution": ("Conv2D", "Conv"),
    "slim.convolution2d": ("Conv2D", "Conv"),
    "slim.fully_connected": ("MatMul", "fully_connected"),
}
_SEPARABLE: dict[str, str] = {
    "SeparableConv2D": "separable_conv2d",
    "slim.separable_conv2d": "SeparableConv2d",
    "slim.separable_convolution2d": "SeparableConv2d",
}
_NORMALIZATION: dict[str, str] = {
    "BatchNormalization": "batch_normalization",
    "slim.batch_norm": "BatchNorm",
}


def op_type(node: Node) -> str | None:
    """The type of the one op that a layer or function is; None if it is several, or not known."""
    known = _RAW.get(node.cls) or _SIMPLE.get(node.cls)
    return known[0] if known is not None else None


def expand(graph: TfGraph, node: Node, inputs: list[TfOp], is_open: bool) -> TfOp:
    """Append the ops of a layer; gives the one that makes its output.

    `is_open` tells whether Keras's learning phase is left to be decided when the graph runs.
    """
    if node.cls in _RAW and inputs:
        return _raw(graph, node, inputs)
    if node.cls in _SIMPLE and inputs:
        type_, name = _SIMPLE[node.cls]
        scope, _, rest = name.partition("/")
        full = "/".join(part for part in (_scope(graph, node, scope), rest) if part)
        return graph.add(type_, full, *inputs, node=node.index)
    if len(inputs) == 1:
        source = inputs[0]
        if node.cls in _AFFINE:
            type_, name = _AFFINE[node.cls]
            return _affine(graph, node, source, type_, _scope(graph, node, name))
        if node.cls in _SEPARABLE:
            scope = _scope(graph, node, _SEPARABLE[node.cls])
            return _separable(graph, node, source, scope)
        if node.cls in _NORMALIZATION:
            scope = _scope(graph, node, _NORMALIZATION[node.cls])
            source = _normalize(graph, node, source, scope, node.attrs, is_open)
            return _activate(graph, node, source, scope, "activation_fn", None)
        if node.cls == "Activation":
            return _activate(graph, node, source, _scope(graph, node, "activation"))
        if node.cls == "ReLU":
            return _clamp(graph, node, source, _scope(graph, node, "re_lu"))
    return _undecided(graph, node, inputs, f"nothing is known about {node.cls} in TensorFlow 1")


def _scope(graph: TfGraph, node: Node, name: str) -> str:
    given = node.attr("scope")
    chosen = given if isinstance(given, str) else node.name
    return graph.unique(chosen or name)


def _undecided(graph: TfGraph, node: Node, inputs: list[TfOp], why: str) -> TfOp:
    made = graph.add(UNDECIDED, graph.unique("unknown"), *inputs, node=node.index)
    made.undecided = why
    return made


def _raw(graph: TfGraph, node: Node, inputs: list[TfOp]) -> TfOp:
    type_, name = _RAW[node.cls]
    arity = 2 if type_ in _TWO_OPERANDS else len(inputs)
    constants = max(arity - len(inputs), 0)
    made = graph.add(
        type_, graph.unique(node.name or name), *inputs, node=node.index, constants=constants
    )
    if type_.startswith("FakeQuant"):
        made.given = _range(node)
    return made


_TWO_OPERANDS = frozenset(
    {
        *("AddV2", "BiasAdd", "Conv2D", "DepthwiseConv2dNative", "MatMul", "Maximum", "Minimum"),
        *("Mul", "RealDiv", "Sub"),
    }
)


def _range(node: Node) -> Range:
    """The range that a fake-quantization is given; one that is learned is taken to fit."""
    low, high = node.attr("min", -6.0), node.attr("max", 6.0)
    if isinstance(low, int | float) and isinstance(high, int | float):
        return float(low), float(high)
    return 0.0, 6.0


def _affine(graph: TfGraph, node: Node, source: TfOp, type_: str, scope: str) -> TfOp:
    name = {"DepthwiseConv2dNative": "depthwise"}.get(type_, type_)
    made = graph.add(type_, f"{scope}/{name}", source, node=node.index, constants=1)
    return _finish(graph, node, made, scope)


def _separable(graph: TfGraph, node: Node, source: TfOp, scope: str) -> TfOp:
    is_slim = node.cls.startswith("slim.")
    name = f"{scope}/{'depthwise' if is_slim else 'separable_conv2d/depthwise'}"
    made = graph.add("DepthwiseConv2dNative", name, source, node=node.index, constants=1)
    if not is_slim or node.attr("num_outputs") is not None:
        made = graph.add("Conv2D", f"{scope}/Conv2D", made, node=node.index, constants=1)
    return _finish(graph, node, made, scope)


def _finish(graph: TfGraph, node: Node, made: TfOp, scope: str) -> TfOp:
    """Bias or normalization, and activation of a layer with weights."""
    if not node.cls.startswith("slim."):
        if node.attr("use_bias", True) is not False:
            made = graph.add("BiasAdd", f"{scope}/BiasAdd", made, node=node.index, constants=1)
        return _activate(graph, node, made, scope)
    normalizer = node.attr("normalizer_fn")
    if normalizer is None:
        if node.attr("biases_initializer", "") is not None:
            made = graph.add("BiasAdd", f"{scope}/BiasAdd", made, node=node.index, constants=1)
    elif normalizer == Symbol("slim.batch_norm"):
        params = node.attr("normalizer_params", {})
        if not isinstance(params, Mapping):
            params = {}
        made = _normalize(graph, node, made, f"{scope}/BatchNorm", params, False)
    else:
        return _undecided(graph, node, [made], "its normalization is not known")
    return _activate(graph, node, made, scope, "activation_fn", "relu")


def _normalize(
    graph: TfGraph,
    node: Node,
    source: TfOp,
    scope: str,
    params: Mapping[str, object],
    is_open: bool,
) -> TfOp:
    """Batch normalization, fused or in its parts."""
    is_slim = scope.endswith("BatchNorm")
    training = params.get("is_training", True) if is_slim else params.get("training", None)
    is_fed = isinstance(training, Symbol) and training.name.startswith("tf.placeholder")
    if is_fed or (is_open and training is None and not is_slim):
        switch = graph.add("Switch", f"{scope}/Switch", source, node=node.index)
        switch.group = "Identity" if training is None else "Mul"
        return switch
    if params.get("fused", True) is not False:
        made = graph.add("FusedBatchNormV3", f"{scope}/FusedBatchNormV3", source, node=node.index)
        if source.type != "MatMul":
            return made
        return graph.add("Reshape", f"{scope}/Reshape_1", made, node=node.index)
    operands = [source]
    if training is True and not is_slim:
        mean = graph.add("Mean", f"{scope}/moments/mean", source, node=node.index)
        square = graph.add(
            "SquaredDifference", f"{scope}/moments/SquaredDifference", source, mean, node=node.index
        )
        operands.append(graph.add("Mean", f"{scope}/moments/variance", square, node=node.index))
    constants = 2 - len(operands)
    scale = graph.add(
        "Mul", f"{scope}/batchnorm/mul_1", *operands, node=node.index, constants=constants
    )
    if is_slim:
        scale.group = scope
    return graph.add("AddV2", f"{scope}/batchnorm/add_1", scale, node=node.index, constants=1)


def _activate(
    graph: TfGraph,
    node: Node,
    source: TfOp,
    scope: str,
    key: str = "activation",
    default: object = None,
) -> TfOp:
    """The activation that a layer is given."""
    given = node.attr(key, default)
    name = given.name.rpartition(".")[2] if isinstance(given, Symbol) else given
    if name in _LINEAR:
        return source
    if given is UNKNOWN or not isinstance(name, str) or name not in _ACTIVATIONS:
        return _undecided(graph, node, [source], "its activation is not known")
    type_ = _ACTIVATIONS[name]
    return graph.add(type_, f"{scope}/{type_}", source, node=node.index)


def _clamp(graph: TfGraph, node: Node, source: TfOp, scope: str) -> TfOp:
    """`ReLU(max_value=…)`."""
    top = node.attr("max_value")
    slope, threshold = node.attr("negative_slope", 0.0), node.attr("threshold", 0.0)
    if top in (None, 6, 6.0) and slope in (0, 0.0) and threshold in (0, 0.0):
        type_ = "Relu" if top is None else "Relu6"
        return graph.add(type_, f"{scope}/{type_}", source, node=node.index)
    if top is None and isinstance(slope, int | float) and threshold in (0, 0.0):
        return graph.add("LeakyRelu", f"{scope}/LeakyRelu", source, node=node.index)
    return _undecided(graph, node, [source], "its arguments are not decided")
