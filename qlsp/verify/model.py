"""A model as it was built in the user's interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Place:
    """A line of source."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the model; layer 0 is the model itself."""

    index: int
    parent: int | None
    name: str
    cls: str
    module: str
    site: tuple[Place, ...]
    """Where it was constructed, then the calls that led there; empty if Keras made it."""
    params: int
    """Elements of the weights that it owns itself."""


@dataclass(frozen=True, slots=True)
class Application:
    """One application of a layer within a functional model."""

    layer: int | None
    inputs: tuple[int, ...]
    """Positions of the applications it takes its inputs from."""


@dataclass(frozen=True, slots=True)
class FunctionalGraph:
    """How a functional or Sequential model connects its layers, in topological order."""

    nodes: tuple[Application, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """An input of the model, the batch axis included; None for dynamic axes."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class BuiltModel:
    """What the builder made."""

    name: str
    keras: Literal[2, 3]
    inputs: tuple[Input, ...]
    layers: tuple[Layer, ...]
    graphs: Mapping[int, FunctionalGraph]
    """By the index of the functional model's layer."""
    randomized: int
    """Weights that were at their initial constants and got random values."""
    quantized: bool = False
    """Whether it brings quantizers along: from `quantize_model`, or a graph with fake-quant."""
    keras_package: str = ""
    """The package that its Keras is from, with the version; empty for a graph."""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> BuiltModel:
        """The model that the runner described."""
        model = answer["model"]
        return cls(
            model["name"],
            model["keras"],
            tuple(
                Input(item["name"], tuple(item["shape"]), item["dtype"]) for item in model["inputs"]
            ),
            tuple(
                Layer(
                    index,
                    item["parent"],
                    item["name"],
                    item["cls"],
                    item["module"],
                    tuple(Place(file, line) for file, line in item["site"]),
                    item["params"],
                )
                for index, item in enumerate(model["layers"])
            ),
            {int(index): _graph(graph) for index, graph in model["graphs"].items()},
            answer["randomized"],
            model.get("quantized", False),
            model.get("keras_package", ""),
        )

    @property
    def params(self) -> int:
        """Elements of all weights."""
        return sum(layer.params for layer in self.layers)

    @cached_property
    def flat(self) -> FunctionalGraph | None:
        """The model's graph with nested functional models inlined; None if it has none."""
        return _inline(self.graphs, 0) if 0 in self.graphs else None

    @cached_property
    def paths(self) -> tuple[tuple[str, ...], ...]:
        """Per layer the names that lead to it, its own last; the model itself is left out."""
        paths: list[tuple[str, ...]] = []
        for layer in self.layers:
            above = () if layer.parent is None else paths[layer.parent]
            paths.append((*above, layer.name) if layer.parent is not None else ())
        return tuple(paths)


def _graph(graph: Mapping[str, Any]) -> FunctionalGraph:
    return FunctionalGraph(
        tuple(Application(node["layer"], tuple(node["inputs"])) for node in graph["nodes"]),
        tuple(graph["inputs"]),
        tuple(graph["outputs"]),
    )


def _inline(graphs: Mapping[int, FunctionalGraph], model: int) -> FunctionalGraph:
    graph = graphs[model]
    nodes: list[Application] = []
    ends: list[tuple[int, ...]] = []
    """Per application of `graph` the positions in `nodes` that make its output."""

    def add(layer: int | None, inputs: tuple[int, ...]) -> int:
        nodes.append(Application(layer, inputs))
        return len(nodes) - 1

    for application in graph.nodes:
        inputs = tuple(end for index in application.inputs for end in ends[index])
        if application.layer is None or application.layer not in graphs:
            ends.append((add(application.layer, inputs),))
            continue
        inner = _inline(graphs, application.layer)
        start = len(nodes)
        for position, node in enumerate(inner.nodes):
            if position in inner.inputs:
                number = inner.inputs.index(position)
                add(node.layer, inputs[number : number + 1] or inputs)
            else:
                add(node.layer, tuple(start + index for index in node.inputs))
        ends.append(tuple(start + index for index in inner.outputs))
    outputs = tuple(end for index in graph.outputs for end in ends[index])
    return FunctionalGraph(tuple(nodes), tuple(ends[i][0] for i in graph.inputs), outputs)
