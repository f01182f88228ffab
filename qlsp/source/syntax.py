"""A document's `ast`, found again by span."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qlsp.source.document import Document
from qlsp.source.span import Span

Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.Module


@dataclass(frozen=True, slots=True)
class Place:
    """An expression with the syntax around it."""

    document: Document
    node: ast.expr
    ancestors: tuple[ast.AST, ...]
    """From the inside out; the last is the module."""

    @classmethod
    def find(cls, document: Document, span: Span) -> Place | None:
        """The expression that stands exactly at `span`; the outermost, if there are several."""
        path: list[ast.AST] = [document.tree]
        while True:
            inner = next((each for each in _children(path[-1]) if _contains(each, span)), None)
            if inner is None:
                return None
            if isinstance(inner, ast.expr) and Span.of(inner) == span:
                return cls(document, inner, tuple(reversed(path)))
            path.append(inner)

    def up(self, node: ast.expr) -> Place:
        """The place of `node`, which is one of the ancestors."""
        return Place(self.document, node, self.ancestors[self.ancestors.index(node) + 1 :])

    @property
    def parent(self) -> ast.AST:
        """The syntax that the expression is directly part of."""
        return self.ancestors[0]

    @property
    def statement(self) -> ast.stmt:
        """The innermost statement around the expression."""
        return next(each for each in self.ancestors if isinstance(each, ast.stmt))

    @property
    def block(self) -> Sequence[ast.stmt]:
        """The list of statements that `statement` is one of."""
        outer = self.ancestors[self.ancestors.index(self.statement) + 1]
        for _, field in ast.iter_fields(outer):
            if isinstance(field, list) and self.statement in field:
                return field
        return [self.statement]

    @property
    def scope(self) -> Scope:
        """The innermost function, class or module around the expression."""
        return next(each for each in self.ancestors if isinstance(each, Scope))

    @property
    def enclosing_class(self) -> ast.ClassDef | None:
        """The class whose method the expression is part of."""
        scopes = [each for each in self.ancestors if isinstance(each, Scope)]
        if len(scopes) < 2 or isinstance(scopes[0], ast.ClassDef):
            return None
        return scopes[1] if isinstance(scopes[1], ast.ClassDef) else None

    @property
    def unconditional(self) -> bool:
        """Whether the expression is evaluated, once, whenever its statement is."""
        for ancestor in self.ancestors:
            if isinstance(ancestor, ast.stmt):
                return not isinstance(ancestor, ast.For | ast.While | ast.With | ast.If)
            if isinstance(
                ancestor,
                ast.IfExp
                | ast.BoolOp
                | ast.Lambda
                | ast.ListComp
                | ast.SetComp
                | ast.DictComp
                | ast.GeneratorExp,
            ):
                return False
        return False


def owns_its_lines(document: Document, statement: ast.stmt) -> bool:
    """Whether nothing but a comment shares the first and last line of `statement`."""
    start, end = document.offsets(Span.of(statement))
    before = document.text[document.line_starts[statement.lineno - 1] : start]
    rest = rest_of_line(document, end).lstrip()
    return not before.strip() and (not rest or rest.startswith("#"))


def rest_of_line(document: Document, offset: int) -> str:
    """What follows `offset` on its line, without the newline."""
    line, column = document.position(offset)
    return document.line(line)[column:]


def indentation(document: Document, statement: ast.stmt) -> str:
    """The white space before `statement`, which owns its line."""
    line = document.line(statement.lineno)
    return line[: len(line) - len(line.lstrip())]


def is_local(place: Place, name: str) -> bool:
    """Whether `name` is bound within a function or comprehension around the expression."""
    for ancestor in place.ancestors:
        match ancestor:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                arguments = ancestor.args
                every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
                every += [each for each in (arguments.vararg, arguments.kwarg) if each]
                if name in {each.arg for each in every}:
                    return True
                if next(stores([ancestor], name), None) is not None:
                    return True
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp() | ast.For():
                if next(stores([ancestor], name), None) is not None:
                    return True
    return False


def stores(nodes: Sequence[ast.AST], name: str) -> Iterator[ast.Name]:
    """Where `name` is bound or deleted within `nodes`."""
    for node in nodes:
        for inner in ast.walk(node):
            if (
                isinstance(inner, ast.Name)
                and inner.id == name
                and not isinstance(inner.ctx, ast.Load)
            ):
                yield inner


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """The direct children of `node` that have a position, looking through those that have none."""
    for child in ast.iter_child_nodes(node):
        if hasattr(child, "lineno"):
            yield child
        else:
            yield from _children(child)


def _contains(node: ast.AST, span: Span) -> bool:
    start = (node.lineno, node.col_offset)  # type: ignore[attr-defined]
    end = (node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]
    return start <= (span.line, span.column) and (span.end_line, span.end_column) <= end
