"""QL218 unbuilt-model."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.rules.calls import CallFinding, CallRule, Usage, raises, told
from qlsp.rules.qat.calls import ANNOTATE, QUANTIZE, is_touched_before
from qlsp.rules.rule import Case

_HARMLESS = ("add", "compile", "pop", "name")


class UnbuiltModel(CallRule):
    """A Sequential that doesn't know the shape of its input is quantized.

    ## What it does
    Finds `quantize_model` of a `Sequential` whose first layer is not given an input shape, and that
    nothing has built, and `quantize_apply` of such a model that was annotated. To annotate it does
    not raise yet.

    ## Why it matters
    Such a model has no weights before it sees data, so there is nothing to wrap: `ValueError:
    model must be a built model. been built yet. Please call model.build(input_shape) before
    quantizing your model` (measured on TF 2.1.4 with tfmot 0.3.0, TF 2.5.3 with 0.6.0
    and TF 2.21 with 0.8.1).

    ## How to fix it
    Begin with `Input((height, width, channels))`, or give the first layer an `input_shape`. What
    the shape is only you can say.

    ## When it does not apply
    To models that are trained, called or handed on before they are quantized.

    ## References
    - [tensorflow #41728](https://github.com/tensorflow/tensorflow/issues/41728),
      [tfmot #378](https://github.com/tensorflow/model-optimization/issues/378)
    """

    code = "QL218"
    name = "unbuilt-model"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "no shape",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64), tf.keras.layers.ReLU()])
            model = tfmot.quantization.keras.quantize_model(model)
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "the shape is given",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential()
            model.add(tf.keras.layers.Dense(64, input_shape=(64,)))
            model = tfmot.quantization.keras.quantize_model(model)
            """,
            workflows=("qat",),
        ),
        Case(
            "built",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64), tf.keras.layers.ReLU()])
            model.build((None, 64))
            model = tfmot.quantization.keras.quantize_model(model)
            """,
            workflows=("qat",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every such model that is given to tfmot."""
        for call in usage.calls:
            if call.symbol not in QUANTIZE:
                continue
            made = [each for each in usage.before(call) if each.gives(call.subject)]
            given = [call, *(each for each in made[-1:] if each.symbol == ANNOTATE)]
            model = given[-1].subject
            if model is None or not model.shapeless:
                continue
            if any(is_touched_before(usage, each.site, _HARMLESS) for each in given):
                continue
            found = told(usage.with_tfmot, raises(f"{call.method} raises"), "qat")
            if found is not None:
                message = f"The model doesn't know the shape of its input: {found.text}"
                yield CallFinding(call, message, found)
