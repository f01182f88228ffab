"""Which Keras layers an operator of a converted model came from.

Tensor names carry layer names (`model/re_lu/Relu;model/conv2d/BiasAdd`), but the newest
converters drop the names of model outputs. What is missing follows from the layer graph: an
operator holds all layers between those that its inputs end with and the one its output ends
with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from qlsp.verify.flatbuffer import Operator, Subgraph

_VANISH = {
    *("InputLayer", "QuantizeLayer", "Dropout", "SpatialDropout2D", "GaussianNoise"),
    *("GaussianDropout", "ActivityRegularization"),
}
"""Layers that compute nothing in a converted model, so never the reason for an operator."""

_CASTS = {"QUANTIZE", "DEQUANTIZE", "FAKE_QUANT"}
"""Operators that only change how a tensor's values are kept: they are no layer's."""

_ACTIVATIONS = {"ReLU", "Activation"}
"""Layers that may be nothing but a fused activation."""


@dataclass(frozen=True)
class Layers:
    """A model's layers in Keras's order, as the runner described them."""

    classes: Mapping[str, str]
    """Class by layer name."""
    sources: Mapping[str, Sequence[str]]
    """Names of the layers that a layer takes its inputs from."""
    scopes: Mapping[str, str]
    """Layer name by the name scope that its tensors are in."""

    @classmethod
    def of(cls, described: Iterable[tuple[str, str, Sequence[str]]], keras3: bool) -> Layers:
        """From the runner's `[name, class, [source, …]]`."""
        rows = list(described)
        names = [name for name, _, _ in rows]
        return cls(
            {name: kind for name, kind, _ in rows},
            {name: sources for name, _, sources in rows},
            _entered_twice(names) if keras3 else {name: name for name in names},
        )

    @cached_property
    def order(self) -> Mapping[str, int]:
        """Position by name; sources come before what takes them."""
        return {name: index for index, name in enumerate(self.classes)}

    @cached_property
    def last(self) -> str:
        """The layer whose output is the model's."""
        taken = {source for sources in self.sources.values() for source in sources}
        return [name for name in self.classes if name not in taken][-1]

    def named(self, tensor: str) -> set[str]:
        """The layers that a tensor's name mentions."""
        mentions = ([*filter(self.scopes.get, name.split("/"))] for name in tensor.split(";"))
        return {self.scopes[scopes[0]] for scopes in mentions if scopes}

    def latest(self, names: Iterable[str]) -> str | None:
        """The last in Keras's order, None of none."""
        return max(names, key=self.order.__getitem__, default=None)

    def sorted(self, names: Iterable[str]) -> tuple[str, ...]:
        """In Keras's order, without the layers that compute nothing."""
        kept = (name for name in names if self.classes[name] not in _VANISH)
        return tuple(sorted(kept, key=self.order.__getitem__))

    def kinds(self, names: Iterable[str]) -> set[str]:
        """Their classes."""
        return {self.classes[name] for name in names}

    def before(self, names: set[str]) -> set[str]:
        """What some layers depend on, without them."""
        return set().union(*(self.between(set(), name) for name in names)) - names

    def between(self, starts: set[str], end: str) -> set[str]:
        """`end` and the layers before it, back to `starts` (exclusive) or an input."""
        found: set[str] = set()
        pending = [end]
        while pending:
            name = pending.pop()
            if name not in found and name not in starts:
                found.add(name)
                pending += self.sources.get(name, ())
        return found


def _entered_twice(names: Iterable[str]) -> dict[str, str]:
    """Layer name by name scope, when every layer's scope is entered twice, as Keras 3 does.

    TensorFlow makes scopes unique (`Graph.unique_name`), and the tensors are in the second: that
    of `conv2d` is `conv2d_1`, so that of `conv2d_1` becomes `conv2d_1_2`.
    """
    uses: dict[str, int] = {}

    def enter(scope: str) -> str:
        number = uses.get(scope, 0)
        uses[scope] = number + 1
        unique = scope
        while number and unique in uses:
            unique = f"{scope}_{number}"
            number += 1
        uses.setdefault(unique, 1)
        return unique

    return {(enter(name), enter(name))[1]: name for name in names}


def attribute(graph: Subgraph, layers: Layers) -> list[tuple[str, ...]]:
    """Per operator of `graph` the names of its layers, in Keras's order."""
    named = _mentions(graph, layers)
    leaving = _leaving(graph)
    ends: dict[int, str] = dict.fromkeys(graph.inputs, next(iter(layers.classes)))
    found: list[tuple[str, ...]] = []
    for position, operator in enumerate(graph.operators):
        starts = {ends[index] for index in operator.inputs if index in ends}
        owners: set[str] = set()
        end = layers.last if leaving & set(operator.outputs) else layers.latest(named[position])
        if operator.op.name in _CASTS or end is None:
            end = layers.latest(starts)
        else:
            others = set().union(*named[:position], *named[position + 1 :])
            mentioned = named[position]
            if end not in starts:  # old converters mix in names of layers far before
                mentioned = mentioned - layers.before(starts)
            owners = {end, *mentioned} | (layers.between(starts, end) - others)
            owners |= starts & _finished(graph, operator, layers, owners - others)
        if end is not None:
            ends.update(dict.fromkeys(operator.outputs, end))
        found.append(layers.sorted(owners))
    # An operator without a name begins the layer of the one that takes its output.
    for position, operator in reversed([*enumerate(graph.operators)]):
        takers = {user for index in operator.outputs for user in graph.consumers.get(index, ())}
        taking = {name for user in takers for name in found[user]}
        if not found[position] and operator.op.name not in _CASTS and len(taking) == 1:
            found[position] = tuple(taking)
    return found


def _mentions(graph: Subgraph, layers: Layers) -> list[set[str]]:
    """Per operator the layers that the names of its outputs mention.

    Old converters mix up the names of like operators, so one with weights is not believed to be
    of a layer whose weights are those of others.
    """
    mentioned = [_names(graph, operator.outputs, layers) for operator in graph.operators]
    weighted = [_names(graph, _weights(graph, each), layers) for each in graph.operators]
    everywhere = set().union(*weighted)
    return [
        names - (everywhere - own) if own else names
        for names, own in zip(mentioned, weighted, strict=True)
    ]


def _leaving(graph: Subgraph) -> set[int]:
    """The model's outputs, and what they are before their type is changed."""
    leaving = set(graph.outputs)
    for operator in reversed(graph.operators):
        if operator.op.name in _CASTS and leaving & set(operator.outputs):
            leaving |= set(operator.inputs)
    return leaving


def _finished(graph: Subgraph, operator: Operator, layers: Layers, owners: set[str]) -> set[str]:
    """Layers that an operator computes the rest of, if its input belongs to them."""
    if operator.op.activation and owners and layers.kinds(owners) <= _ACTIVATIONS:
        return set(layers.classes)  # an activation alone makes no operator with it fused
    return _names(graph, _weights(graph, operator), layers)


def _weights(graph: Subgraph, operator: Operator) -> list[int]:
    """The constants of two or more dimensions that an operator computes with."""
    return [
        index
        for index in operator.inputs
        if index >= 0
        and graph.tensors[index].data is not None
        and len(graph.tensors[index].shape) > 1
        and (graph.tensors[index].scale or graph.tensors[index].type == "FLOAT32")
    ]


def _names(graph: Subgraph, tensors: Iterable[int], layers: Layers) -> set[str]:
    """The layers that the names of some tensors mention."""
    return set().union(*(layers.named(graph.tensors[index].name) for index in tensors))
