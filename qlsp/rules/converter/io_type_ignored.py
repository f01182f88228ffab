"""QL303 io-type-ignored."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Effect, Usage, raises, told
from qlsp.rules.converter.attributes import known
from qlsp.rules.converter.conversion import IO_TYPES, Conversion, conversions, written
from qlsp.rules.rule import Case
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import Symbol

_IGNORED = Effect("TensorFlow takes no notice of it, and the model takes and gives float")
_REFUSED = raises("`convert` raises, as the types can only be float32 without quantization")


class IoTypeIgnored(CallRule):
    """Integer input and output types are set where the converter can't or doesn't give them.

    ## What it does
    Finds `inference_input_type` and `inference_output_type` that are set to an integer type in a
    conversion that is not an integer quantization, or to NumPy's type instead of TensorFlow's.

    ## Why it matters
    Measured on a convolution, a mean and a matrix product:

    | settings | TF 2.1.4 | TF 2.5.3, 2.8.4, 2.21 |
    | --- | --- | --- |
    | `tf.int8`, perhaps `optimizations` | float in and out | `ValueError`: must be tf.float32 |
    | `tf.int8`, int8 operators, `optimizations`, data | float in and out | int8 in and out |
    | `np.int8`, the same | float in and out | `ValueError: Unsupported TensorFlow type` |
    | `tf.int8`, int16 activations | | `ValueError`: must be in float32, int16 |

    TF 2.1 has no such attributes, and takes any attribute that is set on a converter.

    ## How to fix it
    Give a representative dataset and `optimizations`, or leave the types at float. NumPy's types
    are replaced by TensorFlow's, which changes what comes out: an unsafe fix.

    ## When it does not apply
    To conversions whose other settings can't be decided, and to TF 2.1 where it is only one of
    several versions that may be used. Where
    [incomplete-int8-settings](incomplete-int8-settings.md) or
    [qat-without-optimizations](qat-without-optimizations.md) says what is missing, this rule is
    silent.

    ## References
    - [tensorflow #38285](https://github.com/tensorflow/tensorflow/issues/38285),
      [tensorflow #42092](https://github.com/tensorflow/tensorflow/issues/42092)
    """

    code = "QL303"
    name = "io-type-ignored"
    applicability = Applicability.UNSAFE
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "nothing to calibrate on",
            """
            import tensorflow as tf

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.inference_input_type = tf.int8
            tflite = converter.convert()
            """,
        ),
        Case(
            "NumPy's type",
            """
            import numpy as np
            import tensorflow as tf


            def representative_dataset():
                for curve in curves:
                    yield [curve[None]]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            converter.inference_input_type = np.int8
            tflite = converter.convert()
            """,
            """
            import numpy as np
            import tensorflow as tf


            def representative_dataset():
                for curve in curves:
                    yield [curve[None]]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            converter.inference_input_type = tf.int8
            tflite = converter.convert()
            """,
        ),
    )
    good = (
        Case(
            "a full integer conversion",
            """
            import tensorflow as tf


            def representative_dataset():
                for curve in curves:
                    yield [curve[None]]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            tflite = converter.convert()
            """,
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every conversion whose types are not given."""
        for each in conversions(usage):
            if each.io_types:
                yield from _found(each)


def _found(each: Conversion) -> Iterator[CallFinding]:
    for name in IO_TYPES:
        held = each.setting(name)
        if held is None or held not in (each.io_types or ()) or not isinstance(held.value, Symbol):
            continue
        given = held.value.name
        of_numpy = given.startswith("numpy.")
        refused = _refused(each)
        # A program for a range of versions is written for the newest.
        wanting = bool(each.toolchains) and not known(each.toolchains[-1], name)

        def effect(
            toolchain: Toolchain,
            name: str = name,
            of_numpy: bool = of_numpy,
            refused: bool = refused,
            wanting: bool = wanting,
        ) -> Effect | None:
            if not known(toolchain, name):
                return _IGNORED if wanting else None
            if of_numpy:
                return raises("`convert` raises, as it takes TensorFlow's types only")
            return _REFUSED if refused else None

        found = told(each.toolchains, effect)
        if found is not None:
            subject = "NumPy's type" if of_numpy else f"`{name}` of {given}"
            rewrites = _of_tensorflow(each, name, given) if of_numpy else ()
            yield CallFinding(
                each.call, f"{subject}: {found.text}", found, each.place(name), rewrites=rewrites
            )


def _refused(each: Conversion) -> bool:
    """Whether the conversion certainly isn't one to integers, and no other rule says so."""
    if each.quantized is not False or each.needs_int8 is not False or not each.is_plain_int8:
        return False
    return each.has_data is False and each.optimizes is not None


def _of_tensorflow(each: Conversion, name: str, given: str) -> tuple[CallRewrite, ...]:
    code = written(each.usage, f"tf.{given.rpartition('.')[2]}")
    return each.with_value(name, code, "Use TensorFlow's type")
