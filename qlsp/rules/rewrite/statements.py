"""Changes of statements and expressions that are no part of a layer graph, as edits."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Site, Span
from qlsp.source.syntax import Place, indentation, owns_its_lines, rest_of_line


@dataclass(frozen=True, slots=True)
class AddAfter:
    """Add a line after the statement at `site`; `{name}` in it is the variable assigned there."""

    site: Site
    line: str


@dataclass(frozen=True, slots=True)
class ReplaceText:
    """Replace the expression at `site`."""

    site: Site
    code: str


@dataclass(frozen=True, slots=True)
class RenameAttribute:
    """Replace the attribute's name in the expression at `site`; `name` may be dotted."""

    site: Site
    name: str


@dataclass(frozen=True, slots=True)
class RemoveStatement:
    """Remove the statement around `site`, and the line with it."""

    site: Site


@dataclass(frozen=True, slots=True)
class WrapInWith:
    """Put the statement around `site` under `with manager:`."""

    site: Site
    manager: str


Change = AddAfter | ReplaceText | RenameAttribute | RemoveStatement | WrapInWith


class CannotChange(Exception):  # noqa: N818
    """The source does not allow the change (or not without doubt)."""


def edits(document: Document, change: Change) -> Iterator[Edit]:
    """The edits that make `change`. Raises `CannotChange`."""
    place = Place.find(document, change.site.span) if change.site.path == document.path else None
    if place is None:
        raise CannotChange("not an expression of the document")
    match change:
        case AddAfter(_, line):
            yield _added(document, place, line)
        case ReplaceText(site, code):
            yield Edit(*document.offsets(site.span), code)
        case RenameAttribute(site, name):
            end = document.offsets(site.span)[1]
            if not isinstance(place.node, ast.Attribute):
                raise CannotChange("not an attribute")
            yield Edit(end - len(place.node.attr), end, name)
        case RemoveStatement():
            yield _removed(document, place)
        case WrapInWith(_, manager):
            yield from _wrapped(document, place, manager)


def assigned_name(place: Place) -> str | None:
    """The variable that the expression's value is bound to, and nothing else."""
    match place.statement:
        case ast.Assign(targets=[target], value=value) if value is place.node:
            if isinstance(target, ast.Name | ast.Attribute):
                return ast.unparse(target)
    return None


def _added(document: Document, place: Place, line: str) -> Edit:
    statement = place.statement
    name = assigned_name(place)
    if not owns_its_lines(document, statement) or (name is None and "{name}" in line):
        raise CannotChange("not a plain assignment on a line of its own")
    end = document.offsets(Span.of(statement))[1]
    end += len(rest_of_line(document, end))
    indent = indentation(document, statement)
    return Edit(end, end, document.newline + indent + line.replace("{name}", name or ""))


def _removed(document: Document, place: Place) -> Edit:
    statement = place.statement
    if not owns_its_lines(document, statement) or len(place.block) < 2:
        raise CannotChange("not a statement on a line of its own, or the only one of its block")
    start, end = document.offsets(Span.of(statement))
    start = document.line_starts[statement.lineno - 1]
    end += len(rest_of_line(document, end))
    if document.text.startswith(document.newline, end):
        end += len(document.newline)
    return Edit(start, end, "")


def _wrapped(document: Document, place: Place, manager: str) -> Iterator[Edit]:
    statement = place.statement
    simple = isinstance(statement, ast.Assign | ast.Expr | ast.AnnAssign | ast.Return)
    if not simple or not owns_its_lines(document, statement):
        raise CannotChange("not a simple statement on a line of its own")
    if _has_text_over_lines(statement):
        raise CannotChange("a string goes over several lines")
    indent = indentation(document, statement)
    first = document.line_starts[statement.lineno - 1]
    yield Edit(first, first, f"{indent}with {manager}:{document.newline}    ")
    for line in range(statement.lineno, statement.end_lineno or statement.lineno):
        start = document.line_starts[line]
        yield Edit(start, start, "    ")


def _has_text_over_lines(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Constant | ast.JoinedStr) and node.lineno != node.end_lineno
        for node in ast.walk(statement)
    )
