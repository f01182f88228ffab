"""QL307 select-tf-ops."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Effect, Usage, told
from qlsp.rules.converter.conversion import Conversion, conversions, written
from qlsp.rules.rule import Case

_BUILTINS = "tf.lite.OpsSet.TFLITE_BUILTINS"
_SELECT = "tf.lite.OpsSet.SELECT_TF_OPS"
_EFFECT = Effect("every operator is TensorFlow's own, in float")


class SelectTfOps(CallRule):
    """`SELECT_TF_OPS` is the only operator set, so nothing becomes a TensorFlow Lite operator.

    ## What it does
    Finds conversions whose `supported_ops` are `[SELECT_TF_OPS]` alone.

    ## Why it matters
    The set is meant as a fallback beside the built-in operators. Measured on a convolution with
    ReLU, a mean and a matrix product, with `optimizations` and a representative dataset:

    | `supported_ops` | TF 2.5.3, TF 2.8.4 | TF 2.21 |
    | --- | --- | --- |
    | `SELECT_TF_OPS` | `FlexConv2D` `FlexBiasAdd` `FlexRelu` `FlexMean` `FlexMatMul` in float | `RuntimeError`: not supported by this interpreter |
    | `TFLITE_BUILTINS_INT8`, `SELECT_TF_OPS` | `CONV_2D` `MEAN` `FULLY_CONNECTED` in int8 | the same |
    | `TFLITE_BUILTINS_INT8` | the same | the same |

    ## How to fix it
    Name `TFLITE_BUILTINS` first, or `TFLITE_BUILTINS_INT8` for integers. The model is another one
    then, so the fix is unsafe.

    ## When it does not apply
    To `SELECT_TF_OPS` beside other sets. Where built-in operators do, it changed nothing in what
    was measured, also for an operator without an integer form. An operator that needs it (measured
    on TF 2.21: `AdjustHue`, `MatrixDeterminant`) converts to float with it and is refused without;
    beside a representative dataset `convert` raises in any case, as the calibration can't run it.

    ## References
    - [tensorflow #43985](https://github.com/tensorflow/tensorflow/issues/43985)
    """  # noqa: E501

    code = "QL307"
    name = "select-tf-ops"
    applicability = Applicability.UNSAFE
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "the fallback alone",
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.target_spec.supported_ops = [tf.lite.OpsSet.SELECT_TF_OPS]
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
            tflite = converter.convert()
            """,  # noqa: E501
        ),
    )
    good = (
        Case(
            "as a fallback",
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.target_spec.supported_ops = [
                tf.lite.OpsSet.TFLITE_BUILTINS,
                tf.lite.OpsSet.SELECT_TF_OPS,
            ]
            tflite = converter.convert()
            """,
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every conversion without built-in operators."""
        for each in conversions(usage):
            if each.ops != frozenset([_SELECT]):
                continue
            found = told(each.toolchains, _EFFECT)
            if found is not None:
                yield CallFinding(
                    each.call,
                    f"SELECT_TF_OPS is the only operator set: {found.text}",
                    found,
                    each.place("target_spec.supported_ops"),
                    rewrites=_with_builtins(each),
                )


def _with_builtins(each: Conversion) -> tuple[CallRewrite, ...]:
    builtins, select = (written(each.usage, name) for name in (_BUILTINS, _SELECT))
    code = f"[{builtins}, {select}]" if builtins and select else None
    return each.with_value("target_spec.supported_ops", code, "Add the built-in operators")
