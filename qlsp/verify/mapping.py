"""From the operators of a converted model back to the layers that made them.

Tensor names carry layer names (`model/re_lu/Relu;model/conv2d/BiasAdd`). Where a name is lost
(newer converters drop those of model outputs) the layers follow from the model's graph: an
operator holds all layers between those that its inputs end with and the one that its output
ends with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qlsp.verify.flatbuffer import Operator, Subgraph
from qlsp.verify.model import BuiltModel, FunctionalGraph
from qlsp.verify.scopes import Scopes, scope

CASTS: Final = frozenset({"QUANTIZE", "DEQUANTIZE"})

_VANISHING: Final = frozenset(
    {
        *("InputLayer", "QuantizeLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D"),
        *("GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization"),
    }
)
"""Layers that compute nothing in a converted model, so never the reason for an operator."""


_ARITHMETIC: Final = frozenset({"ADD", "SUB", "MUL", "DIV"})


@dataclass(frozen=True, slots=True)
class MappedOperator:
    """An operator with the layers in it, in the order in which data passes them."""

    operator: Operator
    layers: tuple[int, ...]
    """Indexes in `BuiltModel.layers`; empty if it could not be traced."""


def map_operators(
    graph: Subgraph, model: BuiltModel, aliases: Mapping[str, str]
) -> tuple[MappedOperator, ...]:
    """The operators of `graph`, each with its layers.

    `aliases` gives tfmot's wrappers and the names of the layers they wrap.
    """
    names = Scopes(model, aliases, [tensor.name for tensor in graph.tensors])
    trail = _Trail(graph, model, names)
    found = [trail.layers(operator) for operator in graph.operators]
    _settle_casts(graph, found)
    return tuple(
        MappedOperator(operator, layers)
        for operator, layers in zip(graph.operators, found, strict=True)
    )


class _Trail:
    """Follows the operators in execution order through the model's graph."""

    def __init__(self, graph: Subgraph, model: BuiltModel, names: Scopes) -> None:
        self._graph = graph
        self._model = model
        self._names = names
        self._flat = model.flat
        self._mentioned: set[int] = set()
        """The layers of the flat graph that an operator names."""
        self._leading: set[int] = set()
        """Those that an operator names first."""
        self._done: set[int] = set()
        """Applications that earlier operators belong to."""
        self._ends: dict[int, int] = {}
        """Per tensor the application of the flat graph that it comes out of."""
        self._at: dict[int, list[int]] = {}
        if self._flat is not None:
            for position, application in enumerate(self._flat.nodes):
                if application.layer is not None:
                    self._at.setdefault(application.layer, []).append(position)
            self._enter(self._flat)
            for operator in graph.operators:
                if operator.op.name not in CASTS:
                    self._mentioned |= self._stand(self._named(operator))
                    self._leading |= self._stand(self._first(operator))

    def _enter(self, flat: FunctionalGraph) -> None:
        """Say which application each of the model's inputs is."""
        if len(self._graph.inputs) == len(flat.inputs) == 1:
            self._ends[self._graph.inputs[0]] = flat.inputs[0]
            return
        named = {
            scope(self._model.layers[self._layer(position)].name): position
            for position in flat.inputs
        }
        for tensor in self._graph.inputs:
            name = self._graph.tensors[tensor].name.removeprefix("serving_default_")
            position = named.get(name.split(":")[0])
            if position is not None:
                self._ends[tensor] = position

    def layers(self, operator: Operator) -> tuple[int, ...]:
        """The layers of the next operator."""
        starts = {self._ends[index] for index in operator.inputs if index in self._ends}
        if operator.op.name in CASTS:
            self._leave(operator, max(starts, default=None))
            return ()
        named = self._named(operator)
        if self._flat is None:
            return self._sorted(named or self._of_constants(operator))
        end = self._end(operator, named, starts)
        between = None if end is None else _between(self._flat, starts, end)
        if between is None:
            named = named or self._of_constants(operator) or self._begun(operator, starts)
            self._leave(operator, max(starts, default=None))
            return self._sorted(named or {self._layer(start) for start in starts})
        self._leave(operator, end)
        self._done |= between
        layers = {self._layer(position) for position in between}
        layers |= self._going_on(operator, {self._layer(start) for start in starts})
        return self._sorted(layers | {each for each in named if self._standing(each) in layers})

    def _going_on(self, operator: Operator, begun: set[int]) -> set[int]:
        """The layers of the operators before that this one belongs to as well.

        Of a BatchNormalization that becomes MUL and ADD, the ADD may end with the next layer's
        activation; its constant tells. So does the filter of the second convolution of a separable
        one, which may end with a folded BatchNormalization.
        """
        if operator.op.name in _ARITHMETIC:
            return begun & self._stand(self._of_constants(operator))
        if operator.op.name == "CONV_2D":
            return begun & self._stand(self._of_constant(operator.inputs[1]))
        return set()

    def _begun(self, operator: Operator, starts: set[int]) -> set[int]:
        """The layers that the first half of a separable convolution begins.

        tfmot makes two layers of one, whose names are their own: the layers are those that come
        next on the way to where the second half ends.
        """
        users = [user for each in operator.outputs for user in self._graph.consumers.get(each, ())]
        if operator.op.name != "DEPTHWISE_CONV_2D" or len(users) != 1 or self._flat is None:
            return set()
        second = self._graph.operators[users[0]]
        end = self._end(second, self._named(second), starts)
        between = None if end is None else _between(self._flat, starts, end)
        return {
            self._layer(each)
            for each in between or ()
            if starts.intersection(self._flat.nodes[each].inputs)
        }

    def _named(self, operator: Operator) -> set[int]:
        names = (self._graph.tensors[index].name for index in operator.outputs)
        return {layer for name in names for layer in self._names.layers(name)}

    def _first(self, operator: Operator) -> set[int]:
        """The layer that the operator names first."""
        names = (self._graph.tensors[index].name for index in operator.outputs)
        return {layer for name in names for layer in self._names.layers(name.split(";")[0])}

    def _stand(self, layers: set[int]) -> set[int]:
        return {self._standing(layer) for layer in layers}

    def _standing(self, layer: int) -> int:
        """The layer of the flat graph that `layer` is, or is within."""
        above: int | None = layer
        while above is not None and above not in self._at:
            above = self._model.layers[above].parent
        return layer if above is None else above

    def _end(self, operator: Operator, named: set[int], starts: set[int]) -> int | None:
        """The application that the operator's output comes out of."""
        assert self._flat is not None
        if self._makes_output(operator):
            ends = list(self._flat.outputs)
            if len(ends) == 1:
                return ends[0]
            named = named or self._of_constants(operator)
            reach = [(_between(self._flat, starts, end), end) for end in ends]
            near = [
                (len(layers), end)
                for layers, end in reach
                if layers is not None and named & {self._layer(each) for each in layers}
            ]
            if near:
                return min(near)[1]
        # Names may mention other layers, whose equal constants were merged with this one's.
        first_named = self._stand(self._first(operator))
        others = self._leading - first_named
        standing = self._stand(named)
        ends = sorted(
            end
            for layer in standing - others or standing
            if (end := self._application(layer, starts)) is not None
        )
        for end in reversed(ends):
            if self._explained(starts, end, standing):
                return end
        return ends[0] if ends else None

    def _application(self, layer: int, starts: set[int]) -> int | None:
        """Which application of a layer an operator that comes after `starts` belongs to."""
        applications = self._at.get(layer, [])
        going_on = [each for each in applications if each in starts]
        new = [each for each in applications if each not in self._done]
        return next(iter(going_on or new), None)

    def _explained(self, starts: set[int], end: int, named: set[int]) -> bool:
        """Whether the way to `end` leads through no layer that is named by others only."""
        assert self._flat is not None
        between = _between(self._flat, starts, end)
        return between is not None and all(
            layer in named or layer not in self._mentioned for layer in map(self._layer, between)
        )

    def _makes_output(self, operator: Operator) -> bool:
        """Whether the operator makes an output of the model, through casts at most."""
        pending = list(operator.outputs)
        while pending:
            tensor = pending.pop()
            if tensor in self._graph.outputs:
                return True
            for user in self._graph.consumers.get(tensor, ()):
                if self._graph.operators[user].op.name in CASTS:
                    pending += self._graph.operators[user].outputs
        return False

    def _layer(self, position: int) -> int:
        assert self._flat is not None
        layer = self._flat.nodes[position].layer
        return 0 if layer is None else layer

    def _leave(self, operator: Operator, end: int | None) -> None:
        if end is not None:
            self._ends.update(dict.fromkeys(operator.outputs, end))

    def _of_constants(self, operator: Operator) -> set[int]:
        """The layers whose weights the operator takes."""
        return {layer for index in operator.inputs for layer in self._of_constant(index)}

    def _of_constant(self, index: int) -> set[int]:
        """The layers that a tensor is a weight of; none if it is computed."""
        if index < 0 or self._graph.tensors[index].data is None:
            return set()
        return set(self._names.layers(self._graph.tensors[index].name))

    def _sorted(self, layers: set[int]) -> tuple[int, ...]:
        """In data order, without those that compute nothing or hold another of them."""
        parents = set()
        for layer in layers:
            above = self._model.layers[layer].parent
            while above is not None:
                parents.add(above)
                above = self._model.layers[above].parent
        kept = [
            layer
            for layer in layers - parents
            if layer and self._model.layers[layer].cls not in _VANISHING
        ]
        return tuple(sorted(kept, key=lambda layer: min(self._at.get(layer, [layer]))))


def _between(graph: FunctionalGraph, starts: set[int], end: int) -> set[int] | None:
    """`end` and what comes before it, back to `starts` (exclusive).

    None if that leads past `starts` to an input of the model.
    """
    found: set[int] = set()
    pending = [end]
    while pending:
        position = pending.pop()
        if position in found or (position in starts and position != end):
            continue
        found.add(position)
        if position in starts:
            continue
        if starts and position in graph.inputs:
            return None
        pending += graph.nodes[position].inputs
    return found


def _settle_casts(graph: Subgraph, found: list[tuple[int, ...]]) -> None:
    """A cast belongs to the float operator beside it, or to what it feeds or follows."""
    for index, operator in enumerate(graph.operators):
        if operator.op.name not in CASTS:
            continue
        after = [
            user
            for tensor in operator.outputs
            for user in graph.consumers.get(tensor, ())
            if found[user]
        ]
        before = [
            graph.producer[tensor]
            for tensor in operator.inputs
            if tensor in graph.producer and found[graph.producer[tensor]]
        ]
        near = before + after if operator.op.name == "QUANTIZE" else after + before
        if near:
            found[index] = found[near[0]]
