"""QL216 missing-compile."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Usage, raises, told
from qlsp.rules.qat.calls import QUANTIZATION
from qlsp.rules.rewrite.statements import AddAfter
from qlsp.rules.rule import Case
from qlsp.source.span import Span
from qlsp.source.syntax import Place
from qlsp.trace.program import Call

_MAKES = (f"{QUANTIZATION}.quantize_model", f"{QUANTIZATION}.quantize_apply")
_NEEDS = ("model.fit", "model.evaluate")


class MissingCompile(CallRule):
    """A quantized model is trained without being compiled: `quantize_model` returns a new one.

    ## What it does
    Finds `fit` and `evaluate` on what `quantize_model` or `quantize_apply` gave, where nothing has
    compiled it.

    ## Why it matters
    The quantized model is another model than the one it was made from, with the same weights but
    without its optimizer and loss, even if that was compiled. `fit` and `evaluate` raise
    `RuntimeError: You must compile your model before training/testing` (measured on TF 2.1.4
    with tfmot 0.3.0, TF 2.5.3 with 0.6.0 and TF 2.21 with 0.8.1).

    ## How to fix it
    Call `compile` on the quantized model, with a smaller learning rate than in training. Where the
    float model was compiled with plain constants, the fix does the same to the quantized one. It
    makes the program train, so it counts as unsafe.

    ## When it does not apply
    To models that were handed to code that can't be followed: it may have compiled them.

    ## References
    - [tensorflow #42253](https://github.com/tensorflow/tensorflow/issues/42253)
    """

    code = "QL216"
    name = "missing-compile"
    applicability = Applicability.UNSAFE
    workflows = ("qat",)
    bad = (
        Case(
            "compiled before it was quantized",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model.compile("adam", "mse")
            quantized = tfmot.quantization.keras.quantize_model(model)
            quantized.fit(curves, labels)
            """,
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            model.compile("adam", "mse")
            quantized = tfmot.quantization.keras.quantize_model(model)
            quantized.compile("adam", "mse")
            quantized.fit(curves, labels)
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "compiled afterwards",
            """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            model = tf.keras.Sequential([tf.keras.layers.Dense(64, input_shape=(64,))])
            quantized = tfmot.quantization.keras.quantize_model(model)
            quantized.compile("adam", "mse")
            quantized.fit(curves, labels)
            """,
            workflows=("qat",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every training of a quantized model that is not compiled."""
        told_of: set[int] = set()
        for call in usage.calls:
            subject = call.subject
            if call.symbol not in _NEEDS or subject is None or subject.lost:
                continue
            if subject.kind != "quantized" or subject.number in told_of:
                continue
            made = _made(usage, call)
            if made is None or not usage.stays_local(made, call) or _is_compiled(usage, call):
                continue
            found = told(usage.with_tfmot, raises(f"{call.method} raises"), "qat")
            if found is not None:
                told_of.add(subject.number)
                message = f"The quantized model is not compiled: {found.text}"
                yield CallFinding(call, message, found, rewrites=_like_before(usage, made))


def _made(usage: Usage, call: Call) -> Call | None:
    """The call that made the model of `call`."""
    before = usage.before(call)
    return next(
        (each for each in before if each.symbol in _MAKES and each.gives(call.subject)), None
    )


def _is_compiled(usage: Usage, call: Call) -> bool:
    return any(
        each.symbol == "model.compile" and each.is_about(call.subject)
        for each in usage.before(call)
    )


def _like_before(usage: Usage, made: Call) -> tuple[CallRewrite, ...]:
    """The rewrite that compiles the quantized model as the float one was."""
    for call in usage.before(made):
        if call.symbol != "model.compile" or not call.is_about(made.subject):
            continue
        document = usage.source(call.site)
        place = Place.find(document, call.site.span) if document and call.site else None
        if document is None or place is None or not isinstance(place.node, ast.Call):
            continue
        given: list[ast.expr | ast.keyword] = [*place.node.args, *place.node.keywords]
        values = [each.value if isinstance(each, ast.keyword) else each for each in given]
        if made.site is None or not all(isinstance(each, ast.Constant) for each in values):
            continue
        arguments = ", ".join(document.at(Span.of(each)) for each in given)
        change = AddAfter(made.site, f"{{name}}.compile({arguments})")
        return (CallRewrite("Compile the quantized model", Applicability.UNSAFE, (change,)),)
    return ()
