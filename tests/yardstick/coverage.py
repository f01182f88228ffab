"""Which of a package's layer construction sites appear in the graphs that are traced in it.

A construction site is a call whose callee names a layer class: one of Keras's, by the file's
imports or as `x.Conv2D` with an `x` that is not imported (a module handed in); a class of the
package that derives from one (by its name, where every class of that name does); or a variable or
attribute of the same file that such a class was assigned to. This is decided here by names alone,
apart from the tracer.
"""

from __future__ import annotations

import ast
import gc
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qlsp.source.document import Document, SourceError
from qlsp.source.span import Site, Span
from qlsp.trace import trace
from qlsp.trace.graph import LayerGraph, LayerRef
from qlsp.trace.keras.names import resolve
from qlsp.trace.keras.signatures import bases
from tests.yardstick.sets import Package
from tests.yardstick.tracing import project_of

_LAYERS = ("layer", "layer_function", "input")


@dataclass
class Coverage:
    """The construction sites of a package."""

    found: int = 0
    missed: list[Site] = field(default_factory=list)
    files: int = 0
    holes: Counter[str] = field(default_factory=Counter)
    """Reasons for which the tracer lost its way, with how often."""
    seconds: float = 0.0
    parsing: float = 0.0
    slowest: tuple[float, str] = (0.0, "")

    @property
    def share(self) -> float:
        """The share of sites that are in a graph."""
        return self.found / max(1, self.found + len(self.missed))


def measure(package: Package, site: Path) -> Coverage:
    """Trace every file of a package that is installed in folder `site`."""
    paths = [
        path
        for path in sorted((site / package.package.replace(".", "/")).rglob("*.py"))
        if not path.name.endswith("_test.py") and "testing" not in path.parts
    ]
    trees = {}
    result = Coverage()
    for path in paths:
        try:
            document = Document.read(path)
            start = time.process_time()
            tree = document.tree
        except (OSError, SourceError):
            continue
        result.parsing += time.process_time() - start
        trees[path] = (document, tree)
    classes = _layer_classes(tree for _, tree in trees.values())
    project = project_of(package, site)
    gc.collect()
    gc.freeze()  # the trees above must not weigh on the time of each trace
    for path, (document, tree) in trees.items():
        sites = set(construction_sites(tree, str(path), classes))
        start = time.process_time()
        graphs = trace(document, project).graphs
        seconds = time.process_time() - start
        result.files += 1
        result.seconds += seconds
        result.slowest = max(result.slowest, (seconds, str(path.relative_to(site))))
        reached = {constructed for graph in graphs for constructed in _constructed(graph)}
        result.found += len(sites & reached)
        result.missed += sorted(sites - reached)
        for graph in graphs:
            result.holes.update(hole.reason for hole in graph.holes)
    gc.unfreeze()
    return result


def _constructed(graph: LayerGraph) -> Iterator[Site]:
    for _, node in graph.walk():
        if node.construct is not None:
            yield node.construct
        yield from _in_arguments(node.attrs)


def _in_arguments(attrs: Mapping[str, object]) -> Iterator[Site]:
    """Layers given as arguments to a wrapper."""
    for value in attrs.values():
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, LayerRef):
                if item.construct is not None:
                    yield item.construct
                yield from _in_arguments(item.attrs)


def construction_sites(tree: ast.Module, path: str, classes: frozenset[str]) -> Iterator[Site]:
    """The calls in a file that make a layer."""
    names = _imported(tree)
    held = _held(tree, names, classes)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_layer(node.func, names, classes, held):
            yield Site(path, Span.of(node))


def _imported(tree: ast.Module) -> dict[str, str]:
    """What the file's import statements bind, as dotted paths."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                names[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _dotted(node: ast.expr, names: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, names)
        return None if owner is None else f"{owner}.{node.attr}"
    return None


def _is_layer(
    callee: ast.expr, names: Mapping[str, str], classes: frozenset[str], held: frozenset[str]
) -> bool:
    if ast.unparse(callee) in held:
        return True
    last = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
    if last in classes:
        return True
    path = _dotted(callee, names)
    if path is None:
        return isinstance(callee, ast.Attribute) and "Layer" in bases(last)
    known = resolve(path)
    return known is not None and known.kind in _LAYERS


def _held(tree: ast.Module, names: Mapping[str, str], classes: frozenset[str]) -> frozenset[str]:
    """Variables and attributes that a layer class (not a layer) is assigned to."""
    held = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Name | ast.Attribute):
            continue
        if _is_layer(node.value, names, classes, frozenset()):
            held.update(map(ast.unparse, node.targets))
    return frozenset(held)


def _layer_classes(trees: Iterator[ast.Module]) -> frozenset[str]:
    """Names of the package's classes that derive from a Keras layer, directly or not."""
    above_all: dict[str, list[set[str]]] = {}
    for tree in trees:
        names = _imported(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                above = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                if any(_is_keras_layer(base, names) for base in node.bases):
                    above.add("")
                above_all.setdefault(node.name, []).append(above)
    found = {""}
    grown = True
    while grown:
        more = {name for name, every in above_all.items() if all(above & found for above in every)}
        grown = bool(more - found)
        found |= more
    return frozenset(found - {""})


def _is_keras_layer(node: ast.expr, names: Mapping[str, str]) -> bool:
    path = _dotted(node, names)
    known = resolve(path) if path is not None else None
    return known is not None and known.kind == "layer"
