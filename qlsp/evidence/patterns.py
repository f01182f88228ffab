"""The patterns that are measured: small models, each named by what it is made of.

`image > conv > bn > relu6` is a functional model of these layers in a row, `image@1 > …` the
same with a static batch of one. The words are those of `qlsp.evidence.vocabulary`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

from qlsp.evidence import tf1
from qlsp.evidence.vocabulary import (
    ACTIVATION_FUNCTIONS,
    ACTIVATIONS,
    FUNCTIONS_IN_CALL,
    INPUTS,
    code,
)
from qlsp.trace.graph import Flavour

_HEADERS: dict[Flavour, str] = {
    "tf_keras": "import tensorflow as tf\nimport tf_keras as keras\nfrom tf_keras import layers\n",
    "tf.keras": "import tensorflow as tf\nfrom tensorflow import keras\n"
    "from tensorflow.keras import layers\n",
    "keras3": "import tensorflow as tf\nimport keras\nfrom keras import layers\n",
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """One small model."""

    name: str

    def source(self, flavour: Flavour) -> str:
        """A module whose `build()` makes the model. Raises `KeyError` on an unknown word."""
        if flavour == "tf1":
            return tf1.source(self.name)
        start, *words = self.name.split(" > ")
        kind, _, batch = start.partition("@")
        size = f", batch_size={batch}" if batch else ""
        lines = [f"x = inputs = layers.Input({INPUTS[kind]}{size})"]
        for word in words:
            lines += code(word).splitlines()
        lines.append("return keras.Model(inputs, x)")
        body = "".join(f"    {line}\n" for line in lines)
        return f"{_HEADERS[flavour]}\n\ndef build():\n{body}"


@cache
def patterns(flavour: Flavour) -> tuple[Pattern, ...]:
    """What is measured of a flavour, every pattern once, sorted by name."""
    if flavour == "tf1":
        names = set(tf1.names())
    else:
        names = {name for table in _TABLES for name in table}
        if flavour != "keras3":
            names = {name for name in names if " > ops." not in name}
    return tuple(Pattern(name) for name in sorted(names))


def _cross(starts: Iterable[str], ends: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{start} > {end}" for start, end in product(starts, ends))


_PRODUCERS = (
    *("image > conv", "image > dw", "image > transpose", "image > separable"),
    "vector > dense",
)

_FOLLOWERS = (
    *("relu", "relu6", "act(relu)", "act(relu6)", "act(tf.nn.relu6)", "leaky"),
    *(
        "bn",
        "bn > relu",
        "bn > relu6",
        "bn > act(relu)",
        "bn > act(relu6)",
        "relu > bn",
        "relu6 > bn",
    ),
)
"""What decides fusion; put behind every layer with weights."""

_MOVERS = ("add", "concat", "maxpool", "avgpool", "pad", "reshape_static")
"""Layers without weights, put between a convolution and what may fuse."""

_ACTIVATION_LAYERS = (
    *("relu1", "relu4", "relu_slope", "relu6_slope", "relu_threshold", "relu6_threshold"),
    *("prelu", "prelu_shared", "elu", "thresholded", "softmax"),
    *(f"act({name})" for name in ACTIVATIONS + ACTIVATION_FUNCTIONS),
)

_LAYERS = (
    *("conv_dilated", "dw", "dw_multiplier", "transpose_stride", "separable", "dense"),
    *("layer_norm", "layer_norm_axes", "group_norm", "unit_norm", "rms_norm"),
    *("maxpool", "maxpool_same", "avgpool", "avgpool_same", "gap", "gap_keepdims", "gmp"),
    *("pad", "pad_corner", "crop", "upsample", "upsample_bilinear", "resizing", "center_crop"),
    *("flatten", "reshape", "reshape_static", "permute", "add", "subtract", "multiply"),
    *("average", "maximum", "minimum", "concat", "add_convs", "add_three", "concat_convs"),
    *("concat_mixed", "concat_axis1", "concat_pools", "add_function", "concat_function", "dot"),
    *("dropout", "spatial_dropout", "gaussian_noise", "gaussian_dropout"),
    *("activity_regularization", "rescaling", "rescaling_offset", "normalization"),
    *("random_flip", "random_rotation", "lambda", "adaptive_avgpool", "locally_connected"),
)
"""Put behind a convolution."""

_FIRST_LAYERS = (
    *("conv", "conv_same", "conv_stride", "conv_nobias", "conv_groups", "conv_dilated"),
    *("conv_dilated_same", "dw", "dw_dilated", "transpose", "transpose_stride", "separable"),
    *("dense", "bn", "relu", "relu6", "act(sigmoid)", "softmax", "maxpool", "avgpool", "gap"),
    *("pad", "flatten", "add", "multiply", "concat", "dropout", "rescaling", "normalization"),
    *(
        "upsample",
        "upsample_bilinear",
        "squeeze_excite",
        "nested_model",
        "nested_sequential",
        "conv_same > nested_model",
    ),
    *("shared_conv", "bn > conv", "bn > relu > conv", "relu > conv", "pad > conv"),
    *("flatten > dense", "flatten > dense > relu", "gap_keepdims", "normalization > conv"),
    *("x+y", "add > relu", "add > act(relu)", "add > bn > relu", "concat_mixed"),
    *("pad > dw > bn > relu6", "pad_corner > conv_stride > bn > relu6", "rescaling > conv"),
)
"""Put straight behind the input."""

_FUNCTIONS = (
    *("tf.nn.relu", "tf.nn.relu6", "tf.nn.leaky_relu", "tf.nn.sigmoid", "tf.nn.softmax"),
    *("tf.nn.swish", "tf.clip_by_value", "tf.add", "tf.concat", "tf.reshape", "tf.reduce_mean"),
    *("tf.image.resize", "tf.pad", "tf.transpose", "tf.split", "tf.nn.depth_to_space"),
    *("tf.squeeze", "tf.expand_dims", "x+y", "x-y", "x*y", "x*2", "x/2", "x+1", "slice"),
    *("keras.activations.relu", "keras.activations.relu6"),
    *("ops.relu", "ops.relu6", "ops.concatenate", "ops.mean", "ops.reshape", "ops.sign"),
    *("ops.square", "ops.exp", "ops.round", "ops.pad", "ops.pad(ones)"),
)
"""Functions and operators on layer tensors, put behind a convolution."""

_OWN_LAYERS = (
    *("own_sign", "own_sign > conv > bn", "own_padded_conv", "own_padded_conv > bn > relu"),
    *("own_padded_conv > relu > bn", "own_binary_conv", "own_binary_conv > bn > relu"),
    *("own_relu_conv", "own_relu_conv > bn", "own_sign > own_padded_conv > bn", "lambda_sign"),
    *("tf.sign", "tf.math.sign", "tf.pad(ones)", "tf.pad(reflect)", "tf.sign > conv > bn"),
    *("tf.pad(ones) > conv > bn", "tf.pad(ones) > bn", "tf.pad(reflect) > conv > bn > relu"),
)
"""Layers of one's own and functions of binary networks, put behind a convolution."""

_BEHIND_FLOAT = (
    *("pad", "call(tf.pad_ones)", "call(tf.pad_reflect)", "maxpool", "avgpool", "gap", "relu"),
    *("reshape_static", "flatten", "permute", "crop", "upsample", "upsample_bilinear", "concat"),
    *("add", "conv > bn", "call(tf.gather)", "call(tf.tile)", "call(tf.reduce_max)", "gmp"),
    *(
        "call(tf.maximum)",
        "call(tf.minimum)",
        "call(tf.pad_ones) > conv",
        "pad > conv",
        "call(tf.stack)",
    ),
    *("call(tf.reverse)", "call(tf.abs)", "call(tf.where)", "slice", "tf.split", "elu"),
    *("pad > elu", "call(tf.pad_ones) > elu", "call(tf.pad_ones) > maxpool > conv"),
)
"""Put behind an op that has no int8 form."""

_MERGED_FLOAT = (
    *("concat_elu_conv", "concat_conv_elu", "concat_elus", "concat_elu_pool", "concat_elu_relu"),
    *("concat_elu_add", "concat_elu_skip", "concat_elu_pad", "concat_elu_shared"),
    *("concat_elu_nested", "maximum_elu", "add_elu", "concat_elu_conv > conv"),
    *("concat_elu_conv > maxpool > conv", "concat_elu_conv > relu", "concat_elu_conv > bn"),
    *("concat_elu_conv > concat", "concat_elu_skip > conv > bn > relu"),
)
"""Merging branches of which one ends in an op without int8 form."""

_BLOCKS = (
    *("swish_multiply", "swish_operator", "hard_swish_tf", "hard_swish_times"),
    *("hard_swish_layers", "hard_sigmoid_tf", "hard_sigmoid_layer"),
    *("squeeze_excite", "squeeze_excite_conv", "residual", "inverted_residual"),
    *("gap > dense", "flatten > dense", "gap > dense > softmax", "gap > dense(softmax)"),
)
"""What real models repeat, put behind a convolution."""

_ORDERS = (
    *("bn > bn", "bn > relu > conv", "relu > bn > conv", "bn > conv", "bn > maxpool > relu"),
    *("dropout > bn > relu", "dropout > relu", "bn > dropout > relu", "maxpool > bn > relu"),
    *("bn_noscale > relu", "bn_nocenter > relu", "bn_fused > relu", "bn_unfused > relu"),
    *("bn_training > relu", "bn_inference > relu", "bn > act(relu)", "bn > act(tf.nn.relu6)"),
    *("relu > relu6", "relu6 > relu", "relu > conv", "relu6 > maxpool", "bn > relu > bn"),
    *("prelu > bn", "act(swish) > bn", "act(linear) > bn > relu", "bn > act(linear) > relu"),
    *("add_convs > relu", "add_convs > bn > relu", "concat_convs > relu", "concat_convs > bn"),
    *("pad > conv", "relu > pad > conv", "bn > pad > relu", "upsample > relu", "crop > relu"),
    *("multiply > relu", "subtract > relu", "maximum > relu", "average > relu"),
    *("lambda > relu", "rescaling > relu", "bn > add > relu", "bn > concat > relu"),
    *("spatial_dropout > bn", "bn > tf.nn.relu6", "x+y > relu", "dw > conv", "relu6 > flatten"),
    *("bn > leaky", "bn > prelu", "bn > relu4", "bn > act(swish)", "bn > act(sigmoid)"),
    *("bn > elu", "bn > softmax", "bn > relu6 > dw > bn > relu6 > conv_1x1 > bn"),
)
"""Order, repetition and options of normalization and activations behind a convolution."""

_BATCH_SENSITIVE = (
    *("conv_dilated", "conv_dilated > relu", "conv_dilated > bn > relu", "conv_dilated_same"),
    *("conv_dilated_nobias > bn > relu", "dw_dilated", "dw_dilated > bn > relu"),
    *("transpose", "transpose > relu", "transpose > bn > relu", "transpose_stride > bn > relu"),
    *("transpose_nobias > bn", "transpose(relu)", "dense", "dense > bn", "dense > relu6"),
    *("dense(relu)", "dense > bn > relu", "conv > upsample", "conv > upsample_bilinear"),
    *("conv > flatten > dense", "conv > reshape", "conv > reshape_static", "conv > layer_norm"),
    *("conv > group_norm", "squeeze_excite", "squeeze_excite_conv", "conv > resizing"),
)
"""Where a static batch may change the outcome; measured with and without."""

_TABLES: tuple[Sequence[str], ...] = (
    _cross(_PRODUCERS, _FOLLOWERS),
    _cross(
        (f"image > conv > {mover}" for mover in _MOVERS),
        ("relu", "relu6", "act(tf.nn.relu6)", "bn", "bn > relu", "relu > bn"),
    ),
    # Activations of every kind, behind a layer and within one.
    _cross(["image > conv"], _ACTIVATION_LAYERS),
    [f"image > conv({name})" for name in ACTIVATIONS + ACTIVATION_FUNCTIONS],
    _cross(
        ["image > dw", "vector > dense"],
        ("relu4", "prelu", "act(swish)", "act(sigmoid)", "act(gelu)", "act(elu)"),
    ),
    _cross(["vector > dense"], ("softmax", "act(softmax)", "act(tanh)")),
    *(
        [f"{start}({name})" for name in ("relu", "relu6", "tf.nn.relu6", "sigmoid", "swish")]
        for start in _PRODUCERS[1:]
    ),
    [f"vector > dense({name})" for name in ("softmax", "tanh", "gelu", "elu", "leaky_relu")],
    # The seed question's shape: a column kernel over one channel.
    _cross(
        ["gray > conv_column", "gray > dw_column"],
        ("relu", "relu6", "act(relu)", "act(tf.nn.relu6)", "bn", "bn > relu", "bn > relu6"),
    ),
    ["gray > conv_column(relu)", "gray > conv_column(tf.nn.relu6)"],
    ["gray > conv_column > relu > conv_column > relu6", "gray > conv_column > bn > act(relu)"],
    _cross(["image > conv"], _ORDERS),
    _cross(
        ["image > conv(relu)"],
        ("bn", "bn > relu", "relu6", "bn > conv", "maxpool", "dropout > bn", "conv", "add"),
    ),
    _cross(["image > dw(relu)", "vector > dense(relu)"], ("bn", "relu6", "bn > relu")),
    _cross(
        ["image > conv_nobias", "image > dw_nobias"],
        ("bn > relu", "bn > relu6", "relu", "relu > bn"),
    ),
    _cross(["image > separable_nobias", "image > transpose_nobias"], ("bn > relu", "relu")),
    _cross(["vector > dense_nobias"], ("bn > relu", "relu6")),
    _cross(
        [
            "image > conv_stride",
            "image > conv_groups",
            "image > dw_stride",
            "image > dw_multiplier",
        ],
        ("bn > relu6",),
    ),
    _cross(["image > transpose_stride"], ("relu", "bn")),
    _cross(
        ["vector > dense"],
        ("dropout > bn > relu", "dropout > relu", "relu > dense", "bn > relu > dense"),
    ),
    # Along another axis than the channels'.
    ["image > conv > bn_axis1 > relu", "image > conv > bn_axis2 > relu"],
    # A second consumer.
    _cross(
        ["image > conv > fork", "image > dw > fork", "vector > dense > fork", "image > add > fork"],
        ("relu > join", "relu6 > join", "bn > join", "bn > relu6 > join"),
    ),
    _cross(["image > conv > bn > fork"], ("relu > join", "relu6 > join", "act(sigmoid) > join")),
    _cross(["image > conv > relu > fork"], ("conv_same > join", "bn > join")),
    ["image > conv > bn > relu > fork > conv_same > bn > join > relu"],
    # An average pooling of the tensor that another layer takes.
    _cross(
        [
            "image > conv > relu > fork",
            "image > conv > maxpool > fork",
            "image > conv > pad > fork",
        ],
        ("conv_same > other_avgpool > join_cat", "conv_same > other_avgpool_conv > join_cat"),
    ),
    ["image > conv > maxpool > fork > conv_same > bn > relu > other_avgpool_conv > join_cat"],
    # Every layer.
    _cross(["image"], _FIRST_LAYERS),
    _cross(["image > conv"], _LAYERS),
    _cross(["image > conv"], _FUNCTIONS),
    _cross(["image > conv"], _BLOCKS),
    _cross(["image > conv"], _OWN_LAYERS),
    ["vector > own_dense", "vector > own_dense > relu", "vector > own_dense > bn > relu"],
    _cross(["image > conv"], FUNCTIONS_IN_CALL),
    _cross(["image > conv > elu"], _BEHIND_FLOAT),
    _cross(["image > conv"], _MERGED_FLOAT),
    ["image@1 > conv > call(tf.reshape_dynamic)", "image@1 > conv > call(tf.image.resize_dynamic)"],
    ["image > concat_elu_skip", "image > concat_elu_conv", "image > conv > softmax > concat"],
    _cross(["planes"], ("conv_channels_first", "conv_channels_first > relu", "permute_last")),
    ["planes > conv_channels_first > bn_axis1 > relu", "planes > permute_last > conv"],
    _cross(
        ["sequence"],
        (
            *("conv1d", "conv1d > relu", "conv1d > relu6", "conv1d > bn", "conv1d > bn > relu"),
            *("conv1d(relu)", "conv1d > relu > bn", "conv1d_causal", "conv1d_dilated"),
            *("separable1d", "separable1d > bn > relu", "dw1d", "transpose1d", "maxpool1d"),
            *("avgpool1d", "gap1d", "gmp1d", "pad1d", "crop1d", "upsample1d", "lstm"),
            *("lstm_sequences", "lstm_unrolled", "gru", "rnn", "bidirectional", "attention"),
            *("time_distributed", "mha", "layer_norm", "masking", "flatten > dense", "dense"),
        ),
    ),
    _cross(
        ["sequence@1"],
        ("lstm", "lstm_sequences", "gru", "rnn", "bidirectional", "conv1d > relu", "mha", "dense"),
    ),
    _cross(
        ["volume"],
        (
            *("conv3d", "conv3d > relu", "conv3d > bn > relu", "transpose3d", "maxpool3d"),
            *("avgpool3d", "gap3d", "pad3d", "upsample3d"),
        ),
    ),
    ["tokens > embedding", "tokens > embedding > gap1d > dense", "frames > conv_lstm"],
    ["frames@1 > conv_lstm", "tokens@1 > embedding > flatten > dense"],
    _cross(["vector"], ("dense", "repeat", "einsum_dense", "bn", "layer_norm", "relu > dense")),
    _cross(["vector"], ("dense > dense", "dense > layer_norm", "dense > dropout")),
    # Static batch.
    _cross(["image", "image@1"], _BATCH_SENSITIVE),
    _cross(["image@1 > conv"], ("relu6", "bn > relu6", "relu > bn", "add > relu")),
    ["vector@1 > dense > relu6", "vector@1 > dense > bn > relu", "image@1 > separable > bn > relu"],
    _cross(["gray@1 > conv_column"], ("relu", "relu6", "bn > relu6", "act(tf.nn.relu6)")),
)
