"""The graph that operations are to lead to, to hold the rewritten source against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from qlsp.rules.rewrite.operations import (
    Given,
    InsertAfter,
    NewLayer,
    Operation,
    Remove,
    RemoveArgument,
    RemoveCallArgument,
    Replace,
    SetArgument,
    Swap,
)
from qlsp.trace.graph import LayerGraph, LayerRef


@dataclass
class _Cell:
    cls: str
    name: str | None
    attrs: dict[str, object]
    inputs: list[int]


@dataclass
class Draft:
    """A flat graph reduced to what it computes: classes, arguments and connections."""

    cells: dict[int, _Cell] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    """Keys of `cells`; inputs come before their consumers."""
    outputs: list[int] | None = None

    @classmethod
    def of(cls, graph: LayerGraph) -> Draft:
        """The draft of a flat graph."""
        return cls(
            {
                node.index: _Cell(node.cls, node.name, dict(node.attrs), list(node.inputs))
                for node in graph.nodes
            },
            [node.index for node in graph.nodes],
            None if graph.outputs is None else list(graph.outputs),
        )

    def apply(self, operation: Operation) -> None:
        """Change the draft as `operation` says; its nodes are those of the graph."""
        match operation:
            case Swap(first, second):
                one, other = self.cells[first.index], self.cells[second.index]
                one.cls, other.cls = other.cls, one.cls
                one.name, other.name = other.name, one.name
                one.attrs, other.attrs = other.attrs, one.attrs
            case InsertAfter(node, layer):
                key = len(self.cells)
                self._reconnect(node.index, key)
                self.cells[key] = _Cell(layer.cls, None, _attrs(layer), [node.index])
                self.order.insert(self.order.index(node.index) + 1, key)
            case Remove(node):
                self._reconnect(node.index, self.cells[node.index].inputs[0])
                self.order.remove(node.index)
            case Replace(node, layer):
                cell = self.cells[node.index]
                cell.cls, cell.attrs = layer.cls, _attrs(layer)
            case SetArgument(node, key, value):
                self.cells[node.index].attrs[key] = value
            case RemoveArgument(node, key, _) | RemoveCallArgument(node, key):
                self.cells[node.index].attrs.pop(key, None)

    def _reconnect(self, old: int, new: int) -> None:
        for index in self.order:
            cell = self.cells[index]
            cell.inputs = [new if source == old else source for source in cell.inputs]
        if self.outputs is not None:
            self.outputs = [new if source == old else source for source in self.outputs]


def _attrs(layer: NewLayer) -> dict[str, object]:
    return {
        key: value.node.attrs.get(value.key) if isinstance(value, Given) else value
        for key, value in layer.attrs.items()
    }


def equal(drafts: Iterable[Draft], others: Iterable[Draft]) -> bool:
    """Whether the graphs compute the same, in whatever order their layers are listed."""
    known: dict[object, int] = {}
    return [_signature(each, known) for each in drafts] == [
        _signature(each, known) for each in others
    ]


def _signature(draft: Draft, known: dict[object, int]) -> object:
    """One number per cell for what it computes from its inputs, counted."""
    numbers: dict[int, int] = {}
    for index in draft.order:
        cell = draft.cells[index]
        inputs = tuple(numbers.get(source, -1) for source in cell.inputs)
        key = (cell.cls, cell.name, _frozen(cell.attrs), inputs)
        numbers[index] = known.setdefault(key, len(known))
    outputs = None if draft.outputs is None else [numbers.get(each, -1) for each in draft.outputs]
    return Counter(numbers.values()), outputs


def _frozen(value: object) -> object:
    """`value` in a form that can be hashed and compared."""
    if isinstance(value, Mapping):
        return frozenset((key, _frozen(each)) for key, each in value.items() if key != "name")
    if isinstance(value, tuple | list):
        return tuple(_frozen(each) for each in value)
    if isinstance(value, slice):
        return "slice", _frozen(value.start), _frozen(value.stop), _frozen(value.step)
    if isinstance(value, LayerRef):
        return value.cls, value.name, _frozen(value.attrs)
    return value
