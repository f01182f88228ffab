"""The graphs that are measured through TF 1's TOCO converter.

`graph > qconv > bias > relu6 > fq` is written with raw ops and hand-placed fake-quantization;
`eval > …` and `train > …` are rewritten by `tf.contrib.quantize`, for export and for training
(the latter exported by mistake), with layers of slim, `tf.layers` and `tf.keras`.
"""

from __future__ import annotations

from collections.abc import Iterator

_HEADER = "import tensorflow as tf\nfrom tensorflow.contrib import slim\n"
_INPUT = "x = image = tf.placeholder(tf.float32, [1, 8, 8, 4], name='image')"
_REWRITES = {
    "eval": "tf.contrib.quantize.create_eval_graph()",
    "train": "tf.contrib.quantize.create_training_graph(quant_delay=0)",
}

_FQ = "tf.quantization.fake_quant_with_min_max_args({}, {}, {})"
_WEIGHTS = "w{i} = tf.get_variable('w{i}', [3, 3, 4, 4])"
_CONV = "x = tf.nn.conv2d(x, w{i}, [1, 1, 1, 1], 'SAME')"
_BN = "x = tf.layers.batch_normalization(x, training={}, fused={})"
_SLIM = "x = slim.conv2d(x, 4, 3{})"
_LAYERS = "x = tf.layers.conv2d(x, 4, 3, padding='same'{})"
_KERAS = "x = tf.keras.layers.Conv2D(4, 3, padding='same'{})(x)"
_KERAS_BN = "x = tf.keras.layers.BatchNormalization({})(x)"
_PHASE = "tf.keras.backend.set_learning_phase(int(training))\n"
_RELU6 = ", activation_fn=tf.nn.relu6"
_SLIM_BN = ", normalizer_fn=slim.batch_norm, normalizer_params={{{}}}"

_WORDS = {
    # Raw ops; `{i}` numbers the variables.
    "conv": f"{_WEIGHTS}\n{_CONV}",
    "qconv": f"{_WEIGHTS}\nw{{i}} = {_FQ.format('w{i}', -1.0, 1.0)}\n{_CONV}",
    "bias": "b{i} = tf.get_variable('b{i}', [4])\nx = tf.nn.bias_add(x, b{i})",
    "qbias": f"b{{i}} = tf.get_variable('b{{i}}', [4])\n"
    f"x = tf.nn.bias_add(x, {_FQ.format('b{i}', -1.0, 1.0)})",
    "fq": f"x = {_FQ.format('x', -6.0, 6.0)}",
    "fq6": f"x = {_FQ.format('x', 0.0, 6.0)}",
    "relu": "x = tf.nn.relu(x)",
    "relu6": "x = tf.nn.relu6(x)",
    "leaky": "x = tf.nn.leaky_relu(x)",
    "elu": "x = tf.nn.elu(x)",
    "sigmoid": "x = tf.nn.sigmoid(x)",
    "maximum_leaky": "x = tf.maximum(x, x * 0.2)",
    "maxpool": "x = tf.nn.max_pool2d(x, 2, 2, 'VALID')",
    "avgpool": "x = tf.nn.avg_pool2d(x, 2, 2, 'VALID')",
    "resize": "x = tf.image.resize_bilinear(x, [16, 16])",
    "pad": "x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])",
    "fork": "y = x",
    "join": "x = x + y",
    "concat": "x = tf.concat([x, y], axis=3)",
    "times": "x = x * y",
    "qdense": "x = tf.reshape(x, [1, -1])\n"
    "w{i} = tf.get_variable('w{i}', [x.shape[1], 4])\n"
    f"x = tf.matmul(x, {_FQ.format('w{i}', -1.0, 1.0)})",
    "bn": _BN.format(False, True),
    "bn_unfused": _BN.format(False, False),
    "bn_training": _BN.format(True, True),
    "bn_unfused_training": _BN.format(True, False),
    "bn_placeholder": "t = tf.placeholder_with_default(False, [])\n"
    "x = tf.layers.batch_normalization(x, training=t, fused=True)",
    "quantize_dequantize": "q, low, high = tf.quantization.quantize(x, -6.0, 6.0, tf.quint8)\n"
    "x = tf.quantization.dequantize(q, low, high)",
    "quantized_conv": "q, low, high = tf.quantization.quantize(x, -6.0, 6.0, tf.quint8)\n"
    "w{i} = tf.get_variable('w{i}', [3, 3, 4, 4])\n"
    "w, wlow, whigh = tf.quantization.quantize(w{i}, -1.0, 1.0, tf.quint8)\n"
    "q, low, high = tf.nn.quantized_conv2d("
    "q, w, low, high, wlow, whigh, [1, 1, 1, 1], 'SAME')\n"
    "x = tf.quantization.dequantize(q, low, high)",
    # Layers of slim.
    "slim_conv": _SLIM.format(", activation_fn=None"),
    "slim_conv(relu)": _SLIM.format(""),
    "slim_conv(relu6)": _SLIM.format(_RELU6),
    "slim_conv(elu)": _SLIM.format(", activation_fn=tf.nn.elu"),
    "slim_conv(leaky)": _SLIM.format(", activation_fn=tf.nn.leaky_relu"),
    "slim_conv(bn, relu6)": _SLIM.format(", normalizer_fn=slim.batch_norm" + _RELU6),
    "slim_conv(bn)": _SLIM.format(", normalizer_fn=slim.batch_norm, activation_fn=None"),
    "slim_conv(bn_unfused, relu6)": _SLIM.format(_SLIM_BN.format("'fused': False") + _RELU6),
    "slim_conv(bn_scale, relu6)": _SLIM.format(_SLIM_BN.format("'scale': True") + _RELU6),
    "slim_conv(bn_nocenter, relu6)": _SLIM.format(_SLIM_BN.format("'center': False") + _RELU6),
    "slim_separable(bn, relu6)": "x = slim.separable_conv2d(x, None, 3, 1, "
    "normalizer_fn=slim.batch_norm, activation_fn=tf.nn.relu6)",
    "slim_dense(bn, relu6)": "x = slim.fully_connected(slim.flatten(x), 4, "
    "normalizer_fn=slim.batch_norm, activation_fn=tf.nn.relu6)",
    "slim_bn": "x = slim.batch_norm(x)",
    "slim_maxpool": "x = slim.max_pool2d(x, 2)",
    # Layers of tf.layers.
    "layers_conv": _LAYERS.format(""),
    "layers_conv_nobias": _LAYERS.format(", use_bias=False"),
    "layers_conv(relu6)": _LAYERS.format(", activation=tf.nn.relu6"),
    "layers_bn": _BN.format("training", True),
    "layers_bn_unfused": _BN.format("training", False),
    "layers_conv(relu)": _LAYERS.format(", activation=tf.nn.relu"),
    # Layers of tf.keras.
    "keras_conv": _KERAS.format(""),
    "keras_conv_nobias": _KERAS.format(", use_bias=False"),
    "keras_conv(relu)": _KERAS.format(", activation='relu'"),
    "keras_bn": _PHASE + _KERAS_BN.format(""),
    "keras_bn_unfused": _PHASE + _KERAS_BN.format("fused=False"),
    "keras_bn_phase": _KERAS_BN.format(""),
    "keras_relu6": "x = tf.keras.layers.ReLU(6.0)(x)",
}


def source(name: str) -> str:
    """The module of a pattern's name; its `build()` gives the graph's input and output.

    Raises `KeyError` on an unknown word.
    """
    start, *words = name.split(" > ")
    lines = []
    for number, word in enumerate(words, 1):
        lines += _WORDS[word].replace("{i}", str(number)).splitlines()
    lines.append("output = tf.identity(x, name='output')")
    if start != "graph":
        lines = [
            f"training = {start == 'train'}",
            "with slim.arg_scope([slim.batch_norm], is_training=training):",
            *(f"    {line}" for line in lines),
            _REWRITES[start],
        ]
    lines = [_INPUT, *lines, "return image, output"]
    body = "".join(f"    {line}\n" for line in lines)
    return f"{_HEADER}\n\ndef build():\n{body}"


_LAST = "qconv > bias > relu6 > fq6"
"""A well-formed layer behind the one in question: its input must have a range."""

_HAND_PLACED = (
    # Where the fake-quantization stands around bias and activation.
    *("qconv > bias > relu6 > fq6", "qconv > bias > relu > fq", "qconv > bias > fq"),
    *("qconv > bias > relu6", "qconv > bias > relu", "qconv > bias"),
    *("qconv > bias > fq > relu6", "qconv > bias > fq > relu6 > fq6", "qconv > bias > fq > relu"),
    *("qconv > fq > bias > relu6 > fq6", "qconv > qbias > relu6 > fq6", "conv > bias > relu6"),
    *("conv > bias > relu6 > fq6", "conv > bias > fq", "qconv > relu6 > fq6", "qconv > relu6"),
    *("qconv > bias > leaky > fq", "qconv > bias > fq > leaky > fq", "qconv > bias > fq > leaky"),
    *("qconv > bias > fq > sigmoid", "qconv > bias > fq > sigmoid > fq", "qconv > bias > elu > fq"),
    # BatchNormalization before and after the activation.
    *(f"qconv > {bn} > relu6 > fq6" for bn in ("bn", "bn_unfused", "bn_placeholder")),
    *(f"qconv > {bn} > relu6 > fq6" for bn in ("bn_training", "bn_unfused_training")),
    *(f"qconv > bias > {bn} > relu6 > fq6" for bn in ("bn", "bn_unfused")),
    *(f"qconv > bias > relu6 > {bn}" for bn in ("bn", "bn_unfused")),
    *(f"qconv > bias > relu6 > {bn} > fq" for bn in ("bn", "bn_unfused")),
    *(f"qconv > bias > relu6 > {bn}" for bn in ("bn_training", "bn_unfused_training")),
    *(f"qconv > bias > relu6 > {bn} > fq" for bn in ("bn_training", "bn_unfused_training")),
    *(f"qconv > bias > relu6 > fq6 > {bn} > fq" for bn in ("bn", "bn_unfused")),
    # What needs no range of its own, and what does.
    *(f"qconv > bias > relu6 > fq6 > {op}" for op in ("maxpool", "avgpool", "resize", "pad")),
    *(f"qconv > bias > relu6 > {op} > fq6" for op in ("maxpool", "avgpool", "resize", "pad")),
    *(f"qconv > bias > relu6 > fq6 > fork > {_LAST} > {op}" for op in ("join", "concat")),
    *(f"qconv > bias > relu6 > fq6 > fork > {_LAST} > {op} > fq" for op in ("join", "concat")),
    f"qconv > bias > relu6 > fq6 > fork > {_LAST} > join > relu6 > fq6",
    *("quantize_dequantize > conv > bias > relu6", "quantized_conv > bias > relu6"),
)

_LAYERED = (
    *("slim_conv(bn, relu6)", "slim_conv(bn_unfused, relu6)", "slim_conv(bn_scale, relu6)"),
    *("slim_conv(bn_nocenter, relu6)", "slim_conv(relu)", "slim_conv(relu6)", "slim_conv"),
    *("slim_conv(bn)", "slim_conv(elu)", "slim_conv(leaky)", "slim_conv(relu6) > slim_bn"),
    *("slim_conv(relu6) > slim_maxpool", "slim_conv > slim_maxpool > relu6"),
    *("slim_conv(relu6) > resize", "slim_conv > fork > sigmoid > times"),
    *("slim_separable(bn, relu6)", "slim_conv(relu6) > fork > slim_conv > join"),
    *("slim_conv(relu6) > fork > slim_conv > join > relu6",),
    *("slim_conv(relu6) > fork > slim_conv(relu6) > concat",),
    *(
        "layers_conv(relu6)",
        "layers_conv(relu)",
        "layers_conv > relu6",
        "layers_conv > layers_bn > relu6",
    ),
    *("layers_conv > layers_bn_unfused > relu6", "layers_conv_nobias > layers_bn > relu6"),
    *("layers_conv_nobias > layers_bn_unfused > relu6", "layers_conv_nobias > layers_bn"),
    *("layers_conv_nobias > layers_bn > maxpool > relu6", "layers_conv(relu6) > layers_bn"),
    *("layers_conv > maximum_leaky", "layers_conv > leaky"),
    *("keras_conv(relu)", "keras_conv > keras_relu6", "keras_conv > keras_bn > relu6"),
    *("keras_conv > keras_bn_unfused > relu6", "keras_conv > keras_bn_phase > relu6"),
    *("keras_conv_nobias > keras_bn > relu6", "keras_conv_nobias > keras_bn > keras_relu6"),
    *("keras_conv_nobias > keras_bn_unfused > relu6", "keras_conv > keras_relu6 > keras_bn"),
)


def names() -> Iterator[str]:
    """The names of all graphs."""
    for chain in _HAND_PLACED:
        yield f"graph > {chain}"
        yield f"graph > {chain} > {_LAST}"
    for chain in _LAYERED:
        # contrib.quantize gives no range to a graph's last layer unless it has an activation.
        yield f"eval > {chain} > slim_conv(relu6)"
        yield f"train > {chain} > slim_conv(relu6)"
    for start in _REWRITES:
        yield f"{start} > slim_conv(relu6) > slim_conv"
        yield f"{start} > slim_dense(bn, relu6)"
    yield f"graph > {_LAST} > qdense > fq"
