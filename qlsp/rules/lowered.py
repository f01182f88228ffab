"""A layer graph with its lowerings over all workflows and toolchains that concern it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from qlsp.lower import Behaviour, LayerLowering, Lowering, Outcome, behaviour, lower
from qlsp.lower.bodies import around, flat_ranges
from qlsp.rules.cells import Cell, cells_of
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace.graph import UNKNOWN, Flavour, LayerGraph, Node, Shape, Style

_BY_RANK = (Outcome.EXTRA_OPS, Outcome.FLOAT_ISLAND, Outcome.RAISES)
BAD = frozenset(_BY_RANK)
"""What a better form of the source would not have."""

_OF_DYNAMIC_BATCH = frozenset({"SHAPE", "SPACE_TO_BATCH_ND"})
"""One of these is in what every layer costs that needs the size of the batch."""
_PREDICTED = frozenset(Outcome) - {Outcome.RAISES, Outcome.UNKNOWN, Outcome.REMOVED}


@dataclass(frozen=True, slots=True)
class Cost:
    """How bad a lowering is."""

    raising: int
    floating: int
    ops: int
    unknown: int
    """Layers of which nothing is predicted, and so whose ops are not counted."""

    def worse_than(self, other: Cost) -> bool:
        """Whether more raises, runs in float or stays as an op; or less is known."""
        if self.unknown > other.unknown:
            return True
        gravest = (self.raising, self.floating), (other.raising, other.floating)
        if self.unknown < other.unknown or gravest[0] != gravest[1]:
            return gravest[0] > gravest[1]
        return self.ops > other.ops


class LoweredGraph:
    """A graph, flat, and what becomes of it in each cell; lowered when first asked."""

    def __init__(
        self,
        graph: LayerGraph,
        cells: Sequence[Cell],
        *,
        quantizes: bool = False,
        device: str | None = None,
    ) -> None:
        self.graph = graph
        self.cells = tuple(cells)
        self.quantizes = quantizes
        """Whether its file imports tfmot."""
        self.device = device
        """Where the model is to run, if the project says so."""
        self._lowerings: dict[tuple[Workflow, Behaviour], Lowering] = {}

    @classmethod
    def of(
        cls,
        graph: LayerGraph,
        workflows: Sequence[Workflow],
        toolchains: Sequence[Toolchain],
        *,
        quantizes: bool = False,
        device: str | None = None,
        annotates_in_part: bool = False,
    ) -> LoweredGraph:
        """`graph` in all cells that its code can be meant for.

        A method that is not traced as part of a model (a training step, a layer's `call`) is
        nothing that `quantize_model` ever sees, and neither is what only augments data. Where
        the program annotates single layers only, it sees graphs that have such layers.
        Toolchains whose Keras lacks one of its layers are left out, unless all do.
        """
        if (
            (graph.kind == "fragment" and "." in graph.name)
            or _augments(graph)
            or (annotates_in_part and not any(node.annotation for node in graph.nodes))
        ):
            workflows = [each for each in workflows if each != "qat"]
        return cls(
            graph,
            cells_of(graph, workflows, toolchains),
            quantizes=quantizes,
            device=device,
        )

    @cached_property
    def flat(self) -> LayerGraph:
        """The graph with the bodies of nested models and user-defined layers inlined."""
        return self.graph.flat

    def lowering(self, cell: Cell) -> Lowering:
        """What becomes of the graph in `cell`."""
        key = cell.workflow, behaviour(cell.workflow, cell.toolchain)
        if key not in self._lowerings:
            self._lowerings[key] = lower(self.graph, cell.workflow, cell.toolchain)
        return self._lowerings[key]

    def fate(self, node: Node) -> Mapping[Cell, LayerLowering]:
        """What becomes of `node`, in every cell where that is known.

        A cell in which the model as a whole is refused says nothing about one layer, and neither
        does one in which tfmot refuses the nested model or user-defined layer around it.
        """
        return self._fates[node.index]

    @cached_property
    def _fates(self) -> Sequence[Mapping[Cell, LayerLowering]]:
        """By node of the flat graph."""
        nodes = self.flat.nodes
        found: list[dict[Cell, LayerLowering]] = [{} for _ in nodes]
        for cell in self.cells:
            lowering = self.lowering(cell)
            if lowering.error is not None and lowering.error.node is None:
                continue
            for node, layer in zip(nodes, lowering.layers, strict=True):
                if layer.outcome is Outcome.UNKNOWN:
                    continue
                if cell.workflow == "qat" and node.index in self._inside:
                    continue
                found[node.index][cell] = layer
        return found

    def over_both_keras(self, fate: Mapping[Cell, LayerLowering]) -> Mapping[Cell, LayerLowering]:
        """`fate`, well kept under a major version of Keras for which it is not known at all.

        What one of them does says nothing about the other.
        """
        known = {cell.toolchain.keras for cell in fate if cell.workflow != "qat"}
        others = {
            cell: LayerLowering(0, Outcome.OWN_OP)
            for cell in self.cells
            if cell.workflow != "qat" and known and cell.toolchain.keras not in known
        }
        return {**others, **fate}

    def ends(self, node: Node, outcomes: Collection[Outcome]) -> bool:
        """Whether a layer ends in one of `outcomes` anywhere."""
        return any(layer.outcome in outcomes for layer in self.fate(node).values())

    @cached_property
    def _inside(self) -> frozenset[int]:
        """The nodes of the flat graph that are inside one of the model's own layers."""
        return frozenset(index for body in self._bodies.values() for index in body)

    def fate_of_body(self, node: Node) -> Mapping[Cell, LayerLowering]:
        """What becomes under `qat` of a nested model or user-defined layer of the graph.

        tfmot does not look into either: it refuses them for what they are.
        """
        inside = self._bodies[node.index]
        found = {}
        for cell in self.cells:
            layers = [self.lowering(cell).layers[index] for index in inside]
            refused = next((each for each in layers if each.outcome is Outcome.RAISES), None)
            if cell.workflow == "qat" and refused is not None:
                found[cell] = refused
        return found

    @cached_property
    def _bodies(self) -> Mapping[int, range]:
        """By node of the graph with a body: what it becomes in the flat graph."""
        positions = zip(self.graph.nodes, flat_ranges(self.graph), strict=True)
        return {node.index: body for node, body in positions if node.body is not None}

    def layer_around(self, node: Node) -> Node | None:
        """The user-defined layer or nested model of the graph that a flat node is inside of."""
        if node.index not in self._inside:
            return None
        inside = (index for index, body in self._bodies.items() if node.index in body)
        return next((self.graph.nodes[index] for index in inside), None)

    def layers_around(self, node: Node) -> tuple[Node, ...]:
        """All of those, and of the ones within them, the outermost first."""
        return around(self.graph, node.index) if node.index in self._inside else ()

    def fate_unless(
        self, node: Node, other: Node, faults: Collection[Outcome] = (Outcome.RAISES,)
    ) -> Mapping[Cell, LayerLowering]:
        """`fate`, without the cells in which `other` is itself at fault."""
        elsewhere = self.fate(other)
        return {
            cell: layer
            for cell, layer in self.fate(node).items()
            if cell in elsewhere and elsewhere[cell].outcome not in faults
        }

    def worst_fate(self, one: Node, other: Node) -> Mapping[Cell, LayerLowering]:
        """In each cell the worse of two layers' fates."""
        found = dict(self.fate(one))
        for cell, layer in self.fate(other).items():
            if cell not in found or _rank(found[cell].outcome) < _rank(layer.outcome):
                found[cell] = layer
        return found

    def fate_alone(self, node: Node, without: str | None = None) -> Mapping[Cell, LayerLowering]:
        """What would become of the layer of `node`, were it the only one of the model.

        With `without`, also lacking that argument.
        """
        attrs = {key: node.attrs[key] for key in node.attrs if key not in {without, "name"}}
        shapes = tuple(self.flat.nodes[index].shape for index in node.inputs)
        count = len(shapes)
        # Nothing that tells this layer from another one of its kind: models repeat their layers.
        layer = replace(
            node,
            index=count,
            layer=0,
            name=None,
            attrs=attrs,
            inputs=tuple(range(count)),
            construct=None,
            call=None,
            path=(),
            conditions=(),
            body=None,
        )
        key = self.graph.flavour, repr(layer), shapes, tuple(self.cells)
        if key not in _ALONE:
            if len(_ALONE) >= _MOST_ALONE:
                _ALONE.clear()
            _ALONE[key] = _lower_alone(layer, shapes, self.graph.flavour, self.cells)
        return _ALONE[key]

    def fate_of_argument(self, node: Node, key: str) -> Mapping[Cell, LayerLowering]:
        """`fate`, but for the cells in which the argument `key` is not to blame.

        It is where the layer alone ends in the same way for the same reason, and better without
        the argument; elsewhere the layer counts as well kept.
        """
        fate = self.fate(node)
        if not self.ends(node, BAD):
            return fate
        with_it, without = self.fate_alone(node), self.fate_alone(node, key)
        found = {}
        for cell, layer in fate.items():
            same = (with_it[cell].outcome, with_it[cell].reason) == (layer.outcome, layer.reason)
            blamed = same and _rank(without[cell].outcome) < _rank(layer.outcome)
            found[cell] = layer if blamed else layer._replace(outcome=Outcome.OWN_OP)
        return found

    def with_attrs(self, changes: Mapping[Node, Mapping[str, object]]) -> LoweredGraph:
        """The flat graph with other arguments for some of its nodes."""
        by_index = {node.index: attrs for node, attrs in changes.items()}
        nodes = [
            replace(node, attrs=by_index.get(node.index, node.attrs)) for node in self.flat.nodes
        ]
        return LoweredGraph(replace(self.flat, nodes=nodes), self.cells)

    def without(self, node: Node) -> LoweredGraph:
        """The flat graph with a node that passes its input on."""
        nodes = [
            replace(each, kind="op", cls="tf.identity", attrs={}) if each is node else each
            for each in self.flat.nodes
        ]
        return LoweredGraph(replace(self.flat, nodes=nodes), self.cells)

    @property
    def fate_of_dynamic_batch(self) -> tuple[Mapping[Cell, LayerLowering], tuple[Node, ...]]:
        """What a batch of unknown size costs: in each cell the layers that a fixed one helps.

        They are told as one layer with all their ops, and listed.
        """
        fate, blamed, _ = self._dynamic
        return fate, blamed

    def is_better_with_static_batch(self, bad: Collection[Cell]) -> bool:
        """Whether a batch of one helps in all `bad` cells, and harms in none."""
        return self._static is not None and self._static.better_than(self, bad)

    @property
    def mended_by_static_batch(self) -> frozenset[Node]:
        """The layers that a batch of one would mend."""
        return self._dynamic[2]

    @cached_property
    def _dynamic(
        self,
    ) -> tuple[Mapping[Cell, LayerLowering], tuple[Node, ...], frozenset[Node]]:
        """What a batch of unknown size costs, the layers it costs that, and those it breaks."""
        concerned = {
            cell
            for fate in self._fates
            for cell, layer in fate.items()
            if any(op.name in _OF_DYNAMIC_BATCH for op in layer.ops)
            or (layer.outcome is Outcome.RAISES and cell.workflow != "qat")
        }
        if not concerned or self._static is None:
            return {}, (), frozenset()
        static = LoweredGraph(self._static.graph, sorted(concerned, key=self.cells.index))
        found: dict[Cell, LayerLowering] = {}
        blamed: dict[int, Node] = {}
        mended: set[Node] = set()
        for node in self.flat.nodes:
            if not self.ends(node, BAD):
                continue
            fate, better = self.fate(node), static.fate(static.flat.nodes[node.index])
            for cell, layer in fate.items():
                cost = None if cell not in better else _cost_of_batch(layer, better[cell])
                if cost is None:
                    found.setdefault(cell, layer._replace(outcome=Outcome.OWN_OP, ops=()))
                    continue
                blamed[node.index] = node
                if _rank(better[cell].outcome) < _rank(layer.outcome):
                    mended.add(node)
                known = found.get(cell)
                if known is None or _rank(known.outcome) < _rank(cost.outcome):
                    found[cell] = cost
                elif known.outcome is cost.outcome:
                    found[cell] = known._replace(ops=(*known.ops, *cost.ops))
        for cell in self.cells if blamed else ():
            found.setdefault(cell, LayerLowering(0, Outcome.OWN_OP))
        return found, tuple(blamed.values()), frozenset(mended)

    @cached_property
    def _static(self) -> LoweredGraph | None:
        """The same model with a batch of one; None if its batch has a fixed size already."""
        if not any(map(has_dynamic_batch, self.graph.nodes)):
            return None
        return LoweredGraph(_with_batch(self.graph), self.cells)

    def cost(self, cell: Cell) -> Cost:
        """How bad a cell is.

        A model that is refused as a whole is as bad whatever is in it, and so is one of its layers
        that is refused for what it is made of.
        """
        layers = self.lowering(cell).layers
        outcomes = [layer.outcome for layer in layers]
        if self.lowering(cell).error is not None and not _PREDICTED.intersection(outcomes):
            return Cost(1, 0, 0, 0)
        raising = [self.flat.nodes[each.node] for each in layers if each.outcome is Outcome.RAISES]
        return Cost(
            len({-1 if node.index in self._inside else node.index for node in raising}),
            outcomes.count(Outcome.FLOAT_ISLAND),
            sum(len(layer.ops) for layer in layers),
            outcomes.count(Outcome.UNKNOWN),
        )

    def better_than(self, other: LoweredGraph, bad: Collection[Cell]) -> bool:
        """Whether it is better in all `bad` cells, and worse in none."""
        for cell in other.cells:
            old, new = other.cost(cell), self.cost(cell)
            if new.worse_than(old) or (cell in bad and not old.worse_than(new)):
                return False
        return True


_ALONE: dict[tuple[object, ...], Mapping[Cell, LayerLowering]] = {}
"""What `fate_alone` has found so far, in all models."""
_MOST_ALONE = 10_000


def _lower_alone(
    layer: Node, shapes: Sequence[Shape | None], flavour: Flavour, cells: Sequence[Cell]
) -> Mapping[Cell, LayerLowering]:
    """What becomes of a layer that takes inputs of `shapes`."""
    inputs = [
        Node(
            *(index, "input", "InputLayer", -1 - index, None, {}, (), None, None),
            Style.IMPLICIT,
            shape=shape,
        )
        for index, shape in enumerate(shapes)
    ]
    graph = LayerGraph("", "functional", flavour, [*inputs, layer], outputs=(layer.index,))
    model = LoweredGraph(graph, cells)
    return {cell: model.lowering(cell).layers[layer.index] for cell in cells}


def _cost_of_batch(layer: LayerLowering, better: LayerLowering) -> LayerLowering | None:
    """What becomes of a layer for want of a fixed batch; None if that would not help it.

    Where it would end the same way, but with fewer ops, only what would be gone.
    """
    if _rank(better.outcome) < _rank(layer.outcome):
        return layer
    names = [op.name for op in better.ops]
    gone = tuple(op for op in layer.ops if op.name not in names)
    if better.outcome is layer.outcome and any(op.name in _OF_DYNAMIC_BATCH for op in gone):
        return layer._replace(outcome=Outcome.EXTRA_OPS, ops=gone)
    return None


def _rank(outcome: Outcome) -> int:
    """How bad an outcome is; 0 if it is not."""
    return _BY_RANK.index(outcome) + 1 if outcome in BAD else 0


_PREPARES = frozenset({"CenterCrop", "InputLayer", "Normalization", "Rescaling", "Resizing"})


def _augments(graph: LayerGraph) -> bool:
    """Whether the graph changes training data at random, and does nothing that is learned."""
    classes = [node.cls for node in graph.nodes]
    random = [cls for cls in classes if cls.startswith("Random")]
    return bool(random) and len(random) + sum(cls in _PREPARES for cls in classes) == len(classes)


def has_dynamic_batch(node: Node) -> bool:
    """Whether the node is an input whose batch certainly has no fixed size."""
    if node.kind != "input":
        return False
    if node.shape is not None:
        return node.shape[:1] == (None,)
    is_written = node.cls == "InputLayer" and node.style is not Style.IMPLICIT
    return is_written and node.attrs_complete and _FIXES_BATCH.isdisjoint(node.attrs)


_FIXES_BATCH = frozenset(
    {"batch_size", "batch_shape", "batch_input_shape", "tensor", "input_tensor", "type_spec"}
)
"""Arguments of `Input` that may give the batch a size."""


def _with_batch(graph: LayerGraph) -> LayerGraph:
    """`graph` on a batch of one."""
    nodes = [
        replace(
            node,
            shape=(1, *node.shape[1:]) if node.shape and _is_batch(node) else node.shape,
            body=None if node.body is None else _with_batch(node.body),
        )
        for node in graph.nodes
    ]
    return replace(graph, nodes=nodes)


def _is_batch(node: Node) -> bool:
    """Whether the first axis is a batch of unknown size; a layer's first axis always is one."""
    first = node.shape[0] if node.shape else 1
    return first is None or (first is UNKNOWN and node.kind == "layer")
