"""`quantize_model`, simulated: which tensors get a learned range, and what raises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from qlsp.lower.tfmot.tables import LayerPattern, Quantized, Tables, Transform

NOTHING = Quantized()
OUTPUT = Quantized(output=True)
_SETTINGS = {"nothing": NOTHING, "output": OUTPUT}
_NO_ACTIVATION = "NoOpActivation"


@dataclass(eq=False, slots=True)
class Layer:
    """A layer of the model that `quantize_model` is given."""

    cls: str
    name: str
    activation: str | None = None
    """`__name__` of the function behind `activation=`; None if the layer has none."""
    inbound: list[list[Layer]] = field(default_factory=list)
    """The layers it takes its inputs from, once per application."""
    node: int = -1
    """What tells it from other layers of the graph."""
    is_output: int = 0
    """How many of the model's outputs it produces."""
    part: Literal["", "depthwise", "pointwise", "squeeze"] = ""
    """What part of a SeparableConv it was made for."""
    config: Quantized | None = None
    """The quantize config that a transform gave it."""
    annotated: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """A layer that `quantize_model` does not take."""

    layer: Layer
    type: str
    message: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ranges:
    """Where a quantized layer learns ranges."""

    weights: bool = False
    before: bool = False
    """In front of its activation."""
    after: bool = False
    """Behind its activation."""
    output: bool = False


_GIVEN = Ranges(weights=True, output=True)
"""What a refused layer gets, so that the others are judged as if it had a config of its own."""


@dataclass(slots=True)
class Quantization:
    """What `quantize_model` makes of a model."""

    ranges: dict[tuple[int, str], Ranges]
    """By `Layer.node` and the part of the layer."""
    inputs: set[int]
    """The input layers, by `Layer.node`, whose tensors get a range."""
    refusals: list[Refusal]
    """In the order in which they would raise."""


def quantize_model(
    layers: Sequence[Layer], tables: Tables, class_text: Callable[[str], str]
) -> Quantization:
    """Apply the layout transforms and the registry of one tfmot version.

    `layers` are in Keras's order, each input layer included; they are changed in place.
    `class_text` gives `str(cls)` of a Keras class, for messages.
    """
    rewriting = _Rewriting(list(layers), tables)
    rewriting.run()
    found = Quantization({}, rewriting.inputs(), [])
    activations: list[Refusal] = []
    for layer in rewriting.layers:
        if layer.cls in {"InputLayer", "QuantizeLayer"} or not layer.annotated:
            continue
        config = layer.config or _registered(layer.cls, tables)
        if config is None:
            message = tables.messages["layer"].format(layer.name, class_text(layer.cls))
            reason = f"tfmot has no quantization for {layer.cls} here"
            found.refusals.append(Refusal(layer, "RuntimeError", message, reason))
            found.ranges[layer.node, layer.part] = _GIVEN
            continue
        ranges = _ranges(layer, config, tables)
        if isinstance(ranges, Refusal):
            activations.append(ranges)
            found.ranges[layer.node, layer.part] = _GIVEN
        else:
            found.ranges[layer.node, layer.part] = ranges
    # Wrapping refuses layers before building the new model refuses activations.
    found.refusals += activations
    return found


def _registered(cls: str, tables: Tables) -> Quantized | None:
    if cls == "Activation":
        return OUTPUT
    return tables.layers.get(cls)


def _ranges(layer: Layer, config: Quantized, tables: Tables) -> Ranges | Refusal:
    name = layer.activation or "linear"
    if layer.cls == "Activation":
        if not config.output or name in tables.activation_plain:
            return Ranges()
        if name in tables.activation_output:
            return Ranges(output=True)
        return Refusal(
            layer,
            "ValueError",
            f"Activation <function {name} at 0x…> not supported by "
            "Default8BitActivationQuantizeConfig.",
            f"tfmot does not quantize the activation {name}",
        )
    if not config.activation or name == _NO_ACTIVATION:
        return Ranges(weights=config.weights, output=config.output)
    if name not in tables.before | tables.after:
        message = tables.messages["activation"]
        reason = f"tfmot does not take {name} as activation= of {layer.cls}"
        return Refusal(layer, "ValueError", message, reason)
    return Ranges(config.weights, name in tables.before, name in tables.after, config.output)


class _Rewriting:
    """The layout transforms, applied until none matches any more (`model_transformer.py`)."""

    def __init__(self, layers: list[Layer], tables: Tables) -> None:
        self.layers = layers
        self.tables = tables
        self.classes = {layer.cls for layer in layers}
        self.consumers: dict[Layer, list[Layer]] = {}
        for layer in layers:
            for application in layer.inbound:
                for producer in application:
                    users = self.consumers.setdefault(producer, [])
                    if layer not in users:
                        users.append(layer)
        self.quantized_inputs: dict[Layer, bool] = {}

    def run(self) -> None:
        """Apply each transform wherever it matches, in tfmot's order."""
        # A second round finds nothing new: no transform makes what an earlier one matches,
        # but for the layers a separable convolution becomes, which come first.
        for transform in self.tables.transforms:
            classes = {cls for cls in self.classes if transform.pattern.matches_class(cls)}
            if classes:
                for layer in [each for each in self.layers if each.cls in classes]:
                    self._try(transform, layer)

    def inputs(self) -> set[int]:
        """The nodes of inputs with a range."""
        return {
            layer.node
            for layer, quantized in self.quantized_inputs.items()
            # Several consumers need the range even if each is a concatenation.
            if quantized or len(self.consumers.get(layer, ())) > 1
        }

    def _try(self, transform: Transform, layer: Layer) -> None:
        matched = self._match(layer, transform.pattern, head=True)
        if matched is None:
            return
        # The guard doesn't ask the layer that squeezes the image of a sequence.
        asked = [each for each in matched if each.cls != "Lambda"]
        if transform.guarded and any(each.config is not None for each in asked):
            return
        if transform.sets is not None:
            for role, setting in transform.sets:
                target = _role(role, matched)
                if setting in _SETTINGS:
                    target.config = _SETTINGS[setting]
                else:
                    target.activation = _NO_ACTIVATION
        elif transform.name.startswith("Concat"):
            self._concatenate(matched[0], matched[1:])
        elif transform.name == "InputLayerQuantize":
            if any(each.annotated for each in self.consumers.get(layer, ())):
                self.quantized_inputs[layer] = True
        elif transform.name in {"SeparableConvQuantize", "SeparableConv1DQuantize"}:
            self._separate(layer)
        else:
            raise NotImplementedError(transform.name)

    def _match(self, layer: Layer, pattern: LayerPattern, head: bool) -> list[Layer] | None:
        """The layers matched, head first and then its inputs depth first."""
        if not layer.annotated or not pattern.matches_class(layer.cls):
            return None
        for key, value in pattern.config:
            text = layer.activation or "linear" if key == "activation" else layer.name
            if not value.match(text):
                return None
        if len(layer.inbound) > 1:
            return None
        if not head and len(self.consumers.get(layer, ())) + layer.is_output > 1:
            return None
        if not pattern.inputs:
            return [layer]
        # As in tfmot: once each, in the order of the model.
        producers = list(dict.fromkeys(layer.inbound[0])) if layer.inbound else []
        if len(producers) > 1:
            producers.sort(key=self.layers.index)
        if len(producers) != len(pattern.inputs):
            return None
        found = [layer]
        for producer, inner in zip(producers, pattern.inputs, strict=True):
            matched = self._match(producer, inner, head=False)
            if matched is None:
                return None
            found += matched
        return found

    def _concatenate(self, concat: Layer, feeds: list[Layer]) -> None:
        """Leave the range to the concatenation alone, where its producers allow that."""
        quiet: list[tuple[Layer, Quantized]] = []
        for feed in feeds:
            if feed.cls == "InputLayer":
                self.quantized_inputs[feed] = False
                continue
            config = feed.config
            if config is None:
                if feed.cls == "Concatenate":
                    feed.config = NOTHING
                    continue
                config = _registered(feed.cls, self.tables)
                if config is None:
                    return
            quiet.append((feed, config))
        for feed, config in quiet:
            feed.config = Quantized(config.weights, config.activation, output=False)
        if concat.config is None:
            concat.config = OUTPUT

    def _separate(self, layer: Layer) -> None:
        """Put a depthwise and a pointwise convolution in the place of a separable one."""
        depthwise = Layer(
            "DepthwiseConv2D", f"{layer.name}_depthwise", "linear", layer.inbound,
            layer.node, part="depthwise",
        )  # fmt: skip
        pointwise = Layer(
            "Conv2D", f"{layer.name}_pointwise", layer.activation, [[depthwise]],
            layer.node, layer.is_output, part="pointwise",
        )  # fmt: skip
        parts = [depthwise, pointwise]
        last = pointwise
        if layer.cls == "SeparableConv1D":
            last = Layer(
                "Lambda", "sepconv1d_squeeze", None, [[pointwise]],
                layer.node, layer.is_output, part="squeeze", config=NOTHING,
            )  # fmt: skip
            pointwise.is_output = 0
            self.consumers[pointwise] = [last]
            parts.append(last)
        position = self.layers.index(layer)
        self.layers[position : position + 1] = parts
        self.consumers[depthwise] = [pointwise]
        self.consumers[last] = self.consumers.pop(layer, [])
        self.classes.update(each.cls for each in parts)
        for producer in {each for application in layer.inbound for each in application}:
            users = self.consumers[producer]
            users[users.index(layer)] = depthwise
        for user in self.consumers[last]:
            user.inbound = [
                [last if each is layer else each for each in application]
                for application in user.inbound
            ]


def _role(role: str, matched: list[Layer]) -> Layer:
    if role == "bn":
        return next(each for each in matched if each.cls.endswith("BatchNormalization"))
    return matched[-1]
