"""QL306 unknown-converter-attribute."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Effect, Usage, told
from qlsp.rules.converter.attributes import known, known_anywhere, meant
from qlsp.rules.converter.conversion import IO_TYPES
from qlsp.rules.rewrite.statements import RenameAttribute
from qlsp.rules.rule import Case
from qlsp.toolchain import Toolchain
from qlsp.trace.program import Call

_IGNORED = Effect("TensorFlow takes no notice of it")
_OF_TOCO = {
    "default_ranges_stats": "ranges come from a representative dataset",
    "inference_type": "`optimizations` and a representative dataset decide the type",
    "quantized_input_stats": "the scale of the input comes from a representative dataset",
}


class UnknownConverterAttribute(CallRule):
    """An attribute that the converter doesn't have is set, which Python accepts in silence.

    ## What it does
    Finds assignments to attributes of a converter, or of its `target_spec`, that the converter of
    your TensorFlow does not have: misspelt ones, and those of TensorFlow 1's converter.

    ## Why it matters
    A converter is a plain Python object: `converter.optimisations = [...]` makes a new attribute,
    and the conversion goes on without it. Measured on TF 2.5.3, 2.8.4 and 2.21:

    | set on TensorFlow 2's converter | what comes out |
    | --- | --- |
    | `optimisations` | a float model |
    | `representative_data`, with `optimizations` | float operators with int8 weights |
    | `supported_ops`, `target_ops` | int8 operators where there are any, float for the others |
    | `inference_type` | what comes out without it |
    | `post_training_quantize`, `default_ranges_stats`, `quantized_input_stats` | the same |

    ## How to fix it
    The fix renames the attribute to the one that is closest. The conversion gives another model
    then, so the fix is unsafe. What only TensorFlow 1's converter knows has to be removed by hand.

    ## When it does not apply
    To private attributes (`_experimental_…`) that no measured version has: they come and go
    between releases. An attribute that the newest version of your range has is taken for right.

    ## References
    - [tensorflow #55928](https://github.com/tensorflow/tensorflow/issues/55928),
      [tensorflow #45207](https://github.com/tensorflow/tensorflow/issues/45207)
    """

    code = "QL306"
    name = "unknown-converter-attribute"
    applicability = Applicability.UNSAFE
    workflows = ("float", "ptq", "qat", "tf1")
    bad = (
        Case(
            "British spelling",
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimisations = [tf.lite.Optimize.DEFAULT]
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            tflite = converter.convert()
            """,
            workflows=("qat",),
        ),
        Case(
            "TensorFlow 1's name",
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.target_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
            tflite = converter.convert()
            """,
        ),
    )
    good = (
        Case(
            "TensorFlow 1's converter",
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
        """Every attribute that is set in vain."""
        for call in usage.calls:
            if call.symbol.endswith(" =") and call.subject and call.subject.kind == "converter":
                yield from _found(call, usage)


def _found(call: Call, usage: Usage) -> Iterator[CallFinding]:
    name = call.symbol.removesuffix(" =").removeprefix("converter.")
    toolchains = [
        each
        for each in usage.toolchains
        if call.maker != "from_keras_model" or not each.tensorflow.startswith("1.")
    ]
    if not toolchains or name in IO_TYPES or name == "target_spec":
        return
    if known(toolchains[-1], name, tf1=call.tf1):
        return
    if name.rpartition(".")[2].startswith("_") and not known_anywhere(name):
        return

    def effect(toolchain: Toolchain) -> Effect | None:
        return None if known(toolchain, name, tf1=call.tf1) else _IGNORED

    found = told(toolchains, effect)
    if found is None:
        return
    attribute = name.rpartition(".")[2]
    instead = None if call.tf1 else meant(name, toolchains[-1])
    hint = ""
    if instead is not None:
        hint = f"; did you mean `{instead}`?"
    elif attribute in _OF_TOCO:
        hint = f"; {_OF_TOCO[attribute]}"
    rewrites: tuple[CallRewrite, ...] = ()
    if instead is not None and call.site is not None and attribute != "post_training_quantize":
        new = instead.removeprefix("target_spec.") if "." in name else instead
        change = RenameAttribute(call.site, new)
        rewrites = (CallRewrite(f"Set `{instead}`", Applicability.UNSAFE, (change,)),)
    kind = "A target" if "." in name else "A converter"
    yield CallFinding(
        call,
        f"{kind} has no attribute `{attribute}`: {found.text}{hint}",
        found,
        rewrites=rewrites,
    )
