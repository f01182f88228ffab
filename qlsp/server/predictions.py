"""What the converter will make of the layers at each place in a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from qlsp.linter.analysis import Analysis
from qlsp.lower import LayerLowering, Outcome
from qlsp.rules.cells import Cell
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.versions import describe
from qlsp.source.span import Span
from qlsp.toolchain import Workflow
from qlsp.trace.graph import Node

_HANDOVER = {"QUANTIZE", "DEQUANTIZE"}
"""Ops at the border of what computes in another type; they say nothing of the layer."""


@dataclass
class Prediction:
    """What becomes of the layers that one expression makes; there may be many, of many models."""

    span: Span
    layers: list[tuple[LoweredGraph, Node]] = field(default_factory=list)

    @property
    def layer(self) -> str:
        """The class of the layers."""
        return self.layers[0][1].cls

    def label(self) -> str:
        """It under the newest toolchain, in a few words; empty where nothing is predicted."""
        by_workflow: dict[Workflow, Counter[str]] = {}
        for graph, node in self.layers:
            newest = {cell.workflow: cell for cell in graph.cells}
            for cell, layer in graph.fate(node).items():
                if cell == newest[cell.workflow] and (text := _phrase(graph, layer)):
                    by_workflow.setdefault(cell.workflow, Counter())[text] += 1
        texts = {workflow: _counted(phrases) for workflow, phrases in by_workflow.items()}
        if len(set(texts.values())) == 1:
            return next(iter(texts.values()))
        return "; ".join(f"{workflow}: {text}" for workflow, text in texts.items())

    def table(self) -> str:
        """It under every toolchain of the project, as a Markdown table; empty like `label`."""
        rows = dict.fromkeys(row for layer in self.layers for row in _rows(*layer))
        if not rows:
            return ""
        head = ("layer", "workflow", "versions", "becomes")
        lines = [head, ("---",) * len(head), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def predictions(analysis: Analysis) -> list[Prediction]:
    """The predictions for the expressions in `analysis`'s document that make layers."""
    found: dict[Span, Prediction] = {}
    for graph in analysis.graphs:
        for node in graph.flat.nodes:
            site = node.construct or node.call
            if site is not None and site.path == analysis.document.path and node.kind != "input":
                place = found.setdefault(site.span, Prediction(site.span))
                place.layers.append((graph, node))
    return sorted(found.values(), key=lambda each: each.span)


def _rows(graph: LoweredGraph, node: Node) -> Iterator[tuple[str, ...]]:
    cells: dict[tuple[Workflow, str], list[Cell]] = {}
    for cell, layer in graph.fate(node).items():
        if text := _phrase(graph, layer):
            reason = f" ({layer.reason})" if layer.reason else ""
            cells.setdefault((cell.workflow, text + reason), []).append(cell)
    for (workflow, text), some in cells.items():
        among = [cell.toolchain for cell in graph.cells if cell.workflow == workflow]
        versions = describe([cell.toolchain for cell in some], among).text or "all"
        yield f"`{node.cls}`", workflow, versions, text


def _phrase(graph: LoweredGraph, layer: LayerLowering) -> str:
    """One layer's outcome."""
    ops = [op for op in layer.ops if op.name not in _HANDOVER] or list(layer.ops)
    names = ", ".join(f"{op.name}+{op.activation}" if op.activation else op.name for op in ops)
    types = "/".join(dict.fromkeys(op.type.lower() for op in ops))
    match layer.outcome:
        case Outcome.FUSED if layer.into is not None:
            return f"fused into {graph.flat.nodes[layer.into].cls}"
        case Outcome.OWN_OP:
            return f"{names} · {types}" if ops else ""
        case Outcome.EXTRA_OPS:
            return f"{names} · {types}, avoidable"
        case Outcome.UNKNOWN:
            return ""
        case outcome:
            return f"{names} · {outcome.value}" if ops else outcome.value


def _counted(phrases: Counter[str]) -> str:
    if len(phrases) == 1:
        return next(iter(phrases))
    return " | ".join(f"{count}x {phrase}" for phrase, count in phrases.most_common())
