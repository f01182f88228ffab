"""Which tensors of a graph are its inputs and outputs."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from qlsp.doctor.eight_bit import is_eight_bit
from qlsp.doctor.graphdef import Graph, node_of

_PLACEHOLDERS: Final = frozenset({"Placeholder", "PlaceholderV2"})
_NO_RESULT: Final = frozenset({"Assert", "Const", "NoOp", "Placeholder"})
_CLOSE: Final = 3


@dataclass(frozen=True)
class Unknown:
    """A name that the converter doesn't find."""

    name: str
    kind: str
    """`input` or `output`."""
    close: tuple[str, ...]
    """What may have been meant, the best first."""


def placeholders(graph: Graph) -> list[str]:
    """The nodes that are fed."""
    return [node.name for node in graph if node.op in _PLACEHOLDERS]


def ends(graph: Graph) -> list[str]:
    """The nodes whose results nothing takes; what graph transforms left over only if all is."""
    used = {source for node in graph for source in node.sources}
    used.update(node_of(each) for node in graph for each in node.inputs)
    found = [
        node
        for node in graph
        if node.name not in used and node.op not in _NO_RESULT and node.inputs
    ]
    floats = [node for node in found if node.op == "Dequantize" or not is_eight_bit(node.op)]
    return [node.name for node in floats or found]


def fed(graph: Graph, outputs: Sequence[str]) -> list[str]:
    """The placeholders that the outputs depend on."""
    needed = graph.ancestors(outputs)
    return [name for name in placeholders(graph) if name in needed]


def unknown(graph: Graph, inputs: Sequence[str], outputs: Sequence[str]) -> list[Unknown]:
    """The names given that are no nodes."""
    found = []
    for kind, names, likely in (
        ("input", inputs, placeholders(graph)),
        ("output", outputs, ends(graph)),
    ):
        found += [
            Unknown(name, kind, _close(graph, name, likely))
            for name in names
            if name not in graph.nodes
        ]
    return found


def _close(graph: Graph, name: str, likely: Sequence[str]) -> tuple[str, ...]:
    """Nodes called much the same; failing that, the likely ones."""
    bare = node_of(name)
    if bare in graph.nodes:
        return (bare,)
    tail = bare.rpartition("/")[2].lower()
    same = [each for each in graph.nodes if each.rpartition("/")[2].lower() == tail]
    known = [node.name for node in graph if node.op != "Const"]
    close = difflib.get_close_matches(bare, known, n=_CLOSE, cutoff=0.75)
    folded = [each for each in known if each.lower() == bare.lower()]
    return tuple(dict.fromkeys((*folded, *close, *same[:_CLOSE], *likely[:_CLOSE])))[:_CLOSE]
