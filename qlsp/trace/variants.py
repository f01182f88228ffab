"""Builders that differ in nothing but numbers and names, such as `ResNet50` and `ResNet101`.

They run the same code, so that what is to be said of its lines is said by the first of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Hashable, Iterator

_DIGITS = re.compile(r"\d+")
Pattern = tuple[Hashable, ...]


def pattern(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Pattern:
    """A function's parameters and body without its docstring, its numbers and its names."""
    body = function.body[ast.get_docstring(function, clean=False) is not None :]
    return tuple(part for node in (function.args, *body) for part in _parts(node))


def _parts(node: object) -> Iterator[Hashable]:
    """The parts of a node in the order of the source, each with how many it is made of."""
    if isinstance(node, ast.Constant):
        number = isinstance(node.value, int | float) and not isinstance(node.value, bool)
        yield (ast.Constant, float if number else (type(node.value), node.value))
    elif isinstance(node, ast.keyword) and _is_name(node.arg, node.value):
        yield (ast.keyword, node.arg)
    elif isinstance(node, ast.Subscript) and (key := _text(node.slice)) is not None:
        yield (ast.Subscript, _DIGITS.sub("", key))  # CONFIGS["regnetx002"]
        yield from _parts(node.value)
    elif isinstance(node, ast.arguments):
        yield from _parameters(node)
    elif isinstance(node, ast.AST):
        yield (type(node), len(node._fields))
        for field in node._fields:
            yield from _parts(getattr(node, field, None))
    elif isinstance(node, list):
        yield (list, len(node))
        for item in node:
            yield from _parts(item)
    else:
        yield node if isinstance(node, Hashable) else None


def _parameters(node: ast.arguments) -> Iterator[Hashable]:
    """Parameters with their defaults; annotations decide nothing."""
    positional = node.posonlyargs + node.args
    required = len(positional) - len(node.defaults)
    defaults = [None] * required + node.defaults + node.kw_defaults
    for parameter, default in zip(positional + node.kwonlyargs, defaults, strict=True):
        yield (ast.arg, parameter.arg)
        if not _is_name(parameter.arg, default):
            yield from _parts(default)
    for rest in (node.vararg, node.kwarg):
        yield (ast.arg, rest and rest.arg)


def _is_name(parameter: str | None, value: ast.expr | None) -> bool:
    """Whether an argument only names a layer or a model."""
    return _text(value) is not None and parameter is not None and parameter.endswith("name")


def _text(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
