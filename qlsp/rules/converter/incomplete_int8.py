"""QL302 incomplete-int8-settings."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Effect, Usage, raises, since, told
from qlsp.rules.converter.conversion import OPTIMIZE, Conversion, conversions, written
from qlsp.rules.rewrite.statements import RemoveStatement
from qlsp.rules.rule import Case
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import Symbol

_OPS = "target_spec.supported_ops"
_TYPES = "target_spec.supported_types"
_REFUSED = raises("`convert` raises for the int8 input or output")
_UNUSED = Effect("the model stays float, and the data is not used")


class IncompleteInt8Settings(CallRule):
    """Integer operators are asked for without `optimizations`, or without data to calibrate on.

    ## What it does
    Finds conversions whose settings ask for integer arithmetic (`TFLITE_BUILTINS_INT8`,
    `supported_types = [tf.int8]`, a `representative_dataset`) and lack one of the two that bring it
    about: `optimizations` and `representative_dataset`. Also `optimizations` and `supported_ops`
    that hold something else than a list of the converter's own constants.

    ## Why it matters
    Measured on a convolution, a mean and a matrix product (TF 2.5.3, 2.8.4 and 2.21):

    | settings | what comes out |
    | --- | --- |
    | int8 operators | `ValueError`: a representative dataset must be specified |
    | int8 operators, `optimizations` | the same, also for a model from `quantize_model` |
    | `representative_dataset` | a float model, without a warning |
    | int8 operators, `representative_dataset` | a float model, without a warning |
    | `optimizations = [True]`, `["DEFAULT"]` | a float model, without a warning |
    | `optimizations = tf.lite.Optimize.DEFAULT` | `TypeError` in `convert` |
    | all three | int8 operators |

    TF 2.1.4 takes int8 operators with data for a wish to quantize, and gives int8 operators without
    `optimizations`; the rest is the same there.

    ## How to fix it
    Set `optimizations`. For a model from `quantize_model`, which knows its ranges, leave
    `supported_ops` out. The converted model is another one than before, so both count as unsafe.
    Examples for a representative dataset are yours to give.

    ## When it does not apply
    To settings that differ between the arms of a condition that can't be decided.

    ## References
    - [tensorflow #38285](https://github.com/tensorflow/tensorflow/issues/38285),
      [tfmot #775](https://github.com/tensorflow/model-optimization/issues/775)
    """

    code = "QL302"
    name = "incomplete-int8-settings"
    applicability = Applicability.UNSAFE
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "a representative dataset that nothing asks for",
            """
            import tensorflow as tf


            def representative_dataset():
                for curve in curves:
                    yield [curve[None]]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.representative_dataset = representative_dataset
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf


            def representative_dataset():
                for curve in curves:
                    yield [curve[None]]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            tflite = converter.convert()
            """,
        ),
        Case(
            "int8 operators for a model quantized in training",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model = tfmot.quantization.keras.quantize_model(model)
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            tflite = converter.convert()
            """,
            workflows=("qat",),
        ),
        Case(
            "not a list",
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = tf.lite.Optimize.DEFAULT
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            tflite = converter.convert()
            """,
        ),
    )
    good = (
        Case(
            "all three",
            """
            import tensorflow as tf


            def representative_dataset():
                for curve in curves:
                    yield [curve[None]]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            tflite = converter.convert()
            """,
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every conversion that lacks a setting."""
        for each in conversions(usage):
            found = _not_a_list(each) or _without_data(each) or _without_optimizations(each)
            if found is not None:
                yield found


def _without_data(each: Conversion) -> CallFinding | None:
    if not each.needs_int8 or each.has_data is not False:
        return None
    effect = raises("`convert` raises, for it has no data to calibrate on")
    found = told(each.toolchains, effect)
    site = each.place(_OPS, _TYPES)
    rewrites: tuple[CallRewrite, ...] = ()
    held = each.setting(_OPS)
    alone = all(
        other is each.call or other.site != each.call.site for other in each.usage.calls
    )  # else the same code converts other models, too
    if each.quantized and each.optimizes and alone and held is not None and held.site is not None:
        rewrite = RemoveStatement(held.site)
        rewrites = (CallRewrite("Remove `supported_ops`", Applicability.UNSAFE, (rewrite,)),)
    if found is None:
        return None
    message = f"Integer operators without a representative dataset: {found.text}"
    return CallFinding(each.call, message, found, site, rewrites=rewrites)


def _without_optimizations(each: Conversion) -> CallFinding | None:
    # A model quantized in training is told of by qat-without-optimizations.
    if each.optimizes is not False or not each.has_data or each.quantized:
        return None

    def effect(toolchain: Toolchain) -> Effect | None:
        if since(toolchain, "2.5"):
            return _REFUSED if each.io_types else _UNUSED
        return None if each.needs_int8 else _UNUSED

    found = told(each.toolchains, effect)
    if found is None:
        return None
    rewrites = each.with_optimizations() or _replaced(each, "optimizations", f"[{OPTIMIZE}]")
    return CallFinding(
        each.call,
        f"A representative dataset without optimizations: {found.text}",
        found,
        each.place("optimizations", "representative_dataset"),
        rewrites=rewrites,
    )


def _not_a_list(each: Conversion) -> CallFinding | None:
    for name in ("optimizations", _OPS, _TYPES):
        held = each.setting(name)
        if held is None or not isinstance(held.value, Symbol):
            continue
        if not held.value.name.startswith(("tf.lite.Optimize.", "tf.lite.OpsSet.", "tf.int8")):
            continue
        found = told(each.toolchains, raises("`convert` raises a TypeError"))
        if found is not None:
            attribute = name.rpartition(".")[2]
            return CallFinding(
                each.call,
                f"`{attribute}` has to be a list: {found.text}",
                found,
                each.place(name),
                rewrites=_replaced(each, name, f"[{held.value.name}]"),
            )
    return None


def _replaced(each: Conversion, name: str, code: str) -> tuple[CallRewrite, ...]:
    """The rewrite that assigns `code`, the name of a symbol in brackets, to an attribute."""
    own = written(each.usage, code.strip("[]"))
    title = f"Set `{name.rpartition('.')[2]}` to a list"
    return each.with_value(name, None if own is None else f"[{own}]", title)
