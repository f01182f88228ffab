"""QL308 legacy-converter."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Effect, Usage, raises, told
from qlsp.rules.converter.attributes import has_factory, has_toco_converter
from qlsp.rules.converter.conversion import tensorflow
from qlsp.rules.rewrite.statements import ReplaceText
from qlsp.rules.rule import Case
from qlsp.source.span import Site, Span
from qlsp.source.syntax import Place
from qlsp.toolchain import Toolchain
from qlsp.trace.program import Call
from qlsp.trace.tools import CONVERTERS

_OF_TF2 = ("from_keras_model", "from_concrete_functions")


class LegacyConverter(CallRule):
    """A converter is made by a name that your TensorFlow does not have.

    ## What it does
    Finds `tf.lite.TocoConverter` and `tf.contrib.lite`, and the class methods of
    `tf.lite.TFLiteConverter` that only TensorFlow 1 has: `from_session`, `from_frozen_graph` and
    `from_keras_model_file`.

    ## Why it matters
    TensorFlow 2 raises an `AttributeError`. Its `tf.lite.TFLiteConverter` has
    `from_keras_model`, `from_saved_model` and `from_concrete_functions` (read from TF 2.1.4, 2.5.3,
    2.8.4, 2.15.1 and 2.21); the others moved to `tf.compat.v1.lite.TFLiteConverter`.

    ## How to fix it
    `tf.compat.v1.lite.TFLiteConverter` takes the same arguments. It is TensorFlow 1's converter,
    with TensorFlow 1's settings, so the fix is offered as unsafe. For a Keras model use
    `tf.lite.TFLiteConverter.from_keras_model`.

    ## When it does not apply
    To code that runs on TensorFlow 1: set `[tool.qlsp] tensorflow`. What is made under a condition
    is left alone, as that may ask for the version.

    ## References
    - [Migrate from TF 1 to TF 2 converters](https://www.tensorflow.org/lite/convert/api_updates)
    """

    code = "QL308"
    name = "legacy-converter"
    applicability = Applicability.UNSAFE
    workflows = ("float", "ptq", "qat", "tf1")
    bad = (
        Case(
            "TensorFlow 1's class method",
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_session(session, [x], [y])
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf

            converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [x], [y])
            tflite = converter.convert()
            """,
        ),
        Case(
            "TensorFlow 1's first name",
            """
            import tensorflow as tf

            converter = tf.lite.TocoConverter.from_saved_model("exported")
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf

            converter = tf.compat.v1.lite.TFLiteConverter.from_saved_model("exported")
            tflite = converter.convert()
            """,
        ),
    )
    good = (
        Case(
            "TensorFlow 2's converter",
            """
            import tensorflow as tf

            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            tflite = converter.convert()
            """,
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every converter that can't be made."""
        for call in usage.calls:
            if call.symbol not in CONVERTERS:
                continue
            if call.tf1 and ".contrib." not in call.symbol:
                continue
            if call.method in _OF_TF2 or call.conditions:
                continue  # on TensorFlow 1 the mistake is another one; a condition may ask for it

            def effect(toolchain: Toolchain, call: Call = call) -> Effect | None:
                return raises("there is no such name") if _is_missing(toolchain, call) else None

            found = told(usage.toolchains, effect)
            if found is not None:
                name = call.symbol.rpartition(".")[0].rpartition(".")[2]
                yield CallFinding(
                    call,
                    f"{name}.{call.method} is of TensorFlow 1: {found.text}",
                    found,
                    _callee(usage, call),
                    rewrites=_moved(usage, call),
                )


def _is_missing(toolchain: Toolchain, call: Call) -> bool:
    if ".contrib." in call.symbol:
        return not toolchain.tensorflow.startswith("1.")
    if "TocoConverter" in call.symbol:
        return not has_toco_converter(toolchain)
    return not has_factory(toolchain, call.method)


def _callee(usage: Usage, call: Call) -> Site | None:
    document = usage.source(call.site)
    place = Place.find(document, call.site.span) if document and call.site else None
    if place is None or not isinstance(place.node, ast.Call):
        return None
    return Site(usage.document.path, Span.of(place.node.func))


def _moved(usage: Usage, call: Call) -> tuple[CallRewrite, ...]:
    site = _callee(usage, call)
    code = tensorflow(usage, f"compat.v1.lite.TFLiteConverter.{call.method}")
    if site is None or code is None:
        return ()
    change = ReplaceText(site, code)
    return (CallRewrite("Use tf.compat.v1.lite.TFLiteConverter", Applicability.UNSAFE, (change,)),)
