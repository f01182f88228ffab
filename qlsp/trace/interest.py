"""Which calls of a document may build layers, so that only their functions become roots.

Errs on the side of following: a call is left out only where its callee is certainly something
else, such as `logging.warning` or a method of a string.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from qlsp.trace import values as v
from qlsp.trace.builtins import BUILTINS
from qlsp.trace.gate import CONVERTERS, FUNCTIONS, LAYERS
from qlsp.trace.keras.names import resolve
from qlsp.trace.scope import Module
from qlsp.trace.tools import TELLING

_KINDS = frozenset({"layer", "model", "sequential", "input", "application", "layer_function", "op"})
_NAMES = LAYERS | FUNCTIONS | CONVERTERS
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Interest:
    """The calls of one document (whose body has been run) that may build layers."""

    def __init__(self, module: Module) -> None:
        self._names = module.names
        self._definitions = {
            node.name: node
            for node in ast.walk(module.document.tree)
            if isinstance(node, _Definition)
        }
        self._known: dict[str, bool] = {}

    def calls(self, node: ast.AST) -> tuple[ast.Call, ...]:
        """Those within a function or class, the definitions inside it included."""
        return tuple(call for call in _calls(node) if self._builds(call.func))

    def _builds(self, callee: ast.expr) -> bool:
        if isinstance(callee, ast.Name):
            return self._name_builds(callee.id)
        if isinstance(callee, ast.Attribute):
            if callee.attr in _NAMES or callee.attr == "add":
                return True
            if isinstance(callee.value, ast.Name) and callee.value.id == "self":
                return not self._is_dull(callee.attr)
            path = self._outside(callee)
            if path is not None:
                return _builds_outside(path)
            return callee.attr in self._definitions and self._name_builds(callee.attr)
        return isinstance(callee, ast.Call | ast.Subscript | ast.IfExp | ast.Lambda)

    def _name_builds(self, name: str) -> bool:
        if name in _NAMES:
            return True
        if name in self._definitions:
            return not self._is_dull(name)
        value = self._names.get(name)
        if isinstance(value, v.External):
            return _builds_outside(value.path)
        return name not in BUILTINS

    def _is_dull(self, name: str) -> bool:
        """Whether a definition of the document certainly builds nothing."""
        node = self._definitions.get(name)
        if node is None:
            return name in ("add_weight", "add_loss", "add_metric", "assertEqual", "assertTrue")
        known = self._known.get(name)
        if known is None:
            self._known[name] = True  # while a recursion is being looked into
            known = self._known[name] = not any(self._builds(call.func) for call in _calls(node))
        return known

    def _outside(self, callee: ast.expr) -> str | None:
        """The dotted path of a callee that was imported from outside."""
        parts: list[str] = []
        while isinstance(callee, ast.Attribute):
            parts.append(callee.attr)
            callee = callee.value
        if not isinstance(callee, ast.Name):
            return None
        value = self._names.get(callee.id)
        if not isinstance(value, v.External):
            return None
        return ".".join([value.path, *reversed(parts)])


def _builds_outside(path: str) -> bool:
    known = resolve(path)
    return known is not None and (known.kind in _KINDS or known.symbol in TELLING)


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls within a definition that are carried out when it is used, not errors raised."""
    stack: list[ast.AST] = list(_body(node))
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Raise | ast.Assert):
            continue
        if isinstance(current, ast.Call):
            yield current
        stack.extend(ast.iter_child_nodes(current))


def _body(node: ast.AST) -> list[ast.stmt]:
    return node.body if isinstance(node, _Definition) else []
