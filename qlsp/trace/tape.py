"""Recording the applications of layers, and cutting layer graphs out of the record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

from qlsp.source.span import Site
from qlsp.trace.graph import Effect, Flavour, Hole, LayerGraph, Node, Style
from qlsp.trace.keras.order import functional_order
from qlsp.trace.values import Choice, Tensor, Unknown

K = TypeVar("K")
V = TypeVar("V")
GraphKind = Literal["functional", "sequential", "subclassed", "fragment"]


class Tape:
    """Every node of a root, or of the inside of one model or user-defined layer, in order."""

    def __init__(self, parent: Tape | None = None) -> None:
        self.parent = parent
        self.nodes: list[Node] = []
        self.unknowns: dict[int, tuple[Unknown, Tensor]] = {}
        """Unknown values that were used as tensors."""
        self.captured: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        """Tensors of other tapes used here: the outer one and its stand-in."""
        self.choices: dict[int, tuple[Choice, Tensor]] = {}
        """Choices that were used as tensors."""
        self.holes: list[tuple[Hole, Node | None]] = []
        self.flavour: Flavour = "tf.keras"
        self.effects: list[Effect] = []
        self.used: set[int] = set()
        """Indexes of nodes that went into a model."""

    def add(self, node: Node) -> Node:
        """Append a node; gives it its index."""
        node.index = len(self.nodes)
        self.nodes.append(node)
        return node

    def local(self, tensor: Tensor) -> Tensor:
        """`tensor` as seen on this tape: one from outside gets an input node of its own."""
        if tensor.tape is self:
            return tensor
        key = (id(tensor.node), tensor.slot)
        found = self.captured.get(key)
        if found is None:
            node = self.add(
                Node(
                    index=0,
                    kind="input",
                    cls="InputLayer",
                    layer=-1,
                    name=None,
                    attrs={},
                    inputs=(),
                    construct=None,
                    call=None,
                    style=Style.IMPLICIT,
                    shape=tensor.shape,
                )
            )
            found = self.captured[key] = (tensor, Tensor(node, self, 0, tensor.shape))
        return found[1]

    def truncate(self, length: int) -> None:
        """Take back every node after the first `length`: the way that made them raises."""
        if len(self.nodes) == length:
            return
        del self.nodes[length:]
        _forget(self.unknowns, length)
        _forget(self.captured, length)
        _forget(self.choices, length)
        self.holes = [
            (hole, node) for hole, node in self.holes if node is None or node.index < length
        ]

    def hole(self, site: Site | None, reason: str, node: Node | None = None) -> None:
        """Note a place where the program was lost."""
        self.holes.append((Hole(site, reason), node))


def _forget(known: dict[K, tuple[V, Tensor]], length: int) -> None:
    for key in [key for key, (_, made) in known.items() if made.node.index >= length]:
        del known[key]


def cut(
    tape: Tape,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    *,
    name: str,
    kind: GraphKind,
    flavour: Flavour,
    site: Site | None,
) -> tuple[LayerGraph, tuple[int, ...]]:
    """The part of the tape between `inputs` and `outputs`, and the indexes of its nodes."""
    stop = {tensor.node.index for tensor in inputs}
    wanted = functional_order(
        [node.inputs for node in tape.nodes],
        [node.layer if node.layer >= 0 else -1 - node.index for node in tape.nodes],
        [tensor.node.index for tensor in outputs],
        sorted(stop),
    ).nodes
    tape.used.update(wanted)
    inner = {
        tensor.node.index: _stand_in(tensor) for tensor in inputs if tensor.node.kind != "input"
    }
    graph = _extract(tape, wanted, outputs, inner, name, kind, flavour, site)
    return graph, wanted


def whole(
    tape: Tape,
    outputs: Sequence[Tensor] | None,
    *,
    name: str,
    kind: GraphKind,
    flavour: Flavour,
    site: Site | None,
) -> LayerGraph:
    """Everything on the tape."""
    wanted = tuple(range(len(tape.nodes)))
    return _extract(tape, wanted, outputs, {}, name, kind, flavour, site)


def _extract(
    tape: Tape,
    wanted: tuple[int, ...],
    outputs: Sequence[Tensor] | None,
    instead: dict[int, Node],
    name: str,
    kind: GraphKind,
    flavour: Flavour,
    site: Site | None,
) -> LayerGraph:
    new = {old: position for position, old in enumerate(wanted)}
    nodes = []
    for old in wanted:
        node = instead.get(old) or tape.nodes[old]
        taken = tuple(new[source] for source in node.inputs if source in new)
        nodes.append(node.moved(new[old], taken, node.slots))
    outside = (
        source
        for node in tape.nodes
        if node.index not in new
        for source in node.inputs
        if source in new
    )
    for source in outside:
        nodes[new[source]].escapes = True
    holes = [
        hole
        for hole, node in tape.holes
        if (node is None and len(wanted) == len(tape.nodes))
        or (node is not None and node.index in new)
    ]
    return LayerGraph(
        name=name,
        kind=kind,
        flavour=flavour,
        nodes=nodes,
        site=site,
        outputs=None if outputs is None else tuple(new[t.node.index] for t in outputs),
        output_slots=_slots(outputs or ()),
        holes=holes,
        effects=tape.effects,
    )


def _stand_in(tensor: Tensor) -> Node:
    return Node(
        index=0,
        kind="input",
        cls="InputLayer",
        layer=-1,
        name=None,
        attrs={},
        inputs=(),
        construct=None,
        call=None,
        style=Style.IMPLICIT,
        shape=tensor.shape,
    )


def _slots(tensors: Iterable[Tensor]) -> tuple[int, ...]:
    slots = tuple(tensor.slot for tensor in tensors)
    return slots if any(slots) else ()
