"""QL211 mixed-precision-with-quantize."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Related
from qlsp.rules.calls import CallFinding, CallRule, Usage, raises, told
from qlsp.rules.qat.calls import QUANTIZE
from qlsp.rules.rule import Case
from qlsp.trace.program import Call

_POLICIES = (
    "keras.config.set_dtype_policy",
    "keras.mixed_precision.set_global_policy",
    "keras.mixed_precision.set_policy",
)
_HALF = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


class MixedPrecisionWithQuantize(CallRule):
    """A policy of half precision is in force where `quantize_model` is called.

    ## What it does
    Finds `set_global_policy("mixed_float16")` and its like before a call of `quantize_model` or
    `quantize_apply`.

    ## Why it matters
    The layers that tfmot adds compute in float32, and the values that they are given are float16.
    Measured on TF 2.5.3 with tfmot 0.6.0 and TF 2.21 with tfmot 0.8.1, for `mixed_float16`,
    `mixed_bfloat16` and `float16`, set before the model is built or only before it is quantized:
    `quantize_model` raises a `TypeError` from within its own layers. Nor does a model built under
    such a policy convert without tfmot: `'tf.Conv2D' op is neither a custom op nor a flex op`.

    ## How to fix it
    Train in float32: take the policy out, or set it back to `"float32"` before the model is built.
    There is no automatic fix, as the policy is there for a reason.

    ## When it does not apply
    To policies that the source doesn't tell, or that only one arm of a condition sets.

    ## References
    - [tfmot #367](https://github.com/tensorflow/model-optimization/issues/367)
    """

    code = "QL211"
    name = "mixed-precision-with-quantize"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "half precision",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            tf.keras.mixed_precision.set_global_policy("mixed_float16")
            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "float32",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            tf.keras.mixed_precision.set_global_policy("mixed_float16")
            teacher = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            tf.keras.mixed_precision.set_global_policy("float32")
            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            """,
            workflows=("qat",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every call of tfmot under such a policy."""
        for call in usage.calls:
            if call.symbol not in QUANTIZE:
                continue
            policy = _policy(usage, call)
            if policy is None:
                continue
            found = told(usage.with_tfmot, raises(f"{call.method} raises"), "qat")
            if found is not None:
                related = (Related(policy.site, "the policy"),) if policy.site else ()
                message = f"{call.method} under the policy {policy.args[0]}: {found.text}"
                yield CallFinding(call, message, found, related=related)


def _policy(usage: Usage, call: Call) -> Call | None:
    """The last policy set before `call`, if it certainly is one of half precision."""
    policies = [each for each in usage.before(call) if each.symbol in _POLICIES]
    if not policies:
        return None
    last = policies[-1]
    surely = set(last.conditions) <= set(call.conditions)
    return last if surely and last.args[:1] and last.args[0] in _HALF else None
