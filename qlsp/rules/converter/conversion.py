"""A call of `converter.convert()`, and what is known of its settings.

Every answer is True, False, or None where it can't be decided.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from qlsp.diagnostic import Applicability
from qlsp.rules.calls import CallRewrite, Usage
from qlsp.rules.converter.attributes import meant
from qlsp.rules.rewrite.names import literal
from qlsp.rules.rewrite.statements import AddAfter, Change, ReplaceText
from qlsp.source.imports import Imports
from qlsp.source.span import Site, Span
from qlsp.source.syntax import Place
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import UNKNOWN, Symbol
from qlsp.trace.program import Call, Setting

OPTIMIZE = "tf.lite.Optimize.DEFAULT"
_OPTIMIZES = {
    OPTIMIZE,
    "tf.lite.Optimize.OPTIMIZE_FOR_SIZE",
    "tf.lite.Optimize.OPTIMIZE_FOR_LATENCY",
}
_INT8_OPS = "tf.lite.OpsSet.TFLITE_BUILTINS_INT8"
_INT16_OPS = "tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
_SELECT_OPS = "tf.lite.OpsSet.SELECT_TF_OPS"
_OF_TF2 = ("from_keras_model", "from_saved_model", "from_concrete_functions")
IO_TYPES = ("inference_input_type", "inference_output_type")


@dataclass(frozen=True)
class Conversion:
    """One conversion by a converter of TensorFlow 2."""

    call: Call
    usage: Usage

    @property
    def toolchains(self) -> tuple[Toolchain, ...]:
        """Those that have such a converter."""
        return tuple(each for each in self.usage.toolchains if not each.tensorflow.startswith("1."))

    def setting(self, name: str) -> Setting | None:
        """What an attribute holds; None where it has its default."""
        return self.call.settings.get(name)

    @property
    def optimizes(self) -> bool | None:
        """Whether `optimizations` asks for quantization."""
        found = self._members("optimizations")
        return None if found is None else not found.isdisjoint(_OPTIMIZES)

    @property
    def has_data(self) -> bool | None:
        """Whether there is a representative dataset."""
        held = self.setting("representative_dataset")
        if held is None:
            return False
        return None if held.value is UNKNOWN else held.value is not None

    @property
    def needs_int8(self) -> bool | None:
        """Whether nothing but integer operators is asked for."""
        ops, types = self._members("target_spec.supported_ops"), self.types
        if ops is None or types is None:
            return True if ops is not None and _INT8_OPS in ops else None
        return _INT8_OPS in ops or types == {"tf.int8"}

    @property
    def types(self) -> frozenset[str] | None:
        """`target_spec.supported_types`."""
        return self._members("target_spec.supported_types")

    @property
    def ops(self) -> frozenset[str] | None:
        """`target_spec.supported_ops`; empty for the default."""
        return self._members("target_spec.supported_ops")

    @property
    def is_plain_int8(self) -> bool | None:
        """Whether neither float16 nor int16 is asked for instead of int8."""
        ops, types = self.ops, self.types
        if ops is None or types is None:
            return None
        return types <= {"tf.int8"} and _INT16_OPS not in ops

    @property
    def makes_float16(self) -> bool | None:
        """Whether only the weights are made smaller, for which no representative dataset is read.

        `settings.json` has it as "float16, data".
        """
        ops, types = self.ops, self.types
        if ops is None or types is None:
            return None
        if "tf.float16" not in types:
            return False
        return None if {_INT8_OPS, _INT16_OPS} & ops else True

    @property
    def io_types(self) -> tuple[Setting, ...] | None:
        """Input and output types that are set to something but float; None if not known."""
        found = []
        for name in IO_TYPES:
            held = self.setting(name)
            if held is None:
                continue
            if not isinstance(held.value, Symbol):
                return None
            if held.value.name not in ("tf.float32", "numpy.float32"):
                found.append(held)
        return tuple(found)

    @property
    def quantized(self) -> bool | None:
        """Whether the model was quantized in training.

        Keras can't load one that was, unless it is told of tfmot's classes; and where tfmot is
        imported, another method may have replaced a model that is kept in an attribute.
        """
        model = self.call.model
        kind = model.kind if model is not None else "unknown"
        if kind == "quantized":
            return True
        if kind == "loaded":
            return None if self.usage.imports_tfmot else False
        if kind in ("float", "annotated"):
            return None if self.usage.imports_tfmot and self._of_attribute else False
        return None

    @property
    def _of_attribute(self) -> bool:
        """Whether the model is kept in an attribute of some object."""
        maker = self.maker
        document = self.usage.source(maker.site) if maker is not None else None
        if maker is None or maker.site is None or document is None:
            return True
        place = Place.find(document, maker.site.span)
        match place and place.node:
            case ast.Call(args=[argument, *_]):
                return isinstance(argument, ast.Attribute)
        return True

    def _members(self, name: str) -> frozenset[str] | None:
        """The names of the symbols in a setting that is a list; None if not known."""
        held = self.setting(name)
        if held is None:
            return frozenset()
        if not isinstance(held.value, tuple) or UNKNOWN in held.value:
            return None
        names = {each.name for each in held.value if isinstance(each, Symbol)}
        return None if any(_is_foreign(each) for each in names) else frozenset(names)

    def place(self, *names: str) -> Site | None:
        """Where the first of these attributes that has a place is set, else the conversion."""
        for name in names:
            held = self.setting(name)
            if held is not None and held.site is not None:
                return held.site
        return self.call.site

    def value_of(self, name: str) -> Site | None:
        """Where the value stands that is assigned to an attribute."""
        held = self.setting(name)
        document = self.usage.source(held.site) if held is not None else None
        if held is None or held.site is None or document is None:
            return None
        place = Place.find(document, held.site.span)
        if place is None or not isinstance(place.parent, ast.Assign):
            return None
        return Site(document.path, Span.of(place.parent.value))

    def with_value(self, name: str, code: str | None, title: str) -> tuple[CallRewrite, ...]:
        """The rewrite that assigns `code` to an attribute instead; none without code or place."""
        site = self.value_of(name)
        if site is None or code is None:
            return ()
        return (CallRewrite(title, Applicability.UNSAFE, (ReplaceText(site, code),)),)

    @property
    def maker(self) -> Call | None:
        """The call that made the converter."""
        return next((each for each in self.usage.calls if each.gives(self.call.subject)), None)

    def with_optimizations(self) -> tuple[CallRewrite, ...]:
        """The rewrite that asks for quantization, where nothing is said of it."""
        maker = self.maker
        if self.setting("optimizations") is not None or maker is None or maker.site is None:
            return ()
        if any(map(self._is_misspelt, self.call.settings)):
            return ()  # unknown-converter-attribute mends the name
        code = written(self.usage, OPTIMIZE)
        if code is None:
            return ()
        change: Change = AddAfter(maker.site, f"{{name}}.optimizations = [{code}]")
        return (CallRewrite("Set `optimizations`", Applicability.UNSAFE, (change,)),)

    def _is_misspelt(self, name: str) -> bool:
        """Whether an attribute is `optimizations` by another spelling."""
        return name != "post_training_quantize" and any(
            meant(name, toolchain) == "optimizations" for toolchain in self.toolchains
        )


def written(usage: Usage, symbol: str) -> str | None:
    """How the document would write `symbol`, without a further import."""
    found = literal(usage.document, Symbol(symbol))
    return found.code if found is not None and not found.edits else None


def tensorflow(usage: Usage, path: str) -> str | None:
    """How the document would write something of TensorFlow, e.g. `lite.Optimize`."""
    return Imports.of(usage.document).reference(f"tensorflow.{path}")


def conversions(usage: Usage) -> Iterator[Conversion]:
    """The conversions whose converter is known in full."""
    for call in usage.calls:
        if (
            call.symbol == "converter.convert"
            and not call.tf1
            and call.maker in _OF_TF2
            and call.subject is not None
            and not call.subject.lost
        ):
            found = Conversion(call, usage)
            if found.maker is not None and usage.stays_local(found.maker, call):
                yield found


def _is_foreign(name: str) -> bool:
    """Whether a name may stand for anything, as it is another package's."""
    return not name.startswith(("tf.", "numpy."))
