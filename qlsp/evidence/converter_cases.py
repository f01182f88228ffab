"""The settings of converters that are measured, see `settings.py`."""

from __future__ import annotations

from collections.abc import Mapping

_OPTIMIZE = "converter.optimizations = [tf.lite.Optimize.DEFAULT]\n"
_DATA = "converter.representative_dataset = data\n"
_INT8 = "converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n"
_OPS = "converter.target_spec.supported_ops = [{}]\n"
_IN = "converter.inference_input_type = tf.int8\n"
_OUT = "converter.inference_output_type = tf.int8\n"
_FULL = _OPTIMIZE + _DATA + _INT8 + _IN + _OUT
_TYPES = "converter.target_spec.supported_types = [{}]\n"
_X = "np.ones((1, 16, 16, 8), np.float32)"
_YIELD = """def given():
    for _ in range(4):
        yield {}
converter.representative_dataset = given
"""


def _ops(*names: str) -> str:
    return _OPS.format(", ".join(f"tf.lite.OpsSet.{name}" for name in names))


_INT16 = _ops("EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8")


def _given(value: str) -> str:
    return _OPTIMIZE + _INT8 + _YIELD.format(value)


_V1 = "tf.compat.v1.lite.TFLiteConverter"


def _file(arguments: str) -> str:
    return f"converter = {_V1}.from_frozen_graph(path, {arguments})\n"


_UINT8 = (
    "converter.inference_type = tf.uint8\nconverter.quantized_input_stats = {'image': (128, 127)}\n"
)
_DUMMY = "converter.default_ranges_stats = (0, 6)\n"


def _transformed(*transforms: str) -> str:
    """A converter for what TensorFlow 1's graph transforms make of the graph."""
    return (
        "from tensorflow.tools.graph_transforms import TransformGraph\n"
        "graph = session.graph.as_graph_def()\n"
        f"graph = TransformGraph(graph, ['image'], ['output'], {list(transforms)!r})\n"
        "open(path, 'wb').write(graph.SerializeToString())\n"
    ) + _file("['image'], ['output']")


def _session(arguments: str) -> str:
    return f"converter = {_V1}.from_session(session, {arguments})\n"


CASES: Mapping[str, tuple[str, str]] = {
    "nothing": ("plain", ""),
    "optimize": ("plain", _OPTIMIZE),
    "optimize, small weights": ("small", _OPTIMIZE),
    "optimize for size": (
        "plain",
        "converter.optimizations = [tf.lite.Optimize.OPTIMIZE_FOR_SIZE]\n",
    ),
    "optimize for latency": (
        "plain",
        "converter.optimizations = [tf.lite.Optimize.OPTIMIZE_FOR_LATENCY]\n",
    ),
    "sparsity": (
        "plain",
        "converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]\n" + _DATA,
    ),
    "data": ("plain", _DATA),
    "int8 ops": ("plain", _INT8),
    "optimize, int8 ops": ("plain", _OPTIMIZE + _INT8),
    "data, int8 ops": ("plain", _DATA + _INT8),
    "optimize, data": ("plain", _OPTIMIZE + _DATA),
    "optimize, data, int8 ops": ("plain", _OPTIMIZE + _DATA + _INT8),
    "optimize, data, builtin ops": ("plain", _OPTIMIZE + _DATA + _ops("TFLITE_BUILTINS")),
    "optimize, data, int8 io": ("plain", _OPTIMIZE + _DATA + _IN + _OUT),
    "full": ("plain", _FULL),
    "full, uint8 io": ("plain", _FULL.replace("tf.int8\n", "tf.uint8\n")),
    "full, int8 input only": ("plain", _OPTIMIZE + _DATA + _INT8 + _IN),
    "full, float operator": ("elu", _FULL),
    "int8 io": ("plain", _IN + _OUT),
    "optimize, int8 io": ("plain", _OPTIMIZE + _IN + _OUT),
    "data, int8 io": ("plain", _DATA + _IN + _OUT),
    "data, int8 ops, int8 io": ("plain", _DATA + _INT8 + _IN + _OUT),
    "int8 ops, int8 io": ("plain", _INT8 + _IN + _OUT),
    "optimize, int8 ops, int8 io": ("plain", _OPTIMIZE + _INT8 + _IN + _OUT),
    "full, numpy io": ("plain", _FULL.replace("= tf.int8\n", "= np.int8\n")),
    "float16": ("plain", _OPTIMIZE + _TYPES.format("tf.float16")),
    "float16, data": ("plain", _OPTIMIZE + _DATA + _TYPES.format("tf.float16")),
    "float16 without optimize": ("plain", _TYPES.format("tf.float16")),
    "int8 types": ("plain", _OPTIMIZE + _TYPES.format("tf.int8")),
    "int8 types, data": ("plain", _OPTIMIZE + _DATA + _TYPES.format("tf.int8")),
    "int16": ("plain", _OPTIMIZE + _DATA + _INT16),
    "int16, no data": ("plain", _OPTIMIZE + _INT16),
    "int16, int8 io": ("plain", _OPTIMIZE + _DATA + _INT16 + _IN + _OUT),
    "optimizations not a list": (
        "plain",
        _DATA + "converter.optimizations = tf.lite.Optimize.DEFAULT\n",
    ),
    "optimizations of True": ("plain", _DATA + "converter.optimizations = [True]\n"),
    "optimizations of str": ("plain", _DATA + "converter.optimizations = ['DEFAULT']\n"),
    "ops not a list": (
        "plain",
        _OPTIMIZE
        + _DATA
        + "converter.target_spec.supported_ops = tf.lite.OpsSet.TFLITE_BUILTINS_INT8\n",
    ),
    "old converter": ("plain", _FULL + "converter.experimental_new_converter = False\n"),
    "old quantizer": ("plain", _FULL + "converter.experimental_new_quantizer = False\n"),
    "per tensor": ("plain", _FULL + "converter._experimental_disable_per_channel = True\n"),
    "resource variables": (
        "plain",
        _FULL + "converter.experimental_enable_resource_variables = True\n",
    ),
    "allow custom ops": ("plain", _FULL + "converter.allow_custom_ops = True\n"),
    "misspelt optimisations": ("plain", "converter.optimisations = [tf.lite.Optimize.DEFAULT]\n"),
    "misspelt data": ("plain", _OPTIMIZE + "converter.representative_data = data\n"),
    "ops on converter": (
        "plain",
        _OPTIMIZE + _DATA + "converter.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n",
    ),
    "target_ops": (
        "plain",
        _OPTIMIZE + _DATA + "converter.target_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n",
    ),
    "post_training_quantize": ("plain", "converter.post_training_quantize = True\n"),
    "inference_type": ("plain", _OPTIMIZE + _DATA + "converter.inference_type = tf.int8\n"),
    "default_ranges_stats": ("plain", "converter.default_ranges_stats = (0, 6)\n"),
    "quantized_input_stats": (
        "plain",
        _OPTIMIZE + "converter.quantized_input_stats = {'image': (128, 127)}\n",
    ),
    "full, select": (
        "plain",
        _OPTIMIZE + _DATA + _ops("TFLITE_BUILTINS_INT8", "SELECT_TF_OPS") + _IN + _OUT,
    ),
    "full, select, float operator": (
        "elu",
        _OPTIMIZE + _DATA + _ops("TFLITE_BUILTINS_INT8", "SELECT_TF_OPS") + _IN + _OUT,
    ),
    "select only": ("plain", _OPTIMIZE + _DATA + _ops("SELECT_TF_OPS")),
    "qat": ("qat", ""),
    "qat, optimize": ("qat", _OPTIMIZE),
    "qat, optimize, int8 io": ("qat", _OPTIMIZE + _IN + _OUT),
    "qat, int8 io": ("qat", _IN + _OUT),
    "qat, data": ("qat", _DATA),
    "qat, int8 ops": ("qat", _INT8),
    "qat, optimize, int8 ops": ("qat", _OPTIMIZE + _INT8),
    "qat, optimize, int8 ops, int8 io": ("qat", _OPTIMIZE + _INT8 + _IN + _OUT),
    "qat, optimize, data": ("qat", _OPTIMIZE + _DATA),
    "qat, full": ("qat", _FULL),
    "annotated": ("annotated", ""),
    "annotated, optimize": ("annotated", _OPTIMIZE),
    "annotated, full": ("annotated", _FULL),
    "list of array": ("plain", _given(f"[{_X}]")),
    "array": ("plain", _given(_X)),
    "tensor": ("plain", _given(f"tf.constant({_X})")),
    "list of tensor": ("plain", _given(f"[tf.constant({_X})]")),
    "tuple of array": ("plain", _given(f"({_X},)")),
    "dict by name": ("plain", _given(f"{{'image': {_X}}}")),
    "array without batch": ("plain", _given("[np.ones((16, 16, 8), np.float32)]")),
    "other height": ("plain", _given("[np.ones((1, 8, 16, 8), np.float32)]")),
    "other channels": ("plain", _given("[np.ones((1, 16, 16, 3), np.float32)]")),
    "batch of four": ("plain", _given("[np.ones((4, 16, 16, 8), np.float32)]")),
    "float64": ("plain", _given("[np.ones((1, 16, 16, 8))]")),
    "uint8": ("plain", _given("[np.ones((1, 16, 16, 8), np.uint8)]")),
    "nested list": ("plain", _given(f"[{_X}.tolist()]")),
    "two for one": ("plain", _given(f"[{_X}, {_X}]")),
    "one for two": ("two", _given(f"[{_X}]")),
    "two for two": ("two", _given(f"[{_X}, {_X}]")),
    "image and label": ("plain", _given(f"({_X}, np.ones((1,)))")),
    "generator object": (
        "plain",
        _OPTIMIZE + _INT8 + "converter.representative_dataset = data()\n",
    ),
    "list": ("plain", _OPTIMIZE + _INT8 + f"converter.representative_dataset = [[{_X}]]\n"),
    "array itself": ("plain", _OPTIMIZE + _INT8 + f"converter.representative_dataset = {_X}\n"),
    "returns list": (
        "plain",
        _OPTIMIZE + _INT8 + f"converter.representative_dataset = lambda: [[{_X}]]\n",
    ),
    "returns None": (
        "plain",
        _OPTIMIZE + _INT8 + "converter.representative_dataset = lambda: None\n",
    ),
    "yields nothing": (
        "plain",
        _OPTIMIZE + _INT8 + "converter.representative_dataset = lambda: iter(())\n",
    ),
    "takes an argument": (
        "plain",
        _OPTIMIZE + _INT8 + f"converter.representative_dataset = lambda images: [[{_X}]]\n",
    ),
    "dataset itself": (
        "plain",
        _OPTIMIZE
        + _INT8
        + f"converter.representative_dataset = tf.data.Dataset.from_tensors({_X})\n",
    ),
    "RepresentativeDataset": (
        "plain",
        _OPTIMIZE
        + _INT8
        + "converter.representative_dataset = tf.lite.RepresentativeDataset(data)\n",
    ),
    "TF 1: nothing": ("v1", ""),
    "TF 1: optimize": ("v1", _OPTIMIZE),
    "TF 1: optimize, data": ("v1", _OPTIMIZE + _DATA),
    "TF 1: full": ("v1", _FULL),
    "TF 1: post_training_quantize": ("v1", "converter.post_training_quantize = True\n"),
    "TF 1: target_ops": (
        "v1",
        _OPTIMIZE + _DATA + "converter.target_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n",
    ),
    "TF 1: inference_type": (
        "v1",
        "converter.inference_type = tf.uint8\n"
        "converter.quantized_input_stats = {'image': (128, 127)}\n",
    ),
    "TF 1: inference_type, no input stats": ("v1", "converter.inference_type = tf.uint8\n"),
    "TF 1: dummy": (
        "v1",
        "converter.inference_type = tf.uint8\n"
        "converter.quantized_input_stats = {'image': (128, 127)}\n"
        "converter.default_ranges_stats = (0, 6)\n",
    ),
    "TF 1: dummy int8": (
        "v1",
        "converter.inference_type = tf.int8\n"
        "converter.quantized_input_stats = {'image': (0, 127)}\n"
        "converter.default_ranges_stats = (0, 6)\n",
    ),
    "TF 1: default ranges only": ("v1", "converter.default_ranges_stats = (0, 6)\n"),
    "TF 1: dummy, old converter": (
        "v1",
        "converter.inference_type = tf.uint8\n"
        "converter.quantized_input_stats = {'image': (128, 127)}\n"
        "converter.default_ranges_stats = (0, 6)\n"
        "converter.experimental_new_converter = False\n",
    ),
    "TF 1: nothing, old converter": ("v1", "converter.experimental_new_converter = False\n"),
    "TF 1 file: right": ("v1 file", _file('["image"], ["output"]')),
    "TF 1 file: tuples": ("v1 file", _file('("image",), ("output",)')),
    "TF 1 file: input with a port": ("v1 file", _file('["image:0"], ["output"]')),
    "TF 1 file: output with a port": ("v1 file", _file('["image"], ["output:0"]')),
    "TF 1 file: input as a string": ("v1 file", _file('"image", ["output"]')),
    "TF 1 file: output as a string": ("v1 file", _file('["image"], "output"')),
    "TF 1 file: another input": ("v1 file", _file('["input"], ["output"]')),
    "TF 1 file: another output": ("v1 file", _file('["image"], ["result"]')),
    "TF 1 file: shape": (
        "v1 file",
        _file('["image"], ["output"], input_shapes={"image": [1, 16, 16, 8]}'),
    ),
    "TF 1 file: shape of another": (
        "v1 file",
        _file('["image"], ["output"], input_shapes={"input": [1, 16, 16, 8]}'),
    ),
    "TF 1 file: shape with a port": (
        "v1 file",
        _file('["image"], ["output"], input_shapes={"image:0": [1, 16, 16, 8]}'),
    ),
    "TF 1 file: input stats of another": (
        "v1 file",
        _file('["image"], ["output"]')
        + "converter.inference_type = tf.uint8\n"
        + "converter.quantized_input_stats = {'input': (128, 127)}\n"
        + "converter.default_ranges_stats = (0, 6)\n",
    ),
    "TF 1 transformed: nothing": ("v1 transformed", _transformed()),
    "TF 1 transformed: folded": (
        "v1 transformed",
        _transformed("fold_batch_norms", "fold_constants"),
    ),
    "TF 1 transformed: quantize_weights": ("v1 transformed", _transformed("quantize_weights")),
    "TF 1 transformed: quantize_weights, uint8": (
        "v1 transformed",
        _transformed("quantize_weights") + _UINT8,
    ),
    "TF 1 transformed: quantize_weights, dummy": (
        "v1 transformed",
        _transformed("quantize_weights") + _UINT8 + _DUMMY,
    ),
    "TF 1 transformed: quantize_weights, optimize, data": (
        "v1 transformed",
        _transformed("quantize_weights") + _OPTIMIZE + _DATA,
    ),
    "TF 1 transformed: quantize_nodes": (
        "v1 transformed",
        _transformed("quantize_weights", "quantize_nodes"),
    ),
    "TF 1 transformed: quantize_nodes, dummy": (
        "v1 transformed",
        _transformed("quantize_weights", "quantize_nodes") + _UINT8 + _DUMMY,
    ),
    "TF 1 transformed: quantize_nodes, optimize, data": (
        "v1 transformed",
        _transformed("quantize_weights", "quantize_nodes") + _OPTIMIZE + _DATA,
    ),
    "TF 1 session: names": ("v1 file", _session('["image"], ["output"]')),
    "TF 1 session: tensors without lists": ("v1 file", _session("image, output")),
}
"""By name the kind of model and what is set on its converter.

For `v1 file`, and `v1 transformed` (in TensorFlow 1 alone), it says how the converter is made.
"""
