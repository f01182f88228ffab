"""What stands in a module's syntax: its definitions, imports and calls, found in one walk."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_LEAVES = frozenset({"ctx", "op", "ops", "type_comment", "returns", "annotation"})
_FIELDS: dict[type, tuple[str, ...]] = {
    each: tuple(name for name in each._fields if name not in _LEAVES)
    for each in vars(ast).values()
    if isinstance(each, type) and issubclass(each, ast.AST)
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

    @classmethod
    def of(cls, tree: ast.Module) -> Outline:
        """The outline of a module; the time it takes is linear in its size."""
        found = cls()
        stack: list[object] = [tree]
        push, extend, pop = stack.append, stack.extend, stack.pop
        reads, calls, within = found.reads, found._calls, found._within
        while stack:
            node = pop()
            kind = type(node)
            if kind is ast.Name:
                if type(node.ctx) is ast.Load:  # type: ignore[attr-defined]
                    name = node.id  # type: ignore[attr-defined]
                    reads[name] = reads.get(name, 0) + 1
                continue
            if kind is ast.Constant or kind is ast.Raise or kind is ast.Assert:
                continue
            if kind is list:
                extend(reversed(node))  # type: ignore[call-overload]
                continue
            if kind is _End:
                start, _ = within[node.definition]  # type: ignore[attr-defined]
                within[node.definition] = start, len(calls)  # type: ignore[attr-defined]
                continue
            if kind is _Begin:
                within[node.definition] = len(calls), 0  # type: ignore[attr-defined]
                continue
            if isinstance(node, Definition):
                found.definitions[node.name] = node
                push(_End(id(node)))
                push(node.body)
                push(_Begin(id(node)))
                push(node.decorator_list)
                push(node.bases if isinstance(node, ast.ClassDef) else node.args)
                continue
            if kind is ast.Import or kind is ast.ImportFrom:
                found.imports.append(node)  # type: ignore[arg-type]
                continue
            if kind is ast.Call:
                calls.append(node)  # type: ignore[arg-type]
            for name in _FIELDS.get(kind, ()):
                value = getattr(node, name)
                if value is not None:
                    push(value)
        return found


@dataclass(slots=True)
class _Begin:
    definition: int


@dataclass(slots=True)
class _End:
    definition: int
