"""QL309 dummy-quantization."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.rules.calls import CallFinding, CallRule, Effect, Usage, told
from qlsp.rules.rule import Case
from qlsp.toolchain import Toolchain

_INVENTED = Effect("what has no measured range gets these, whatever its values are")


class DummyQuantization(CallRule):
    """`default_ranges_stats` invents the ranges of activations.

    ## What it does
    Finds `default_ranges_stats` on TensorFlow 1's converter.

    ## Why it matters
    Every tensor without fake-quantization gets the same range, so that any float graph converts.
    The result is for measuring speed: values outside of the range are cut off, and those much
    smaller than it are rounded away. Measured on a graph of a convolution and a ReLU without any
    fake-quantization (TF 2.5.3, 2.8.4, 2.21): `inference_type = tf.uint8` alone leaves the
    convolution in float, and raises in TF 1.15.5 (`does not have MinMax information`); with
    `default_ranges_stats = (0, 6)` it becomes uint8 in all of them.

    ## How to fix it
    Train with fake-quantization, or quantize after training with a representative dataset.

    ## When it does not apply
    To a first try of speed. On TensorFlow 2's converter the attribute has no effect, which
    [unknown-converter-attribute](unknown-converter-attribute.md) says.

    ## References
    - ["dummy quantization"](https://github.com/tensorflow/tensorflow/blob/v1.15.5/tensorflow/lite/g3doc/convert/cmdline_examples.md)
    """

    code = "QL309"
    name = "dummy-quantization"
    applicability = None
    workflows = ("float", "ptq", "qat", "tf1")
    bad = (
        Case(
            "one range for everything",
            """
            import tensorflow as tf

            converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [x], [y])
            converter.inference_type = tf.uint8
            converter.quantized_input_stats = {"input": (128, 127)}
            converter.default_ranges_stats = (0, 6)
            tflite = converter.convert()
            """,
        ),
    )
    good = (
        Case(
            "trained ranges",
            """
            import tensorflow as tf

            converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [x], [y])
            converter.inference_type = tf.uint8
            converter.quantized_input_stats = {"input": (128, 127)}
            tflite = converter.convert()
            """,
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every default range that a converter of TensorFlow 1 is given."""
        for call in usage.calls:
            if call.symbol != "converter.default_ranges_stats =" or call.args[:1] == (None,):
                continue
            if call.maker == "from_keras_model":
                continue

            def effect(toolchain: Toolchain, tf1: bool = call.tf1) -> Effect | None:
                of_tf1 = tf1 or toolchain.tensorflow.startswith("1.")
                return _INVENTED if of_tf1 else None

            found = told(usage.toolchains, effect, "tf1")
            if found is not None:
                yield CallFinding(call, f"Dummy quantization: {found.text}", found)
