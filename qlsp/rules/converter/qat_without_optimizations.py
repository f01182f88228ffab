"""QL310 qat-without-optimizations."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRule, Effect, Usage, raises, since, told
from qlsp.rules.converter.conversion import conversions
from qlsp.rules.rule import Case
from qlsp.toolchain import Toolchain

_REFUSED = raises("`convert` raises for the int8 input or output")
_FLOAT = Effect("every operator computes in float")


class QatWithoutOptimizations(CallRule):
    """A model from `quantize_model` is converted without `optimizations`, so it stays float.

    ## What it does
    Finds conversions of a model that comes from `quantize_model` or `quantize_apply`, by a
    converter whose `optimizations` are not set.

    ## Why it matters
    The trained ranges are used only if `optimizations` asks for quantization. Measured on a
    convolution, a mean and a matrix product (TF 2.5.3 with tfmot 0.6.0, TF 2.8.4 with tfmot 0.7.5,
    TF 2.21 with tfmot 0.8.1):

    | settings | what comes out |
    | --- | --- |
    | nothing | float operators between pairs of `QUANTIZE` and `DEQUANTIZE` |
    | `representative_dataset` | the same |
    | int8 input or output types | `ValueError`: must be tf.float32 |
    | `optimizations` | int8 operators |

    ## How to fix it
    Set `converter.optimizations = [tf.lite.Optimize.DEFAULT]`. The result is another model, so the
    fix counts as unsafe.

    ## When it does not apply
    To models that the source doesn't show to be quantized, such as those read from a file.

    ## References
    - [tfmot #775](https://github.com/tensorflow/model-optimization/issues/775)
    """

    code = "QL310"
    name = "qat-without-optimizations"
    applicability = Applicability.UNSAFE
    workflows = ("qat",)
    bad = (
        Case(
            "no settings at all",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            tflite = converter.convert()
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "what a quantized model needs",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            tflite = converter.convert()
            """,
            workflows=("qat",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every conversion of a quantized model that asks for no quantization."""
        for each in conversions(usage):
            if not each.quantized or each.optimizes is not False:
                continue
            if each.needs_int8 and each.has_data is not True:
                continue  # raises for want of data
            toolchains = [toolchain for toolchain in each.toolchains if toolchain.tfmot]
            refused = bool(each.io_types)

            def effect(toolchain: Toolchain, refused: bool = refused) -> Effect:
                return _REFUSED if refused and since(toolchain, "2.5") else _FLOAT

            found = told(toolchains, effect, "qat")
            if found is not None:
                yield CallFinding(
                    each.call,
                    f"A quantized model is converted without optimizations: {found.text}",
                    found,
                    each.place("optimizations"),
                    rewrites=each.with_optimizations(),
                )
