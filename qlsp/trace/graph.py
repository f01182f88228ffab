"""The layer graph: the layers and tensors that model code builds, recovered from source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Literal

from qlsp.source.span import Site


class Unknown(Enum):
    """The value of an expression that the tracer can't decide. Never a guess."""

    UNKNOWN = "?"

    def __repr__(self) -> str:
        return "?"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class LayerRef:
    """A layer given as an argument, e.g. to `Bidirectional` or `TimeDistributed`."""

    cls: str
    name: str | None
    attrs: Mapping[str, object]
    construct: Site | None


@dataclass(frozen=True, slots=True)
class Symbol:
    """A value known only by its canonical dotted name, e.g. `tf.nn.relu6`."""

    name: str

    def __repr__(self) -> str:
        return self.name


Shape = tuple[int | Unknown | None, ...]
"""Static shape with the batch axis first: None is a dynamic axis, UNKNOWN one not decided."""

Flavour = Literal["keras3", "tf_keras", "tf.keras", "tf1"]
"""Through which package the model was written.

`keras3` is an import of `keras` (3 when the toolchain has it), `tf_keras` the legacy package,
`tf.keras` whatever TensorFlow binds there (Keras 2 up to TF 2.15, Keras 3 from 2.16 unless
`TF_USE_LEGACY_KERAS=1`), `tf1` slim, tf.layers, tf.contrib and raw graphs.
"""
Annotation = Literal["default", "configured"]
"""How tfmot is to quantize a layer: in its own way, or as a `QuantizeConfig` says."""


class Style(Enum):
    """How the source connects a layer to its input; decides how a fix rewrites it."""

    CALL = "call"
    """`layer(x)` or `Conv2D(...)(x)`: `Node.call` is that call expression."""
    ELEMENT = "element"
    """an element of a `Sequential([...])` list: `Node.call` is the element's expression."""
    ADD = "add"
    """`model.add(layer)`: `Node.call` is the whole `model.add(...)` call."""
    OP = "op"
    """a function or operator applied to tensors, e.g. `tf.nn.relu6(x)` or `x + y`."""
    IMPLICIT = "implicit"
    """not written out (an input made from `input_shape=`, the inside of a known application)."""


@dataclass(slots=True, eq=False)
class Node:
    """One application of a layer (or of a TensorFlow op) to tensors.

    A layer that is applied twice gives two nodes with the same `layer`.
    """

    index: int
    """Position in `LayerGraph.nodes`; inputs come before their consumers."""
    kind: Literal["input", "layer", "op", "model", "opaque", "choice"]
    """`model`: a Model or Sequential used as a layer; `opaque`: known to be there, not what;
    `choice`: passes on one of its inputs, by a condition that isn't known."""
    cls: str
    """Keras class name (`Conv2D`), user class name, or for an op its canonical name
    (`tf.nn.relu6`, `keras.ops.reshape`, `operator.add`); `Weight` for what `add_weight` made."""
    layer: int
    """Identity of the layer object within the graph."""
    name: str | None
    """The layer's `name=` where the code gives one that could be decided."""
    attrs: Mapping[str, object]
    """Arguments given to the constructor (or op), and `training` where the application gives it,
    by Keras parameter name: None, bool, int, float,
    str, tuple (lists become tuples), dict, `Symbol`, `LayerRef` or `UNKNOWN`.
    A parameter not given is absent: its default is Keras's."""
    inputs: tuple[int, ...]
    """Indexes of the nodes whose outputs it takes, in order."""
    construct: Site | None
    """The constructor call `Conv2D(...)`; for ops the op's expression."""
    call: Site | None
    """The expression that applies it; see `Style`."""
    style: Style
    slots: tuple[int, ...] = ()
    """Which output of each input node it takes; empty when it is the first one of each."""
    attrs_complete: bool = True
    """False if arguments were given that could not be seen (`**unknown`)."""
    shape: Shape | None = None
    """Output shape where it is known (a tuple of shapes is never stored: first output only)."""
    path: tuple[Site, ...] = ()
    """Call path from the root to here: the calls that were interpreted in place."""
    conditions: tuple[Site, ...] = ()
    """Unknown `if` tests under which this node exists."""
    body: LayerGraph | None = None
    """What a nested model or a user-defined layer is made of."""
    function: LayerGraph | None = None
    """What the function of a `Lambda` layer, or one given as `activation=`, does, from its inputs
    on; it is never inlined."""
    escapes: bool = False
    """Whether its output may also be used by code that this graph doesn't show."""
    annotation: Annotation | None = None
    """How `quantize_annotate_layer` marked the layer, if it did."""

    def moved(self, index: int, inputs: tuple[int, ...], slots: tuple[int, ...]) -> Node:
        """A copy at another place of a graph, with other inputs."""
        # A third of what `replace` takes, which matters here.
        return Node(
            *(index, self.kind, self.cls, self.layer, self.name, self.attrs, inputs),
            *(self.construct, self.call, self.style, slots, self.attrs_complete, self.shape),
            *(self.path, self.conditions, self.body, self.function, self.escapes),
            self.annotation,
        )

    def attr(self, key: str, default: object = None) -> object:
        """Constructor argument `key`; `UNKNOWN` if it may have been given unseen."""
        if key in self.attrs:
            return self.attrs[key]
        return default if self.attrs_complete else UNKNOWN


@dataclass(frozen=True, slots=True)
class Hole:
    """A place where the tracer lost track, and why."""

    site: Site | None
    reason: str


@dataclass(frozen=True, slots=True)
class Effect:
    """A call that changes graphs as a whole: a rewrite of `contrib.quantize`, a learning phase."""

    symbol: str
    attrs: Mapping[str, object]
    site: Site | None
    conditions: tuple[Site, ...] = ()
    """Unknown `if` tests under which it is made."""


@dataclass(eq=False)
class LayerGraph:
    """The layers one root (function, class, or module body) builds, in topological order."""

    name: str
    """Qualified name of the root: `build_model`, `Net.call`, `<module>`, `<module>:model`."""
    kind: Literal["functional", "sequential", "subclassed", "fragment"]
    """`fragment`: code that applies layers to tensors without making a Model."""
    flavour: Flavour
    nodes: list[Node]
    site: Site | None = None
    """The root's definition, or the expression that makes the model."""
    outputs: tuple[int, ...] | None = None
    """Nodes whose tensors leave the graph; None when that could not be decided."""
    output_slots: tuple[int, ...] = ()
    """Which output of each output node; empty when it is the first one of each."""
    holes: list[Hole] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    """What the program does to the graph as a whole, in order."""

    @property
    def complete(self) -> bool:
        """Whether nothing of the root was lost."""
        return not self.holes

    @cached_property
    def flat(self) -> LayerGraph:
        """This graph with the bodies of nested models and user-defined layers inlined."""
        from qlsp.trace.flatten import flatten

        return flatten(self)

    @cached_property
    def _consumers(self) -> dict[int, tuple[int, ...]]:
        found: dict[int, list[int]] = {}
        for node in self.nodes:
            for source in node.inputs:
                found.setdefault(source, []).append(node.index)
        return {source: tuple(users) for source, users in found.items()}

    def consumers(self, node: Node) -> tuple[Node, ...]:
        """The nodes that take the output of `node` (once per use)."""
        return tuple(self.nodes[index] for index in self._consumers.get(node.index, ()))

    def producers(self, node: Node) -> tuple[Node, ...]:
        """The nodes that `node` takes its inputs from, in order."""
        return tuple(self.nodes[index] for index in node.inputs)

    def sole_consumer(self, node: Node) -> Node | None:
        """The one node that takes the output of `node`, if certainly nothing else does."""
        users = self.consumers(node)
        if len(users) != 1 or node.escapes:
            return None
        if self.outputs is None or node.index in self.outputs:
            return None
        return users[0]

    def walk(self) -> Iterator[tuple[LayerGraph, Node]]:
        """Every node, those inside nested models and user layers included, with its graph."""
        for node in self.nodes:
            yield self, node
            if node.body is not None:
                yield from node.body.walk()
