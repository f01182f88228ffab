"""QL304 malformed-representative-dataset."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallFinding, CallRewrite, CallRule, Effect, Usage, raises, since, told
from qlsp.rules.converter.conversion import Conversion, conversions
from qlsp.rules.converter.samples import Dataset, dataset, generator_called
from qlsp.rules.rewrite.statements import ReplaceText
from qlsp.rules.rule import Case
from qlsp.source.span import Site, Span
from qlsp.source.syntax import Place
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import Shape

_RAISES = raises("`convert` raises")
_UNSAFE = Applicability.UNSAFE


class MalformedRepresentativeDataset(CallRule):
    """The representative dataset is not what the converter takes.

    ## What it does
    Finds representative datasets that are not a function without arguments, that yield something
    else than a list of arrays, arrays of 64-bit floats, or (for a model that is built in the same
    program) another number of arrays than the model has inputs, or arrays of another shape.

    ## Why it matters
    `convert` raises, sometimes after an hour of loading images, and seldom says why. Measured on a
    model with one input of shape (None, 16, 16, 8):

    | given | TF 2.5.3 | TF 2.8.4, 2.21 |
    | --- | --- | --- |
    | a generator, list or `tf.data.Dataset` | `TypeError: ... is not callable` | the same |
    | a function with an argument | `TypeError: missing 1 required positional argument` | the same |
    | yields an array | `RuntimeError: ... dims->size != 4 (3 != 4)` | `ValueError: You need to provide ...` |
    | yields a tuple | `ValueError: expected input to be a list` | `IndexError: tuple index out of range` |
    | yields a dict | `AttributeError: 'str' object has no attribute 'shape'` | converts |
    | yields `[image, label]` | `ValueError: expected 1 items got 2 items` | the same |
    | 64-bit floats | `ValueError: Got value of type FLOAT64 but expected type FLOAT32` | the same |
    | no batch axis | `RuntimeError: ... dims->size != 4 (3 != 4)` | the same |
    | another height or number of channels | `RuntimeError` | the same |
    | a batch of four | converts | converts |

    ## How to fix it
    Yield a list with one float32 array per input, each with a batch axis. The fix puts what is
    yielded into a list, gives the function instead of what it returns, or casts to float32. What
    is converted is another thing than before, so the fix is unsafe.

    ## When it does not apply
    To data whose type or shape the source doesn't tell.

    ## References
    - [tensorflow #50942](https://github.com/tensorflow/tensorflow/issues/50942),
      [tensorflow #57904](https://github.com/tensorflow/tensorflow/issues/57904)
    """  # noqa: E501

    code = "QL304"
    name = "malformed-representative-dataset"
    applicability = Applicability.UNSAFE
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "an array instead of a list of arrays",
            """
            import tensorflow as tf


            def representative_dataset():
                for image in images:
                    yield image[None].astype("float32")


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf


            def representative_dataset():
                for image in images:
                    yield [image[None].astype("float32")]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            tflite = converter.convert()
            """,
        ),
        Case(
            "what the function returns instead of the function",
            """
            import tensorflow as tf


            def representative_dataset(images):
                for image in images:
                    yield [image]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset(images)
            tflite = converter.convert()
            """,
            """
            import tensorflow as tf


            def representative_dataset(images):
                for image in images:
                    yield [image]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: representative_dataset(images)
            tflite = converter.convert()
            """,
        ),
        Case(
            "no batch axis",
            """
            import tensorflow as tf


            def representative_dataset():
                for _ in range(100):
                    yield [tf.zeros((64, 64, 3))]


            inputs = tf.keras.Input((64, 64, 3))
            model = tf.keras.Model(inputs, tf.keras.layers.Conv2D(8, 3)(inputs))
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            tflite = converter.convert()
            """,
        ),
    )
    good = (
        Case(
            "a list with one array for the one input",
            """
            import tensorflow as tf


            def representative_dataset():
                for image in tf.data.Dataset.from_tensor_slices(images).batch(1).take(100):
                    yield [tf.cast(image, tf.float32)]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            tflite = converter.convert()
            """,
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every dataset that can't be read."""
        for each in conversions(usage):
            given = dataset(each)
            if given is None:
                yield from _not_a_function(each)
            elif each.makes_float16:
                continue  # it is not read
            elif given.required > 0:
                problem = "The representative dataset is called without arguments"
                yield from _finding(each, problem, None)
            elif given.gives_nothing:
                yield from _finding(each, "The representative dataset gives nothing", None)
            else:
                for sample in given.samples:
                    yield from _of_sample(each, given, sample)


def _not_a_function(each: Conversion) -> Iterator[CallFinding]:
    site = each.value_of("representative_dataset")
    place = Place.find(each.usage.document, site.span) if site is not None else None
    if site is None or place is None:
        return
    value = place.node
    called = generator_called(each.usage, value)
    if called is None and not isinstance(value, ast.List):
        return
    document = each.usage.document
    if called is not None and not called.args and not called.keywords:
        code = document.at(Span.of(called.func))
    else:
        code = f"lambda: {document.at(site.span)}"
    rewrite = CallRewrite("Give the function itself", _UNSAFE, (ReplaceText(site, code),))
    problem = "The representative dataset is not a function"
    yield from _finding(each, problem, value, rewrites=(rewrite,))


def _of_sample(each: Conversion, given: Dataset, sample: ast.expr) -> Iterator[CallFinding]:
    if _is_bare(given, sample):
        yield from _finding(
            each,
            "A representative dataset yields an array, not a list of arrays",
            sample,
            _since_signatures if _is_list_of_inputs(sample) else _RAISES,
            rewrites=() if _is_list_of_inputs(sample) else _in_list(each, sample),
        )
    elif isinstance(sample, ast.Tuple) and not _is_signature(sample):
        one = sample.elts[0] if len(sample.elts) == 1 else None
        yield from _finding(
            each,
            "A representative dataset yields a tuple, not a list",
            sample,
            rewrites=_in_list(each, sample, one) if one is not None else (),
        )
    elif isinstance(sample, ast.Dict):
        yield from _finding(
            each,
            "A representative dataset yields a dict, not a list",
            sample,
            _before_signatures,
        )
    if isinstance(sample, ast.Tuple):
        return
    arrays = given.arrays(sample)
    if arrays is not None:
        yield from _of_arrays(each, given, sample, arrays)


def _of_arrays(
    each: Conversion, given: Dataset, sample: ast.expr, arrays: list[ast.expr]
) -> Iterator[CallFinding]:
    for node in arrays:
        array = given.reader.array(node)
        if array is not None and array.dtype == "float64":
            yield from _finding(
                each,
                "A representative dataset yields 64-bit floats",
                node,
                rewrites=_cast(each, node),
            )
    shapes = each.call.model.shapes if each.call.model is not None else None
    if shapes is None or isinstance(sample, ast.Dict):
        return
    if len(arrays) != len(shapes):
        inputs = "1 input" if len(shapes) == 1 else f"{len(shapes)} inputs"
        problem = f"A representative dataset yields {len(arrays)} arrays for {inputs}"
        yield from _finding(each, problem, sample)
        return
    for node, shape in zip(arrays, shapes, strict=True):
        array = given.reader.array(node)
        if array is not None and array.shape is not None and _differs(array.shape, shape):
            problem = f"A representative dataset yields shape {array.shape} for {_text(shape)}"
            yield from _finding(each, problem, node)


def _finding(
    each: Conversion,
    problem: str,
    node: ast.expr | None,
    effect: Effect | Callable[[Toolchain], Effect | None] = _RAISES,
    rewrites: tuple[CallRewrite, ...] = (),
) -> Iterator[CallFinding]:
    found = told(each.toolchains, effect)
    if found is None:
        return
    path = each.usage.document.path
    site = Site(path, Span.of(node)) if node is not None else each.place("representative_dataset")
    yield CallFinding(each.call, f"{problem}: {found.text}", found, site, rewrites=rewrites)


def _is_bare(given: Dataset, sample: ast.expr) -> bool:
    if given.reader.array(sample) is not None:
        return True
    if isinstance(sample, ast.Name):
        source = given.reader.iterated(sample)
        return source is not None and given.reader.is_dataset(source)
    return False


def _since_signatures(toolchain: Toolchain) -> Effect | None:
    """Converters of models with signatures (TF 2.8 in what was measured) look at the type."""
    return _RAISES if since(toolchain, "2.8") else None


def _before_signatures(toolchain: Toolchain) -> Effect | None:
    return None if since(toolchain, "2.8") else _RAISES


def _is_list_of_inputs(sample: ast.expr) -> bool:
    """Whether an array is made of a list, whose items older converters took for the inputs."""
    match sample:
        case ast.Call(func=ast.Attribute(attr="array" | "asarray" | "stack")):
            return True
    return False


def _is_signature(sample: ast.Tuple) -> bool:
    """Whether a tuple may be the key of a signature with its inputs by name."""
    return len(sample.elts) == 2 and not isinstance(sample.elts[1], ast.Subscript | ast.Call)


def _in_list(
    each: Conversion, sample: ast.expr, inner: ast.expr | None = None
) -> tuple[CallRewrite, ...]:
    document = each.usage.document
    site = Site(document.path, Span.of(sample))
    code = f"[{document.at(Span.of(inner or sample))}]"
    return (CallRewrite("Yield a list", _UNSAFE, (ReplaceText(site, code),)),)


def _cast(each: Conversion, node: ast.expr) -> tuple[CallRewrite, ...]:
    if not isinstance(node, ast.Call | ast.Name | ast.Subscript):
        return ()
    document = each.usage.document
    code = document.at(Span.of(node))
    match node:
        case ast.Call(func=ast.Attribute(attr="astype", value=inner)):
            code = document.at(Span.of(inner))
    site = Site(document.path, Span.of(node))
    change = ReplaceText(site, f'{code}.astype("float32")')
    return (CallRewrite("Cast to float32", _UNSAFE, (change,)),)


def _differs(given: tuple[int, ...], expected: Shape | None) -> bool:
    """Whether a shape can't be an input's, its batch apart."""
    if expected is None:
        return False
    if len(given) != len(expected):
        return True
    return any(
        isinstance(there, int) and here != there
        for here, there in zip(given[1:], expected[1:], strict=True)
    )


def _text(shape: Shape | None) -> str:
    return f"({', '.join(str(each) for each in shape or ())})"
