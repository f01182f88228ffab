"""QL215 keras3-with-tfmot."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.rules.calls import CallFinding, CallRule, Effect, Usage, raises, told
from qlsp.rules.rule import Case
from qlsp.toolchain import Toolchain

_TAKES_MODEL = frozenset({"quantize_model", "quantize_annotate_model"})
_KERAS_2 = ("tf_keras", "TF_USE_LEGACY_KERAS")
_KERAS_3 = Toolchain("2.21.0", 3, "0.8.1")
_REFUSED = raises("it raises ValueError")


class Keras3WithTfmot(CallRule):
    """A model of Keras 3 is given to tfmot, which knows Keras 2 only.

    ## What it does
    Finds `quantize_model` and `quantize_annotate_model` on a model that the same program builds
    with `tf.keras` or `keras`, where that is Keras 3: from TensorFlow 2.16 on, unless
    `TF_USE_LEGACY_KERAS` is set.

    ## Why it matters
    tfmot checks whether it is given a model of `tf_keras`, and a Keras 3 model is none, whatever is
    in it: ``ValueError: `to_quantize` can only either be a keras Sequential or Functional model.``
    Measured with TensorFlow 2.21 and tfmot 0.8.1 on 607 models, all of which are refused so.

    ## How to fix it
    Build the model with Keras 2: install `tf_keras` and either import that in place of
    `tf.keras`, or set the environment variable `TF_USE_LEGACY_KERAS=1` before TensorFlow is
    imported. Quantization after training works with both.

    ## When it does not apply
    To files that mention `tf_keras` or `TF_USE_LEGACY_KERAS`. If the variable is set elsewhere, set
    `keras = "2"` in `[tool.qlsp]`.

    ## References
    - [tfmot #1140](https://github.com/tensorflow/model-optimization/issues/1140),
      [tfmot #1144](https://github.com/tensorflow/model-optimization/issues/1144)
    """

    code = "QL215"
    name = "keras3-with-tfmot"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "`tf.keras` is Keras 3",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            """,
            workflows=("qat",),
            toolchains=(_KERAS_3,),
        ),
    )
    good = (
        Case(
            "Keras 2, asked for before TensorFlow is imported",
            """
            import os

            os.environ["TF_USE_LEGACY_KERAS"] = "1"
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            """,
            workflows=("qat",),
            toolchains=(_KERAS_3,),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every model of the program itself that tfmot is given."""
        if any(word in usage.document.text for word in _KERAS_2):
            return
        found = told(usage.toolchains, _effect, "qat")
        if found is None:
            return
        for call in usage.calls:
            if (
                call.symbol.startswith("tfmot.quantization.keras.")
                and call.method in _TAKES_MODEL
                and call.subject is not None
                and call.subject.kind == "float"
            ):
                message = f"{call.method} is given a model of Keras 3: {found.text}"
                yield CallFinding(call, message, found)


def _effect(toolchain: Toolchain) -> Effect | None:
    return _REFUSED if toolchain.keras == 3 else None
