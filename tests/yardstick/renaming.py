"""Renaming what a source file itself names, so that nothing can be known by its name."""

from __future__ import annotations

import ast
import builtins


def renamed(text: str, keep: frozenset[str]) -> str:
    """The same program with other names for its variables, functions and parameters.

    What stays: names in `keep`, classes (they are in the graph), attributes, methods, names that
    also stand in a string of the file (as keys of keyword arguments do), and keywords of calls of
    variables.
    """
    tree = ast.parse(text)
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    parameters = {
        node.name: _parameters(node)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    stay = keep | strings | _loose_keywords(tree, parameters) | {"self", "cls", *dir(builtins)}
    names = {name: f"q{number}" for number, name in enumerate(sorted(_bound(tree) - stay))}
    return ast.unparse(_Renamer(names, parameters).visit(tree))


def _bound(tree: ast.Module) -> set[str]:
    methods = {
        id(item)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for item in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and id(node) not in methods:
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            if id(node) not in methods:
                found.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(alias.asname for alias in node.names if alias.asname)
            if isinstance(node, ast.ImportFrom):
                found.update(alias.name for alias in node.names if alias.name != "*")
    return found


def _parameters(node: ast.FunctionDef | ast.ClassDef) -> set[str]:
    if isinstance(node, ast.ClassDef):
        made = [
            item
            for item in node.body
            if isinstance(item, ast.FunctionDef) and item.name == "__init__"
        ]
        return _parameters(made[0]) if made else set()
    arguments = node.args
    return {a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}


def _loose_keywords(tree: ast.Module, parameters: dict[str, set[str]]) -> set[str]:
    """Keywords of calls of which it can't be told here whose parameters they are."""
    return {
        keyword.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id not in parameters
        for keyword in node.keywords
        if keyword.arg is not None
    }


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, str], parameters: dict[str, set[str]]) -> None:
        self._names = names
        self._parameters = parameters
        self._methods = False

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outer, self._methods = self._methods, True
        self.generic_visit(node)
        self._methods = outer
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        method, self._methods = self._methods, False
        self.generic_visit(node)
        self._methods = method
        if not method:
            node.name = self._names.get(node.name, node.name)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = self._names.get(node.arg, node.arg)
        return node

    def visit_alias(self, node: ast.alias) -> ast.AST:
        bound = node.asname or node.name
        if bound in self._names:
            node.asname = self._names[bound]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = [self._names.get(name, name) for name in node.names]
        return node

    visit_Global = visit_Nonlocal  # noqa: N815

    def visit_Call(self, node: ast.Call) -> ast.AST:
        taken = self._parameters.get(getattr(node.func, "id", ""), set())
        self.generic_visit(node)
        for keyword in node.keywords:
            if keyword.arg in taken:
                keyword.arg = self._names.get(keyword.arg, keyword.arg)
        return node
