"""Tracing the models of a set from the package's installed source."""

from __future__ import annotations

import ast
import time
from dataclasses import dataclass
from pathlib import Path

from qlsp.error import QlspError
from qlsp.source.document import Document
from qlsp.trace import LayerGraph, Project, trace_builder
from qlsp.trace.graph import Symbol
from tests.yardstick.sets import Model, ModelSet, Package


@dataclass(frozen=True)
class Traced:
    """What the tracer makes of one builder."""

    graph: LayerGraph | None
    error: str
    """Why there is no graph."""
    seconds: float
    """CPU time to trace, files parsed anew."""
    parsing: float
    """CPU time to parse alone the files that were read for it."""


def trace_model(model: Model, models: ModelSet, site: Path) -> Traced:
    """Trace a builder of a set whose package is installed in folder `site`."""
    path = site / f"{model.module.replace('.', '/')}.py"
    return trace_document(Document.read(path), model, project_of(models, site))


def project_of(package: Package, site: Path) -> Project:
    """What the tracer may follow: the package itself, and what was installed with it."""
    return Project(site) if package.requirements else Project()


def trace_document(document: Document, model: Model, project: Project) -> Traced:
    """Trace a builder of a document."""
    settings = {
        key: Symbol(value["module"]) if isinstance(value, dict) else value
        for key, value in model.kwargs.items()
    }
    start = time.process_time()
    graph, error = None, ""
    try:
        graph = trace_builder(document, model.builder, project, settings)
    except QlspError as raised:
        error = str(raised)
    seconds = time.process_time() - start
    texts = [document.text, *(read.text for _, read in project._parsed.values() if read)]
    return Traced(graph, error, seconds, sum(map(_time_to_parse, texts)))


def _time_to_parse(text: str) -> float:
    start = time.process_time()
    ast.parse(text)
    return time.process_time() - start


def site_of(package: Package, python: Path, folder: Path) -> Path:
    """Where a package is installed: in `folder`, or with TensorFlow's interpreter `python`."""
    if package.requirements:
        return folder / "site"
    return next((python.parent.parent / "lib").glob("python3.*/site-packages"))
