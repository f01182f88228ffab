"""A lowering for people, and as data; the data is documented in `docs/lowering.md`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import qlsp
from qlsp.lower.lowering import LayerLowering, Lowering, Outcome
from qlsp.source.document import Document
from qlsp.source.span import Site
from qlsp.trace.graph import LayerGraph, Node

VERSION = 1
"""Raised when a reader of the old form could misread the new one; new keys don't count."""


def as_data(
    document: Document,
    graph: LayerGraph,
    names: Mapping[int, str],
    lowerings: Sequence[Lowering],
) -> dict[str, object]:
    """What `qlsp lower --format json` prints; `graph` is the flat one."""
    return {
        "version": VERSION,
        "qlsp": qlsp.__version__,
        "file": document.path,
        "builder": graph.name,
        "lowerings": [_lowering(document, graph, names, each) for each in lowerings],
    }


def _lowering(
    document: Document, graph: LayerGraph, names: Mapping[int, str], lowering: Lowering
) -> dict[str, object]:
    error = lowering.error
    toolchain = lowering.toolchain
    return {
        "workflow": lowering.workflow,
        "toolchain": {
            "tensorflow": toolchain.tensorflow,
            "keras": toolchain.keras,
            "tfmot": toolchain.tfmot,
        },
        "layers": [
            {
                "name": names[layer.node],
                "class": node.cls,
                **_place(document, node),
                "outcome": layer.outcome.value,
                "ops": [str(op) for op in layer.ops],
                "into": None if layer.into is None else names[layer.into],
                "dtype": _dtype(layer),
                "reason": layer.reason or None,
            }
            for node, layer in zip(graph.nodes, lowering.layers, strict=True)
        ],
        "ops": [str(op) for op in lowering.ops],
        "error": error
        and {
            "type": error.type,
            "stage": error.stage,
            "message": error.message,
            "layer": None if error.node is None else names[error.node],
        },
    }


def as_text(
    document: Document,
    graph: LayerGraph,
    names: Mapping[int, str],
    lowering: Lowering,
    note: str = "",
) -> str:
    """A line per layer, then the model's ops or the error."""
    rows = []
    for node, layer in zip(graph.nodes, lowering.layers, strict=True):
        place = _place(document, node)
        where = f"{place['line']}:{place['column']}" if place["line"] else "-"
        rows.append((where, names[node.index], node.cls, _what(layer, names)))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = [f"{lowering.workflow}, {lowering.toolchain}" + (f" ({note})" if note else "")]
    lines += [
        f"  {row[0]:>{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:<{widths[2]}}  {row[3]}".rstrip()
        for row in rows
    ]
    if lowering.error is not None:
        lines.append(f"  {lowering.error.type} ({lowering.error.stage}): {lowering.error.message}")
    else:
        lines.append(f"  = {' '.join(map(str, lowering.ops))}")
    return "\n".join(lines)


def _what(layer: LayerLowering, names: Mapping[int, str]) -> str:
    """One layer's outcome in words."""
    if layer.outcome is Outcome.FUSED and layer.into is not None:
        return f"fused into {names[layer.into]}"
    if layer.outcome is Outcome.OWN_OP:
        return " ".join(map(str, layer.ops))
    ops = f": {' '.join(map(str, layer.ops))}" if layer.ops else ""
    reason = f" ({layer.reason})" if layer.reason else ""
    return f"{layer.outcome.value}{ops}{reason}"


def _dtype(layer: LayerLowering) -> str | None:
    """The type that the layer computes in."""
    types = [op.type for op in layer.ops if op.name not in {"QUANTIZE", "DEQUANTIZE"}]
    return next((type_ for type_ in types if type_ == "FLOAT32"), types[-1] if types else None)


def _place(document: Document, node: Node) -> dict[str, object]:
    """File, line and column, both from 1, of where the layer is constructed."""
    site: Site | None = node.construct or node.call
    if site is None:
        return {"path": None, "line": None, "column": None}
    column = site.span.column
    if site.path == document.path:
        column = document.column(site.span.line, column)
    return {"path": site.path, "line": site.span.line, "column": column + 1}
