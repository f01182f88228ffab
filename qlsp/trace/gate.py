"""Two cheap tests that tell which files are worth tracing; both err on the side of tracing.

`may_build_layers` looks at the words of the code, comments and longer strings left out (about
40 MB/s), `builds_layers` at the parsed module (a tenth of the cost of parsing it). A name is
enough: whether `Conv2D` is Keras's is the tracer's question, and code that is handed its `layers`
module as an argument imports nothing.
"""

from __future__ import annotations

import ast
import re
from typing import Any

_LAYERS = """
Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
AdditiveAttention AlphaDropout Attention Average AveragePooling1D AveragePooling2D
AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization Bidirectional
CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose
Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D Cropping2D
Cropping3D Dense DenseFeatures DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
EinsumDense Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D
GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D
GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D
GlobalMaxPooling3D GroupNormalization GroupQueryAttention HashedCrossing Hashing Identity Input
InputLayer IntegerLookup LSTM LSTMCell Lambda LayerNormalization LeakyReLU LocallyConnected1D
LocallyConnected2D Masking MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D
Maximum MelSpectrogram Minimum Model MultiHeadAttention Multiply Normalization PReLU Permute
RMSNormalization RNN ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding
STFTSpectrogram SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D
Sequential SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D
SpectralNormalization StackedRNNCells StringLookup Subtract SyncBatchNormalization TFSMLayer
TextVectorization ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D UpSampling2D
UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
"""
LAYERS = frozenset(_LAYERS.split())
"""Keras's layer classes under all their names, and what models are made with."""

_FUNCTIONS = """
batch_norm batch_normalization bias_add conv1d conv2d conv2d_transpose conv3d
conv3d_transpose convolution convolution2d dense depthwise_conv2d depthwise_conv2d_native
fully_connected fused_batch_norm separable_conv2d separable_convolution2d
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
"""What TF1 code (`tf.layers`, slim, `tf.nn`) builds layers with."""

_CONVERTERS = """
TFLiteConverter TocoConverter create_eval_graph create_training_graph
experimental_create_eval_graph experimental_create_training_graph fake_quant_with_min_max_args
fake_quant_with_min_max_vars fake_quant_with_min_max_vars_per_channel from_concrete_functions
from_frozen_graph from_keras_model from_keras_model_file from_saved_model from_session
quantize_and_dequantize quantize_annotate_layer quantize_annotate_model quantize_apply
quantize_model quantize_scope toco_convert
"""
CONVERTERS = frozenset(_CONVERTERS.split())
"""What converts or quantizes a model."""

_NAMES = LAYERS | FUNCTIONS | CONVERTERS
_NAMES_AS_BYTES = frozenset(name.encode() for name in _NAMES)
_FIELDS = {
    kind: kind._fields
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and kind._fields
}
_MARKS = (b"keras", b"tensorflow", b"tf.", b"tf_", b"slim", b"Conv", b"BatchNormalization")
_CODE = re.compile(
    rb'''"""[^"\\]*(?:(?:"(?!"")|\\.)[^"\\]*)*(?:"""|\\?\Z)'''
    rb"""|'''[^'\\]*(?:(?:'(?!'')|\\.)[^'\\]*)*(?:'''|\\?\Z)"""
    rb"""|#[^\n]*"""
    rb"""|"[^"\\\n]*(?:\\.[^"\\\n]*)*"?"""
    rb"""|'[^'\\\n]*(?:\\.[^'\\\n]*)*'?"""
    rb"""|([A-Za-z_][A-Za-z0-9_]+)""",
    re.DOTALL,
)
"""Strings, comments and words; what is never closed reaches to the end, so the time is linear."""
_QUOTED = re.compile(rb"""["']([A-Za-z_][A-Za-z0-9_]+)["']""")


def may_build_layers(data: bytes) -> bool:
    """Whether a file's bytes contain anything that could build layers or convert a model."""
    return any(mark in data for mark in _MARKS) and not (
        _NAMES_AS_BYTES.isdisjoint(_CODE.findall(data))
        and _NAMES_AS_BYTES.isdisjoint(_QUOTED.findall(data))
    )


def builds_layers(tree: ast.Module) -> bool:
    """Whether code in `tree` (not its comments and docstrings) could do so."""
    stack: list[Any] = [tree.body]
    extend, pop = stack.extend, stack.pop
    while stack:
        node = pop()
        kind = type(node)
        if kind is list:
            extend(node)
        elif kind is ast.Name:
            if node.id in _NAMES:
                return True
        elif kind is ast.Attribute:
            if node.attr in _NAMES:
                return True
            stack.append(node.value)
        elif kind is ast.Constant:  # getattr(layers, "Conv2D")
            if type(node.value) is str and node.value in _NAMES:
                return True
        elif kind is ast.alias:  # from keras.layers import Conv2D as Conv
            if node.asname and node.name.rpartition(".")[2] in _NAMES:
                return True
        elif kind in _FIELDS:
            extend([getattr(node, name) for name in _FIELDS[kind]])
    return False
