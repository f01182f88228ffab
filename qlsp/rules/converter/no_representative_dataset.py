"""QL301 no-representative-dataset."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Severity
from qlsp.rules.calls import CallFinding, CallRule, Effect, Usage, told
from qlsp.rules.converter.conversion import conversions
from qlsp.rules.rule import Case

_EFFECT = Effect("int8 weights, but every operator computes in float", Severity.INFORMATION)


class NoRepresentativeDataset(CallRule):
    """`optimizations` alone quantizes the weights, and leaves the arithmetic in float.

    ## What it does
    Finds conversions with `optimizations` but without a `representative_dataset`, of models that
    were not quantized in training, where nothing else says what kind of quantization is meant.

    ## Why it matters
    The converter needs examples to learn the ranges of activations. Without them it quantizes
    "dynamic range": it stores weights of 1024 elements and more as int8, and each operator still
    takes and gives float. Measured on a convolution, a mean and a matrix product:

    | settings | what comes out |
    | --- | --- |
    | `optimizations` | float operators, int8 weights |
    | `optimizations`, weights smaller than 1024 elements | a float model |
    | `optimizations`, `representative_dataset` | int8 operators, float input and output |

    The same on TF 2.1.4, 2.5.3, 2.8.4 and 2.21. A microcontroller refuses such a model (`Hybrid
    models are not supported`), and so do the Edge TPU and most NPUs.

    ## How to fix it
    Give a function that yields a list with one array per input, about a hundred times:

    ```python
    def representative_dataset():
        for image in images[:100]:
            yield [image[None].astype("float32")]
    ```

    ## When it does not apply
    Where dynamic range is what you want: a smaller file for a CPU that computes in float. It is
    information, not a warning. A model from `quantize_model` has its ranges; float16 and int16
    targets are left alone.

    ## References
    - [tensorflow #43386](https://github.com/tensorflow/tensorflow/issues/43386),
      [tflite-micro #1556](https://github.com/tensorflow/tflite-micro/issues/1556)
    """

    code = "QL301"
    name = "no-representative-dataset"
    applicability = None
    workflows = ("ptq",)
    bad = (
        Case(
            "weights only",
            """
            import tensorflow as tf

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            tflite = converter.convert()
            """,
            workflows=("ptq",),
        ),
    )
    good = (
        Case(
            "with examples",
            """
            import tensorflow as tf


            def representative_dataset():
                for curve in curves:
                    yield [curve[None]]


            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            tflite = converter.convert()
            """,
            workflows=("ptq",),
        ),
        Case(
            "float16 weights",
            """
            import tensorflow as tf

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
            tflite = converter.convert()
            """,
            workflows=("ptq",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every conversion that gives dynamic range."""
        for each in conversions(usage):
            asked = each.optimizes and each.is_plain_int8 and each.quantized is False
            if not asked or each.has_data is not False:
                continue
            if each.needs_int8 is not False or each.io_types != ():
                continue  # convert raises
            found = told(each.toolchains, _EFFECT)
            if found is not None:
                yield CallFinding(
                    each.call,
                    f"No representative dataset: {found.text}",
                    found,
                    each.place("optimizations"),
                )
