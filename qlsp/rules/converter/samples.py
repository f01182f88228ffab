"""What a representative dataset gives to the converter, by its source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from qlsp.rules.calls import Usage
from qlsp.rules.converter.arrays import Reader
from qlsp.rules.converter.conversion import Conversion
from qlsp.source.document import Document
from qlsp.source.imports import Imports
from qlsp.source.span import Span
from qlsp.trace.program import Callback

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Dataset:
    """The function that a converter is given as its representative dataset."""

    node: _Function
    reader: Reader
    bound: bool

    @property
    def required(self) -> int:
        """How many arguments it has to be called with."""
        arguments = self.node.args
        positional = len(arguments.posonlyargs) + len(arguments.args) - int(self.bound)
        named = sum(default is None for default in arguments.kw_defaults)
        return positional - len(arguments.defaults) + named

    @property
    def samples(self) -> Iterator[ast.expr]:
        """The expressions that it yields, or those in the list that it returns."""
        if isinstance(self.node, ast.Lambda):
            yield from _items(self.node.body)
            return
        yielded = [node for node in _own(self.node) if isinstance(node, ast.Yield)]
        if yielded or any(isinstance(node, ast.YieldFrom) for node in _own(self.node)):
            yield from (node.value for node in yielded if node.value is not None)
            return
        for node in _own(self.node):
            if isinstance(node, ast.Return) and node.value is not None:
                yield from _items(node.value)

    @property
    def gives_nothing(self) -> bool:
        """Whether it certainly returns None."""
        if isinstance(self.node, ast.Lambda):
            body = self.node.body
            return isinstance(body, ast.Constant) and body.value is None
        return not any(
            isinstance(node, ast.Yield | ast.YieldFrom | ast.Raise)
            or (isinstance(node, ast.Return) and node.value is not None)
            for node in _own(self.node)
        )

    def arrays(self, sample: ast.expr) -> list[ast.expr] | None:
        """The arrays of a sample that is a list, or a dict or tuple of them; None if not known."""
        if isinstance(sample, ast.Name):
            value = self.reader.value(sample)
            return self.arrays(value) if value is not None else None
        if isinstance(sample, ast.List | ast.Tuple):
            if any(isinstance(each, ast.Starred) for each in sample.elts):
                return None
            return list(sample.elts)
        if isinstance(sample, ast.Dict):
            return list(sample.values)
        return None


def dataset(each: Conversion) -> Dataset | None:
    """The dataset of a conversion, where it is a function of the same document."""
    held = each.setting("representative_dataset")
    if held is None or not isinstance(held.value, Callback):
        return None
    document = each.usage.source(held.value.site)
    node = function_at(document, held.value.site.span) if document is not None else None
    if document is None or node is None:
        return None
    return Dataset(node, Reader(Imports.of(document), node), held.value.bound)


def function_at(document: Document, span: Span) -> _Function | None:
    """The function definition or lambda that stands at `span`."""
    for node in ast.walk(document.tree):
        if isinstance(node, _Function) and Span.of(node) == span:
            return node
    return None


def generator_called(usage: Usage, value: ast.expr) -> ast.Call | None:
    """`value`, if it is a call of a generator function of the document."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name):
        return None
    name = value.func.id
    named = [
        node
        for node in ast.walk(usage.document.tree)
        if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    if len(named) != 1 or named[0].decorator_list:
        return None
    yields = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(named[0]))
    return value if yields else None


def _items(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        yield node.elt
    elif isinstance(node, ast.List):
        yield from node.elts


def _own(function: _Function) -> Iterator[ast.AST]:
    """The syntax of a function's body, without that of functions inside it."""
    body = function.body if isinstance(function.body, list) else [function.body]
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop(0)
        yield node
        if not isinstance(node, _Function | ast.ClassDef):
            stack[:0] = list(ast.iter_child_nodes(node))
