"""Convert a built Keras model to TFLite, by each workflow.

The recipes are those of the evidence: `float`; `ptq` (Optimize.DEFAULT, representative data,
int8 built-ins only, int8 input and output); `qat` (tfmot's `quantize_model`, a few calibration
steps in training mode, Optimize.DEFAULT, int8 input and output; ranges come from training
alone unless representative data is given).
"""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence

from .exporting import export

Examples = Sequence[Sequence[Any]]
"""Representative data: per example one array per model input, batch axis included."""

_NO_SPACE = os.strerror(errno.ENOSPC)


@dataclass
class Failure:
    """An exception, with the stage it came from: `build`, `quantize` or `convert`."""

    stage: str
    type: str
    message: str
    trace: str = ""

    @classmethod
    def of(cls, stage: str, error: BaseException) -> Failure:
        """The failure that `error`, being handled, is; a full disk is none of the converter's."""
        if _NO_SPACE in str(error):
            raise error
        return cls(stage, type(error).__name__, str(error), traceback.format_exc())


@dataclass
class Converted:
    """A converted model, or why there is none."""

    content: bytes | None = None
    failure: Failure | None = None
    integer_io: bool = False
    """Whether int8 input and output were asked for; converters before TF 2.3 can't."""
    quantized: Any = None
    """For `qat`, the model that `quantize_model` made."""


def convert(
    model: Any, workflow: str, examples: Examples, representative: bool = False
) -> Converted:
    """Convert `model` by `workflow` (`float`, `ptq` or `qat`); errors are captured.

    `examples` calibrate `ptq` and train the ranges of `qat`; with `representative` they are
    also given to the converter of `qat`, which fills ranges that training did not set.
    """
    stage = "convert"
    quantized = None
    integer_io = workflow != "float" and supports_integer_io()
    try:
        if workflow == "qat" and not is_ready(model):
            stage = "quantize"
            quantized = quantize_aware(model)
            calibrate(quantized, examples)
            stage = "convert"
        if hasattr(model, "converter"):  # a graph without Keras
            converter = model.converter(workflow)
        else:
            converter = make_converter(model if quantized is None else quantized, examples)
        if workflow == "tf1":
            return Converted(bytes(converter.convert()), None, True, None)
        if workflow != "float":
            calibrating = workflow == "ptq" or representative
            names = input_names(model if quantized is None else quantized)
            _quantize(converter, _dataset(examples, names) if calibrating else None)
            if workflow == "ptq":
                _integer_only(converter)
        if integer_io:
            _integer_io(converter)
        content = converter.convert()
    except Exception as error:
        return Converted(failure=Failure.of(stage, error), quantized=quantized)
    return Converted(bytes(content), None, integer_io, quantized)


def convert_quantized(quantized: Any, examples: Examples) -> Converted:
    """Convert a model that tfmot has quantized, its ranges as they are."""
    try:
        converter = make_converter(quantized, examples)
        _quantize(converter, None)
        if supports_integer_io():
            _integer_io(converter)
        content = converter.convert()
    except Exception as error:
        return Converted(failure=Failure.of("convert", error), quantized=quantized)
    return Converted(bytes(content), None, supports_integer_io(), quantized)


def is_ready(model: Any) -> bool:
    """Whether a model brings its quantizers along, so that `qat` only has to convert it."""
    from .describe import is_quantized

    return bool(getattr(model, "quantized", False)) or (
        hasattr(model, "layers") and is_quantized(model)
    )


def quantize_aware(model: Any) -> Any:
    """`model` as tfmot's `quantize_model` rewrites it. Raises what tfmot raises."""
    import tensorflow_model_optimization as tfmot

    return tfmot.quantization.keras.quantize_model(model)


def calibrate(quantized: Any, examples: Examples) -> None:
    """Move the learned ranges as training would, leaving the weights where they are."""
    for example in examples:
        call(quantized, example, training=True)


def call(model: Any, inputs: Sequence[Any], training: bool = False) -> Any:
    """The model's output for one example."""
    return model(list(inputs) if len(inputs) > 1 else inputs[0], training=training)


def make_converter(model: Any, examples: Examples) -> Any:
    """A converter for a Keras model of any kind."""
    import tensorflow as tf

    find_toco()
    converters = tf.compat.v2.lite.TFLiteConverter  # `tf.lite` of TensorFlow 1.15 has its own
    if version() >= (2, 8):
        folder = tempfile.TemporaryDirectory()
        if export(model, folder.name):
            converter = converters.from_saved_model(folder.name)
            converter.qlsp_folder = folder  # is removed with the converter
            return converter
    if keras_generation(model) == 3 or _remembers_inputs(model):
        return converters.from_keras_model(model)
    # The converter can't tell the inputs of a subclassed model before TF 2.2.
    signature = [
        tf.TensorSpec((1, *array.shape[1:]), array.dtype, name=f"input_{index}")
        for index, array in enumerate(examples[0])
    ]

    @tf.function  # type: ignore[untyped-decorator, unused-ignore]
    def traced(*inputs: Any) -> Any:
        return call(model, inputs)

    concrete = traced.get_concrete_function(*signature)
    return converters.from_concrete_functions([concrete])


def input_names(model: Any) -> list[str]:
    """What the converter calls the inputs of a Keras model, in Keras's order; empty if unknown."""
    names = [str(each.name).split(":")[0] for each in getattr(model, "inputs", None) or []]
    return names if len(set(names)) == len(names) else []


def _remembers_inputs(model: Any) -> bool:
    spec = getattr(model, "_saved_model_inputs_spec", None)  # of a subclassed model, once called
    return bool(getattr(model, "inputs", None)) or spec is not None


def find_toco() -> None:
    """Converters before TF 2.3 run `toco_from_protos` as a program, found on the PATH."""
    scripts = str(Path(sys.executable).parent)
    if version() < (2, 3) and scripts not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ["PATH"]])


def version() -> Any:
    """TensorFlow's version as two numbers."""
    import tensorflow as tf

    return tuple(int(part) for part in tf.__version__.split(".")[:2])


def supports_integer_io() -> bool:
    """Whether the converter takes int8 input and output (from TF 2.3)."""
    return bool(version() >= (2, 3))


def _quantize(converter: Any, dataset: Callable[[], Any] | None) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if dataset is not None:
        converter.representative_dataset = dataset


def _dataset(examples: Examples, names: Sequence[str]) -> Callable[[], Any]:
    """Several inputs by name, where the converter takes names: it shuffles them there."""
    named = len(names) > 1 and version() >= (2, 8)

    def generate() -> Any:
        for example in examples:
            yield dict(zip(names, example)) if named else list(example)

    return generate


def _integer_only(converter: Any) -> None:
    import tensorflow as tf

    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]


def _integer_io(converter: Any) -> None:
    import tensorflow as tf

    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8


def tfmot_version() -> str | None:
    """The version of tfmot that would be imported, or None; does not import it."""
    spec = importlib.util.find_spec("tensorflow_model_optimization")
    if spec is None or spec.origin is None:
        return None
    names: dict[str, Any] = {}
    path = Path(spec.origin).parent / "python" / "core" / "version.py"
    exec(path.read_text(encoding="utf-8"), names)
    return str(names["__version__"])


def keras2() -> Any:
    """The Keras 2 that goes with this TensorFlow, the one that tfmot uses."""
    try:
        import tf_keras

        return tf_keras
    except ImportError:
        import tensorflow as tf

        return tf.keras


def keras_generation(model: Any) -> int:
    """2 or 3: of which Keras a model is."""
    modules = [cls.__module__ for cls in type(model).__mro__]
    return 3 if any(name.startswith("keras.src.models.") for name in modules) else 2


def keras_package(model: Any) -> str:
    """The package that a model's Keras is from, with its version: `tf_keras 2.21.0`."""
    import tensorflow as tf

    roots = [cls.__module__.split(".")[0] for cls in type(model).__mro__]
    root = next((each for each in roots if each in ("keras", "tf_keras")), None)
    if root is None:
        return "tf.keras " + str(getattr(tf.keras, "__version__", tf.__version__))
    return f"{root} {sys.modules[root].__version__}"
