"""QL214 load-without-quantize-scope."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability, Related
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Usage, raises, told
from qlsp.rules.qat.calls import function, in_scope
from qlsp.rules.rewrite.statements import WrapInWith
from qlsp.rules.rule import Case
from qlsp.trace.program import Call

_LOADS = ("keras.models.load_model", "keras.saving.load_model")
_CLONES = "keras.models.clone_model"
_HDF5 = (".h5", ".hdf5")
_FILES = (*_HDF5, ".keras")


class LoadWithoutQuantizeScope(CallRule):
    """A quantized model is read or cloned outside of `quantize_scope`.

    ## What it does
    Finds `load_model` of an HDF5 or Keras file that the same program saves a quantized model to,
    and `clone_model` of a quantized model, where neither is within `quantize_scope` nor given
    `custom_objects`.

    ## Why it matters
    Keras doesn't know tfmot's layers by name. Measured on TF 2.1.4 with tfmot 0.3.0,
    TF 2.5.3 with 0.6.0 and TF 2.21 with 0.8.1: `load_model` of an HDF5 file raises `ValueError:
    Unknown layer: 'QuantizeLayer'` or `QuantizeWrapper`, and `clone_model` a `ValueError` about
    `AllValuesQuantizer` or `Default8BitConvQuantizeConfig`. Within
    `quantize_scope` the file gives the same outputs as the model that was saved. A `.keras` file of
    TF 2.21 can't be read back within the scope either: save HDF5, or the weights.

    ## How to fix it
    Load within `with tfmot.quantization.keras.quantize_scope():`. The program raised before, so the
    fix counts as unsafe.

    ## When it does not apply
    To a folder in TensorFlow's SavedModel format, which keeps the layers themselves; to files whose
    content the source doesn't tell.

    ## References
    - [tfmot #426](https://github.com/tensorflow/model-optimization/issues/426),
      [tfmot #1122](https://github.com/tensorflow/model-optimization/issues/1122)
    """

    code = "QL214"
    name = "load-without-quantize-scope"
    applicability = Applicability.UNSAFE
    workflows = ("qat",)
    bad = (
        Case(
            "read as if it were a float model",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            quantized = tfmot.quantization.keras.quantize_model(model)
            quantized.save("quantized.h5")
            again = tf.keras.models.load_model("quantized.h5")
            """,
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            quantized = tfmot.quantization.keras.quantize_model(model)
            quantized.save("quantized.h5")
            with tfmot.quantization.keras.quantize_scope():
                again = tf.keras.models.load_model("quantized.h5")
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "within the scope",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            quantized = tfmot.quantization.keras.quantize_model(model)
            quantized.save("quantized.h5")
            with tfmot.quantization.keras.quantize_scope():
                again = tf.keras.models.load_model("quantized.h5")
            """,
            workflows=("qat",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every quantized model that Keras can't make again."""
        for call in usage.calls:
            saved: Call | None = None
            if call.symbol in _LOADS:
                saved = _saved(usage, call)
                if saved is None or call.kwargs.get("custom_objects") or len(call.args) > 1:
                    continue
            elif call.symbol == _CLONES:
                if call.subject is None or call.subject.kind != "quantized":
                    continue
            else:
                continue
            if in_scope(usage, call):
                continue
            found = told(usage.with_tfmot, raises(f"{call.method} raises"), "qat")
            if found is None:
                continue
            rewrites: tuple[CallRewrite, ...] = ()
            code = function(usage, "quantize_scope", call)
            path = call.args[0] if call.args else ""
            mends = saved is None or (isinstance(path, str) and path.endswith(_HDF5))
            if code is not None and call.site is not None and mends:
                change = WrapInWith(call.site, f"{code}()")
                rewrites = (CallRewrite("Use quantize_scope", Applicability.UNSAFE, (change,)),)
            related = (Related(saved.site, "saved here"),) if saved and saved.site else ()
            message = f"A quantized model outside of quantize_scope: {found.text}"
            yield CallFinding(call, message, found, related=related, rewrites=rewrites)


def _saved(usage: Usage, call: Call) -> Call | None:
    """The last call that saved a model to the file, if that was a quantized one."""
    path = call.args[0] if call.args else call.kwargs.get("filepath")
    if not isinstance(path, str) or not path.endswith(_FILES):
        return None
    saves = [each for each in usage.before(call) if each.symbol == "model.save"]
    same = [each for each in saves if path in (*each.args[:1], each.kwargs.get("filepath"))]
    if not same or same[-1].subject is None:
        return None
    return same[-1] if same[-1].subject.kind == "quantized" else None
