"""Which calls of a document may build layers, so that only their functions become roots.

Errs on the side of following: a call is left out only where its callee is certainly something
else, such as `logging.warning` or a method of a string.
"""

from __future__ import annotations

import ast
import builtins

from qlsp.trace import values as v
from qlsp.trace.gate import CONVERTERS, FUNCTIONS, LAYERS
from qlsp.trace.keras.names import resolve
from qlsp.trace.outline import Definition, Outline
from qlsp.trace.scope import Module
from qlsp.trace.tools import TELLING

_KINDS = frozenset({"layer", "model", "sequential", "input", "application", "layer_function"})
_NAMES = LAYERS | FUNCTIONS | CONVERTERS
_BUILTINS = frozenset(dir(builtins))
_OF_LAYERS = frozenset({"add_loss", "add_metric", "add_update", "add_variable", "add_weight"})
"""Methods that a layer inherits, and that build nothing."""


class Interest:
    """The calls of one document (whose body has been run) that may build layers."""

    def __init__(self, module: Module, outline: Outline) -> None:
        self._names = module.names
        self._outline = outline
        self._definitions = outline.definitions
        self._known: dict[str, bool] = {}

    def calls(self, node: ast.AST) -> tuple[ast.Call, ...]:
        """Those within a function or class, the definitions inside it included."""
        return tuple(call for call in self._outline.calls(node) if self._builds(call.func))

    def _builds(self, callee: ast.expr) -> bool:
        if isinstance(callee, ast.Name):
            return self._name_builds(callee.id)
        if isinstance(callee, ast.Attribute):
            if callee.attr in _NAMES:
                return True
            if isinstance(callee.value, ast.Name) and callee.value.id == "self":
                return not self._is_dull(callee.attr)
            path = self._outside(callee)
            if path is not None:
                return _builds_outside(path)
            if callee.attr == "add":  # to a Sequential
                return True
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
        return name not in _BUILTINS

    def _is_dull(self, name: str) -> bool:
        """Whether a definition of the document certainly builds nothing."""
        node = self._definitions.get(name)
        if node is None:
            return name in _OF_LAYERS or name.startswith("assert")
        known = self._known.get(name)
        if known is None:
            self._known[name] = True  # while a recursion is being looked into
            calls = self._outline.calls(node)
            known = not any(self._builds(call.func) for call in calls) and self._inherits_dull(node)
            self._known[name] = known
        return known

    def _inherits_dull(self, node: Definition) -> bool:
        """Whether what a class takes over from others of the document builds nothing."""
        bases = node.bases if isinstance(node, ast.ClassDef) else []
        names = [base.id for base in bases if isinstance(base, ast.Name)]
        return all(self._is_dull(name) for name in names if name in self._definitions)

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
    if known is None:
        return False
    symbol = known.symbol
    return known.kind in _KINDS or is_core_op(symbol) or symbol in TELLING


def is_core_op(symbol: str) -> bool:
    """Whether a function on tensors is what TF1 code has instead of a layer.

    Other functions (`tf.nn.relu`, `keras.ops.sum`) say nothing of a model by themselves: there is
    nothing that they could be fused into.
    """
    return symbol.rpartition(".")[2] in FUNCTIONS or symbol.startswith("slim.")
