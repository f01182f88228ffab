"""What a document's imports bind, and how to add one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Span


@dataclass(frozen=True, slots=True)
class Binding:
    """One name bound by an import."""

    name: str
    target: str
    """What it stands for: `tensorflow.keras.layers`, `tf_keras.layers.Conv2D`."""
    statement: ast.Import | ast.ImportFrom

    @property
    def module(self) -> str | None:
        """For `from M import name`, the module M as written; None for relative imports."""
        if isinstance(self.statement, ast.ImportFrom) and not self.statement.level:
            return self.statement.module
        return None


class Imports:
    """The imports of a document, at any depth, and the other names bound at module level."""

    def __init__(self, document: Document) -> None:
        """Raises `SourceError` if the document does not parse."""
        self.document = document
        self.bindings: dict[str, Binding] = {}
        self.stars: list[str] = []
        for node in ast.walk(document.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for binding in _bindings(node):
                    if binding.name == "*":
                        self.stars.append(binding.target.removesuffix(".*"))
                    else:
                        self.bindings.setdefault(binding.name, binding)
        self._defined = set(_defined(document.tree))

    @classmethod
    def of(cls, document: Document) -> Imports:
        """The imports of `document`, kept for the documents asked for last."""
        return _imports(document)

    def target(self, expression: ast.expr) -> str | None:
        """The dotted name that an imported name or an attribute of one stands for."""
        if isinstance(expression, ast.Name):
            binding = self.bindings.get(expression.id)
            return binding.target if binding else None
        if isinstance(expression, ast.Attribute):
            base = self.target(expression.value)
            return f"{base}.{expression.attr}" if base else None
        return None

    def reference(self, target: str) -> str | None:
        """The shortest way in which the document can already write `target`."""
        found = [
            binding.name + target[len(binding.target) :]
            for binding in self.bindings.values()
            if target == binding.target or target.startswith(f"{binding.target}.")
        ]
        module, _, name = target.rpartition(".")
        if module in self.stars and not self.is_bound(name):
            found.append(name)
        return min(found, key=lambda each: (each.count("."), len(each)), default=None)

    def is_bound(self, name: str) -> bool:
        """Whether the module gives `name` a meaning already."""
        return name in self.bindings or name in self._defined

    def extend(self, statement: ast.ImportFrom, name: str) -> Edit | None:
        """Import `name`, too, by a `from M import …` that the document has.

        Keeps the order of the names where they are sorted.
        """
        from qlsp.source.items import insert_imported_name  # imports libcst: 0.2 s

        return insert_imported_name(self.document, statement, name)

    def add(self, line: str) -> Edit:
        """Add the import statement `line` after the imports at the top of the module."""
        body = self.document.tree.body
        last = max(
            (
                index
                for index, node in enumerate(body)
                if isinstance(node, ast.Import | ast.ImportFrom)
            ),
            default=None,
        )
        if last is None and body and _is_docstring(body[0]):
            last = 0
        newline = self.document.newline
        if last is None:
            return Edit(0, 0, line + newline)
        _, end = self.document.offsets(Span.of(body[last]))
        rest = self.document.line(body[last].end_lineno or 1)
        end += len(rest) - self.document.position(end)[1]
        return Edit(end, end, newline + line)


def _bindings(node: ast.Import | ast.ImportFrom) -> Iterator[Binding]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield Binding(alias.asname or alias.name, f"{base}.{alias.name}", node)
        elif alias.asname:
            yield Binding(alias.asname, alias.name, node)
        else:  # `import a.b` binds `a`
            top = alias.name.partition(".")[0]
            yield Binding(top, top, node)


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        else:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                    yield inner.id


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


@lru_cache(maxsize=4)
def _imports(document: Document) -> Imports:
    return Imports(document)
