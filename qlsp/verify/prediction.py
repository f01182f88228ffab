"""The lowering predicted from source, held against the one that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from qlsp.error import QlspError
from qlsp.lower import lower
from qlsp.lower.lowering import ConversionError, LayerLowering, Lowering, Op, Outcome
from qlsp.source.document import Document, SourceError
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace import Project, trace_builder
from qlsp.trace.graph import LayerGraph
from qlsp.verify.findings import Finding
from qlsp.verify.measurement import Measurement
from qlsp.verify.model import BuiltModel, Layer
from qlsp.verify.target import Target


@dataclass(frozen=True)
class Prediction:
    """What was predicted from source for each workflow, or why nothing was."""

    graph: LayerGraph | None
    lowerings: tuple[Lowering, ...]
    """One per workflow, over the nodes of `graph.flat`; empty without a graph."""
    reason: str = ""
    """Why the graph is missing or not complete."""

    def gap(self, index: int) -> str:
        """Why there is no full prediction for the workflow at `index`; empty if there is one.

        After an error the other layers need not be known.
        """
        if self.graph is None or self.reason:
            return self.reason
        lowering = self.lowerings[index]
        unknown = [each for each in lowering.layers if each.outcome is Outcome.UNKNOWN]
        if lowering.error is not None or not unknown:
            return ""
        return f"{self.graph.flat.nodes[unknown[0].node].cls}: {unknown[0].reason}"


@dataclass(frozen=True, slots=True)
class Row:
    """One step of two op lists laid side by side; None where one has nothing."""

    predicted: Op | None
    measured: int | None
    """Index of the measured operator."""


def predict(target: Target, workflows: Sequence[Workflow], toolchain: Toolchain) -> Prediction:
    """Trace the builder in the source and lower what it makes. Never raises for its content."""
    if target.is_file:
        return Prediction(None, (), "a model file has no source")
    try:
        changed = {path.resolve(): text for path, text in target.texts.items()}
        text = changed.get(target.file.resolve())
        document = (
            Document.read(target.file) if text is None else Document.decode(str(target.file), text)
        )
        documents = {str(path): Document.decode(str(path), each) for path, each in changed.items()}
        project = Project(target.roots[0] if target.roots else None, target.roots[1:], documents)
        graph = trace_builder(document, target.builder, project, target.arguments)
    except (QlspError, SourceError, OSError) as error:
        return Prediction(None, (), str(error))
    lowerings = tuple(lower(graph, workflow, toolchain) for workflow in workflows)
    return Prediction(graph, lowerings, _lost(graph))


def _lost(graph: LayerGraph) -> str:
    for hole in graph.holes:
        where = f"line {hole.site.span.line}: " if hole.site is not None else ""
        return where + hole.reason
    return ""


def agrees(lowering: Lowering, measurement: Measurement) -> bool:
    """Whether the prediction came true: the same ops in the same order, or an error in the same
    stage.
    """
    if lowering.error is not None or measurement.error is not None:
        return _stage(lowering.error) == _stage(measurement.error)
    return lowering.ops == measurement.ops


def _stage(error: ConversionError | None) -> str | None:
    return None if error is None else error.stage


def side_by_side(lowering: Lowering, measurement: Measurement) -> list[Row]:
    """The predicted and the measured ops, aligned."""
    predicted, measured = lowering.ops, measurement.ops
    rows = []
    matcher = SequenceMatcher(None, predicted, measured, autojunk=False)
    for _, start, end, first, last in matcher.get_opcodes():
        for step in range(max(end - start, last - first)):
            rows.append(
                Row(
                    predicted[start + step] if start + step < end else None,
                    first + step if first + step < last else None,
                )
            )
    return rows


def measured_lowering(
    graph: LayerGraph, measurement: Measurement, found: Sequence[Finding]
) -> Lowering:
    """What was measured as a lowering of `graph.flat`, like the predicted one."""
    flat = graph.flat
    layer_of = match_nodes(flat, measurement.model)
    node_of = {layer: node for node, layer in layer_of.items()}
    own: dict[int, list[int]] = {}
    into: dict[int, int] = {}
    for index, mapped in enumerate(measurement.operators):
        for layer in mapped.layers[:1]:
            own.setdefault(layer, []).append(index)
        for layer in mapped.layers[1:]:
            into.setdefault(layer, mapped.layers[0])
    bad = {layer: each for each in reversed(found) for layer in each.layers[:1]}
    layers = []
    for node in flat.nodes:
        layer = layer_of.get(node.index, -1)
        if layer < 0:
            outcome, reason = Outcome.UNKNOWN, "not found in the built model"
            layers.append(LayerLowering(node.index, outcome, reason=reason))
        elif layer in bad:
            ops = tuple(measurement.ops[each] for each in own.get(layer, ()))
            layers.append(
                LayerLowering(node.index, bad[layer].outcome, ops, reason=bad[layer].message)
            )
        elif layer in own:
            ops = tuple(measurement.ops[each] for each in own[layer])
            layers.append(LayerLowering(node.index, Outcome.OWN_OP, ops))
        elif layer in into:
            head = node_of.get(into[layer])
            layers.append(LayerLowering(node.index, Outcome.FUSED, into=head))
        else:
            outcome = Outcome.REMOVED if measurement.error is None else Outcome.UNKNOWN
            layers.append(LayerLowering(node.index, outcome))
    return Lowering(
        measurement.workflow,
        measurement.toolchain,
        tuple(layers),
        measurement.ops,
        measurement.error,
    )


def match_nodes(flat: LayerGraph, model: BuiltModel) -> dict[int, int]:
    """Per node of a traced graph the layer that it is in the built model.

    By name where the code gives one, else by class and line of construction, in order.
    """
    by_name: dict[str, list[int]] = {}
    for layer in model.layers[1:]:
        by_name.setdefault(layer.name, []).append(layer.index)
    found: dict[int, int] = {}
    taken: dict[int, int] = {}
    """Layer of the model by layer of the graph: a layer applied twice is one."""
    left = {layer.index for layer in model.layers[1:]}
    for node in flat.nodes:
        if node.layer in taken:
            found[node.index] = taken[node.layer]
            continue
        named = by_name.get(node.name or "", [])
        if len(named) == 1:
            candidates = named
        else:
            candidates = [
                layer.index
                for layer in model.layers[1:]
                if layer.index in left
                and layer.cls == node.cls
                and node.construct is not None
                and _made_at(layer, node.construct.span.line, node.construct.span.end_line)
            ]
        if candidates:
            found[node.index] = taken[node.layer] = candidates[0]
            left.discard(candidates[0])
    return found


def _made_at(layer: Layer, first: int, last: int) -> bool:
    return bool(layer.site) and first <= layer.site[0].line <= last
