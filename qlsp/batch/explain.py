"""Why nothing is said about a file: what decides, and where the tracer lost track."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from qlsp.batch.session import Options, Session
from qlsp.files import SourceFile
from qlsp.source.document import Document, SourceError
from qlsp.toml import shown
from qlsp.trace.gate import builds_layers, may_build_layers
from qlsp.trace.graph import Hole, LayerGraph


def explain(files: Iterable[SourceFile], options: Options) -> Iterator[str]:
    """A line per project, per graph and per hole. Traces every file anew."""
    session = Session(options)
    told = set()
    for file in files:
        if file.config.root not in told:
            told.add(file.config.root)
            settings = session.settings(file.config)
            origin = shown(file.config.file) if file.config.file else "defaults"
            yield f"{shown(file.config.root)}: settings from {origin}"
            yield f"  toolchains: {'; '.join(map(str, settings.toolchains))}"
            asked = ", ".join(settings.workflows or ("found per file",))
            yield f"  workflows: {asked}"
        yield from _file(session, file)


def _file(session: Session, file: SourceFile) -> Iterator[str]:
    try:
        data = Path(file.path).read_bytes()
        document = Document.decode(str(Path(file.path).absolute()), data)
        concerned = may_build_layers(data) and builds_layers(document.tree)
    except (OSError, SourceError):
        return
    if not concerned:
        yield f"{file.path}: nothing in it builds layers or converts a model"
        return
    from qlsp.trace import trace

    graphs = trace(document, session.project(file.config)).graphs
    if not graphs:
        yield f"{file.path}: no layer graph was found"
    for graph in graphs:
        holes = list(_holes(graph))
        state = f"{len(holes)} gaps" if holes else "complete"
        yield f"{file.path}: {graph.name}: {graph.kind}, {len(graph.nodes)} nodes, {state}"
        for hole in holes:
            line = f":{hole.site.span.line}" if hole.site else ""
            place = shown(Path(hole.site.path)) if hole.site else file.path
            yield f"  {place}{line}: {hole.reason}"


def _holes(graph: LayerGraph) -> Iterator[Hole]:
    yield from graph.holes
    for node in graph.nodes:
        if node.body is not None:
            yield from _holes(node.body)
