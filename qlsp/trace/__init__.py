"""Source to layer graph: an abstract interpreter for the Python that builds models.

`trace` gives every graph that a document builds, `trace_builder` that of one builder. Nothing is
imported or run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qlsp.trace.builder import trace_builder as trace_builder
    from qlsp.trace.graph import LayerGraph as LayerGraph
    from qlsp.trace.graph import Node as Node
    from qlsp.trace.project import Project as Project
    from qlsp.trace.tracer import Trace as Trace
    from qlsp.trace.tracer import trace as trace

_HOME = {
    "LayerGraph": "graph",
    "Node": "graph",
    "Project": "project",
    "Trace": "tracer",
    "trace": "tracer",
    "trace_builder": "builder",
}
__all__ = ["LayerGraph", "Node", "Project", "Trace", "trace", "trace_builder"]


def __getattr__(name: str) -> Any:
    """Import the tracer only where it is used: most files that are linted build no model."""
    if name not in _HOME:
        raise AttributeError(name)
    import importlib

    return getattr(importlib.import_module(f"qlsp.trace.{_HOME[name]}"), name)
