"""QL212 quantize-before-weights."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Related
from qlsp.rules.calls import CallFinding, CallRule, Effect, Usage, raises, told
from qlsp.rules.qat.calls import QUANTIZATION, is_read_after
from qlsp.rules.rule import Case
from qlsp.trace.program import Call

_LOST = Effect("the quantized model keeps the weights that it was made with")
_MAKES = (f"{QUANTIZATION}.quantize_model", f"{QUANTIZATION}.quantize_apply")


class QuantizeBeforeWeights(CallRule):
    """Weights are loaded after `quantize_model`, where they don't reach the quantized model.

    ## What it does
    Finds `load_weights` on a float model that was quantized before and is not used any more
    afterwards, and `load_weights` on a quantized model of a file that the same program saves the
    weights of a float model to.

    ## Why it matters
    `quantize_model` copies the weights into a new model whose layers are wrapped and have further
    variables. Measured on TF 2.1.4 with tfmot 0.3.0, TF 2.5.3 with 0.6.0 and TF 2.21 with 0.8.1:

    | what is done | what comes out |
    | --- | --- |
    | the float model is given weights afterwards | the quantized one gives what it gave before |
    | the quantized model reads float weights from HDF5 | `ValueError`, for it has other layers and variables |
    | it reads them `by_name` | nothing is said, and its weights stay (of another model `ValueError`, 2.21) |
    | it reads them from a TensorFlow checkpoint | nothing is said, and its weights stay |

    ## How to fix it
    Load the float weights before `quantize_model`; save and load those of the quantized model by
    itself.

    ## When it does not apply
    Where the float model is used again after it was given its weights, e.g. for comparison.

    ## References
    - [tensorflow #59274](https://github.com/tensorflow/tensorflow/issues/59274),
      [tfmot #377](https://github.com/tensorflow/model-optimization/issues/377)
    """  # noqa: E501

    code = "QL212"
    name = "quantize-before-weights"
    applicability = None
    workflows = ("qat",)
    bad = (
        Case(
            "too late",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            quantized = tfmot.quantization.keras.quantize_model(model)
            model.load_weights("trained.h5")
            quantized.compile("adam", "mse")
            quantized.fit(curves, labels)
            """,
            workflows=("qat",),
        ),
        Case(
            "float weights for a quantized model",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model.save_weights("trained.h5")
            quantized = tfmot.quantization.keras.quantize_model(model)
            quantized.load_weights("trained.h5")
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "in time",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model.load_weights("trained.h5")
            quantized = tfmot.quantization.keras.quantize_model(model)
            quantized.compile("adam", "mse")
            quantized.fit(curves, labels)
            """,
            workflows=("qat",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every file of weights that is read in vain."""
        for call in usage.calls:
            if call.symbol != "model.load_weights" or call.subject is None:
                continue
            if call.subject.kind == "float":
                yield from _too_late(usage, call)
            elif call.subject.kind == "quantized":
                yield from _of_float(usage, call)


def _too_late(usage: Usage, call: Call) -> Iterator[CallFinding]:
    made = [
        each
        for each in usage.before(call)
        if each.symbol in _MAKES and each.is_about(call.subject) and each.result is not None
    ]
    if not made or is_read_after(usage, call.site):
        return
    if any(each.is_about(call.subject) for each in usage.after(call)):
        return
    used = {each.subject.number for each in usage.after(call) if each.subject is not None}
    used |= {each.model.number for each in usage.after(call) if each.model is not None}
    if not any(each.result is not None and each.result.number in used for each in made):
        return
    found = told(usage.with_tfmot, _LOST, "qat")
    if found is not None:
        related = (Related(made[-1].site, "quantized here"),) if made[-1].site else ()
        message = f"Weights are loaded after the model was quantized: {found.text}"
        yield CallFinding(call, message, found, related=related)


def _of_float(usage: Usage, call: Call) -> Iterator[CallFinding]:
    path = call.args[0] if call.args else call.kwargs.get("filepath")
    saves = [
        each
        for each in usage.before(call)
        if each.symbol == "model.save_weights" and path in (*each.args[:1], *each.kwargs.values())
    ]
    if not isinstance(path, str) or not saves:
        return
    saved = saves[-1]
    if saved.subject is None or saved.subject.kind != "float":
        return
    hdf5 = path.endswith((".h5", ".hdf5")) and "by_name" not in call.kwargs
    effect = raises("load_weights raises") if hdf5 else Effect("the float weights are not taken")
    found = told(usage.with_tfmot, effect, "qat")
    if found is not None:
        related = (Related(saved.site, "saved here"),) if saved.site else ()
        message = f"A quantized model is given weights of the float one: {found.text}"
        yield CallFinding(call, message, found, related=related)
