"""QL213 annotate-without-apply."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Effect, Usage, told
from qlsp.rules.qat.calls import QUANTIZATION, function
from qlsp.rules.rewrite.statements import AddAfter
from qlsp.rules.rule import Case
from qlsp.trace.program import Call, Subject

_EFFECT = Effect("nothing is quantized in training, and it converts like the float model")


class AnnotateWithoutApply(CallRule):
    """A model is marked for quantization and used without `quantize_apply`.

    ## What it does
    Finds models from `quantize_annotate_model` that are trained or converted as they are.

    ## Why it matters
    The annotation wraps each layer and changes nothing in what it computes. Measured on TF 2.5.3
    with tfmot 0.6.0, TF 2.8.4 with tfmot 0.7.5 and TF 2.21 with tfmot 0.8.1: such a model trains
    without any fake-quantization, and converts to a float model, or with `optimizations` to one of
    dynamic range, like the model that it was made from.

    ## How to fix it
    `tfmot.quantization.keras.quantize_apply(annotated)` gives the model to train. The model is
    another one then, so the fix is unsafe.

    ## When it does not apply
    To models that are only partly annotated, layer by layer.

    ## References
    - [tensorflow #48007](https://github.com/tensorflow/tensorflow/issues/48007)
    """

    code = "QL213"
    name = "annotate-without-apply"
    applicability = Applicability.UNSAFE
    workflows = ("qat",)
    bad = (
        Case(
            "only annotated",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_annotate_model(model)
            model.compile("adam", "mse")
            model.fit(curves, labels)
            """,
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_annotate_model(model)
            model = tfmot.quantization.keras.quantize_apply(model)
            model.compile("adam", "mse")
            model.fit(curves, labels)
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "annotated and applied",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            annotated = tfmot.quantization.keras.quantize_annotate_model(model)
            model = tfmot.quantization.keras.quantize_apply(annotated)
            model.compile("adam", "mse")
            model.fit(curves, labels)
            """,
            workflows=("qat",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every annotated model that is used."""
        for call in usage.calls:
            result = call.result
            if call.symbol != f"{QUANTIZATION}.quantize_annotate_model" or result is None:
                continue
            used = next((each for each in usage.after(call) if _uses(each, result)), None)
            if used is None or not usage.stays_local(call, used):
                continue
            if any(_applies(each, result) for each in usage.after(call)):
                continue
            found = told(usage.with_tfmot, _EFFECT, "qat")
            if found is None:
                continue
            rewrites: tuple[CallRewrite, ...] = ()
            code = function(usage, "quantize_apply", call)
            if code is not None and call.site is not None:
                change = AddAfter(call.site, f"{{name}} = {code}({{name}})")
                rewrites = (CallRewrite("Apply it", Applicability.UNSAFE, (change,)),)
            message = f"The model is annotated, but not quantized: {found.text}"
            yield CallFinding(call, message, found, rewrites=rewrites)


def _uses(call: Call, model: Subject) -> bool:
    if call.symbol == "converter.convert":
        return model.is_same(call.model)
    kept = call.subject is not None and not call.subject.lost
    return call.symbol == "model.fit" and kept and call.is_about(model)


def _applies(call: Call, model: Subject) -> bool:
    return call.symbol == f"{QUANTIZATION}.quantize_apply" and call.is_about(model)
