"""QL217 custom-object-without-config."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from qlsp.diagnostic import Applicability, Related
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Usage, raises, told
from qlsp.rules.qat.calls import QUANTIZATION, function, in_scope
from qlsp.rules.rewrite.statements import WrapInWith
from qlsp.rules.rule import Case
from qlsp.source.span import Span
from qlsp.trace.program import Call, Custom

_CLASSES = """
            import tensorflow as tf
            import tensorflow_model_optimization as tfmot

            quantization = tfmot.quantization.keras


            class KeepFloat(quantization.QuantizeConfig):
                def get_weights_and_quantizers(self, layer):
                    return []

                def get_activations_and_quantizers(self, layer):
                    return []

                def set_quantize_weights(self, layer, quantize_weights):
                    pass

                def set_quantize_activations(self, layer, quantize_activations):
                    pass

                def get_output_quantizers(self, layer):
                    return []

                def get_config(self):
                    return {}


            inputs = tf.keras.Input((64,))
            outputs = quantization.quantize_annotate_layer(tf.keras.layers.Dense(8), KeepFloat())(inputs)
            annotated = tf.keras.Model(inputs, outputs)
            """  # noqa: E501


class CustomObjectWithoutConfig(CallRule):
    """`quantize_apply` can't make a class of yours again: it has no config, or isn't in scope.

    ## What it does
    Finds classes of the program that are given to `quantize_annotate_layer`, as the layer or as
    its `QuantizeConfig`, where a layer that takes arguments has no `get_config`, or where
    `quantize_apply` is called outside of `quantize_scope`.

    ## Why it matters
    `quantize_apply` clones the annotated model: it writes each object down as a config and makes
    it again by the name of its class. Measured on TF 2.1.4 with tfmot 0.3.0, TF 2.5.3
    with 0.6.0 and TF 2.21 with 0.8.1: without the scope it raises `ValueError: Unable to clone
    model. This generally happens if you used custom Keras layers or objects in your model`, or of
    an `Unknown object` (2.1.4). For a layer with arguments
    but without a `get_config` it raises `NotImplementedError: Layer has arguments in __init__ and
    therefore must override get_config` (2.5.3) or `KeyError: 'name'` (2.21). With both it works.

    ## How to fix it
    Call `quantize_apply` within `quantize_scope` with the classes by name, which the fix writes. A
    layer that takes arguments needs a `get_config` that gives them back. The program raised
    before, so the fix counts as unsafe.

    ## When it does not apply
    To classes that are registered with `get_custom_objects`, and layers that are not annotated.

    ## References
    - [tensorflow #47502](https://github.com/tensorflow/tensorflow/issues/47502),
      [tfmot #638](https://github.com/tensorflow/model-optimization/issues/638)
    """

    code = "QL217"
    name = "custom-object-without-config"
    applicability = Applicability.UNSAFE
    workflows = ("qat",)
    bad = (
        Case(
            "a config that Keras doesn't know",
            _CLASSES + "model = quantization.quantize_apply(annotated)\n",
            _CLASSES
            + """with quantization.quantize_scope({"KeepFloat": KeepFloat}):
                model = quantization.quantize_apply(annotated)
            """,
            workflows=("qat",),
        ),
    )
    good = (
        Case(
            "within the scope",
            _CLASSES
            + """with quantization.quantize_scope({"KeepFloat": KeepFloat}):
                model = quantization.quantize_apply(annotated)
            """,
            workflows=("qat",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every class that can't be made again."""
        annotated: list[Call] = []
        for call in usage.calls:
            if call.symbol == f"{QUANTIZATION}.quantize_annotate_layer":
                annotated.append(call)
                layer = call.args[0] if call.args else None
                if isinstance(layer, Custom) and _lacks_config(usage, layer):
                    yield from _without_config(usage, call, layer)
            elif call.symbol == f"{QUANTIZATION}.quantize_apply":
                classes = _classes(annotated)
                if classes and not in_scope(usage, call):
                    yield from _out_of_scope(usage, call, classes)
                annotated = []  # what is annotated from here on is of another model


def _classes(annotated: list[Call]) -> dict[str, Custom]:
    """The program's classes among the arguments, by name."""
    given = (each for call in annotated for each in (*call.args, *call.kwargs.values()))
    return {each.cls: each for each in given if isinstance(each, Custom)}


def _without_config(usage: Usage, call: Call, layer: Custom) -> Iterator[CallFinding]:
    found = told(usage.with_tfmot, raises("quantize_apply raises"), "qat")
    if found is not None:
        message = f"{layer.cls} takes arguments and has no get_config: {found.text}"
        related = (Related(layer.site, "the class"),)
        yield CallFinding(call, message, found, related=related)


def _out_of_scope(usage: Usage, call: Call, classes: dict[str, Custom]) -> Iterator[CallFinding]:
    found = told(usage.with_tfmot, raises("quantize_apply raises"), "qat")
    if found is None:
        return
    names = ", ".join(classes)
    rewrites: tuple[CallRewrite, ...] = ()
    code = function(usage, "quantize_scope", call)
    top = {node.name for node in usage.document.tree.body if isinstance(node, ast.ClassDef)}
    if code is not None and call.site is not None and classes.keys() <= top:
        entries = ", ".join(f'"{name}": {name}' for name in classes)
        change = WrapInWith(call.site, f"{code}({{{entries}}})")
        rewrites = (CallRewrite("Use quantize_scope", Applicability.UNSAFE, (change,)),)
    message = f"{names} outside of quantize_scope: {found.text}"
    yield CallFinding(call, message, found, rewrites=rewrites)


def _lacks_config(usage: Usage, layer: Custom) -> bool:
    """Whether a class has arguments of its own, and neither it nor a base here a `get_config`."""
    classes = {
        node.name: node for node in ast.walk(usage.document.tree) if isinstance(node, ast.ClassDef)
    }
    node = classes.get(layer.cls)
    if node is None or layer.site.path != usage.document.path or Span.of(node) != layer.site.span:
        return False
    takes = False
    pending = [node]
    while pending:
        current = pending.pop()
        for part in current.body:
            if isinstance(part, ast.FunctionDef) and part.name == "get_config":
                return False
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                takes = takes or len(part.args.args) > 1 or bool(part.args.kwonlyargs)
        for base in current.bases:
            if isinstance(base, ast.Name) and base.id in classes:
                pending.append(classes[base.id])
            elif not ast.unparse(base).endswith("Layer"):
                return False
    return takes
