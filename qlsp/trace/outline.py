"""What stands in a module's syntax: its definitions, imports and calls, found in one walk."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from qlsp.trace.keras.names import resolve

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_LEAVES = frozenset({"ctx", "op", "ops", "type_comment", "returns", "annotation"})
_FIELDS: dict[type, tuple[str, ...]] = {
    each: tuple(name for name in each._fields if name not in _LEAVES)
    for each in vars(ast).values()
    if isinstance(each, type) and issubclass(each, ast.AST)
    if each not in {ast.Constant, ast.Raise, ast.Assert}
}


@dataclass(slots=True)
class Outline:
    """The parts of one module that tell where it is worth to look."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    """Functions and classes by name, the last of a name."""
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    reads: dict[str, int] = field(default_factory=dict)
    """How often each name is read."""
    _calls: list[ast.Call] = field(default_factory=list)
    _within: dict[int, tuple[int, int]] = field(default_factory=dict)
    """The part of `_calls` that is in the body of a definition (by identity)."""

    def calls(self, definition: ast.AST) -> Sequence[ast.Call]:
        """Those in the body of a definition, but for the errors that it raises."""
        start, end = self._within.get(id(definition), (0, 0))
        return self._calls[start:end]

    def imported(self) -> frozenset[str]:
        """What is imported, wherever: names as written, and their canonical names."""
        names: set[str] = set()
        for node in self.imports:
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif node.module and not node.level:
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
        known = (resolve(name.removesuffix(".*")) for name in names)
        return frozenset(names).union(name.symbol for name in known if name is not None)

    @classmethod
    def of(cls, tree: ast.Module) -> Outline:
        """The outline of a module; the time it takes is linear in its size."""
        found = cls()
        stack: list[Any] = [tree]
        push, extend, pop = stack.append, stack.extend, stack.pop
        reads, calls, within = found.reads, found._calls, found._within
        while stack:
            node = pop()
            kind = type(node)
            if kind is list:
                extend(reversed(node))
                continue
            if kind is ast.Name:
                if type(node.ctx) is ast.Load:
                    reads[node.id] = reads.get(node.id, 0) + 1
                continue
            if kind is ast.Call:
                calls.append(node)
            elif kind is _End:
                start, _ = within[node.definition]
                within[node.definition] = start, len(calls)
                continue
            elif kind is _Begin:
                within[node.definition] = len(calls), 0
                continue
            elif isinstance(node, Definition):
                found.definitions[node.name] = node
                push(_End(id(node)))
                push(node.body)
                push(_Begin(id(node)))
                push(node.decorator_list)
                push(node.bases if isinstance(node, ast.ClassDef) else node.args)
                continue
            elif kind is ast.Import or kind is ast.ImportFrom:
                found.imports.append(node)
                continue
            for name in _FIELDS.get(kind, ()):
                value = getattr(node, name)
                kind = type(value)
                if kind is ast.Name:
                    if type(value.ctx) is ast.Load:
                        reads[value.id] = reads.get(value.id, 0) + 1
                elif value and kind is not ast.Constant and kind is not str:
                    push(value)
        return found


@dataclass(slots=True)
class _Begin:
    definition: int


@dataclass(slots=True)
class _End:
    definition: int
