"""The text of an application without its input."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qlsp.source.document import Document
from qlsp.source.span import Site, Span
from qlsp.source.syntax import Place, owns_its_lines, rest_of_line
from qlsp.trace.graph import LayerGraph, Node, Style

Range = tuple[int, int]
"""Start and end character offsets."""
INPUT_KEYWORDS = (
    *("inputs", "input", "x", "features", "values", "tensor", "input_tensor", "images", "logits"),
)
"""Names under which layers and functions take what they are applied to."""
_COMMENT = re.compile(r"\s*,?(?P<comment>\s*#.*)?")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a layer stands in the source, apart from what it is applied to."""

    document: Document
    place: Place
    style: Style
    pieces: tuple[Range, ...]
    """`layer(` and `)` around the input, or the one expression that is the layer."""
    container: tuple[int, str]
    """Identity of the list or block of statements, and what is added to: two slots can only be
    exchanged where these are the same."""
    argument: ast.expr | None = None
    """What a call is applied to."""
    comment: Range | None = None
    """The comment (with the space before it, maybe empty) that ends the slot's line, where the
    line has nothing else."""

    def names(self) -> Iterator[str]:
        """The variables that the text of the slot reads."""
        for node in ast.walk(self.place.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                start, end = self.document.offsets(Span.of(node))
                if any(start >= piece[0] and end <= piece[1] for piece in self.pieces):
                    yield node.id

    @property
    def receiver(self) -> str | None:
        """The variable whose `.add` is called."""
        match self.place.node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))):
                return name
        return None

    def statements_until(self, other: Slot) -> Sequence[ast.stmt] | None:
        """The statements between the two, exclusive; None if `other` does not follow."""
        block = self.place.block
        start, end = block.index(self.place.statement), block.index(other.place.statement)
        return block[start + 1 : end] if start <= end else None


def slot_of(
    document: Document, graph: LayerGraph | None, node: Node, other: Node | None
) -> Slot | None:
    """The slot of `node`; None where it has none.

    Where `other` was reached through other calls, and the call of a helper function at which
    their ways part makes nothing but `node`, that call is the slot: `relu(x)` instead of the
    `layers.ReLU()(x)` within it.
    """
    site, style = node.call, node.style
    if graph is not None and other is not None:
        shared = _shared(node.path, other.path)
        if len(node.path) > shared:
            site, style = node.path[shared], Style.CALL
            if not _makes_only(graph, node, node.path[: shared + 1]):
                return None
    if site is None or site.path != document.path:
        return None
    place = Place.find(document, site.span)
    if place is None:
        return None
    if style is Style.ELEMENT:
        return _element(document, place)
    if style is Style.ADD:
        return _added(document, place)
    if style in {Style.CALL, Style.OP}:
        return _called(document, place)
    return None


def result_name(slot: Slot) -> str | None:
    """The variable that a call's result is bound to, and nothing else."""
    match slot.place.statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if value is slot.place.node:
            return name
    return None


def link_is_private(one: Slot, other: Slot) -> bool:
    """Whether the result of `one` can be seen by nothing but `other`."""
    if other.argument is one.place.node:
        return True
    name = result_name(one)
    between = one.statements_until(other)
    if (
        name is None
        or between is None
        or not isinstance(other.argument, ast.Name)
        or other.argument.id != name
        or any(_loads(statement, name) for statement in between)
        or _loads(other.place.statement, name) != 1
    ):
        return False
    if result_name(other) == name or isinstance(other.place.statement, ast.Return):
        return True
    block = one.place.block
    for statement in block[block.index(other.place.statement) + 1 :]:
        match statement:
            case ast.Assign(targets=[ast.Name(id=bound)]) if bound == name:
                return not _loads(statement.value, name)
        if _loads(statement, name):
            return False
    return _loads(one.place.scope, name) == 1


def _element(document: Document, place: Place) -> Slot | None:
    if not isinstance(place.parent, ast.List):
        return None
    piece = document.offsets(Span.of(place.node))
    line = document.text[document.line_starts[place.node.lineno - 1] : piece[0]]
    comment = None if line.strip() else _comment(document, piece[1])
    return Slot(document, place, Style.ELEMENT, (piece,), (id(place.parent), ""), comment=comment)


def _added(document: Document, place: Place) -> Slot | None:
    call = place.node
    if not isinstance(call, ast.Call) or not call.args or isinstance(call.args[0], ast.Starred):
        return None
    piece = document.offsets(Span.of(call.args[0]))
    comment = None
    if owns_its_lines(document, place.statement):
        comment = _comment(document, document.offsets(Span.of(place.statement))[1])
    container = (id(place.block), document.at(Span.of(call.func)))
    return Slot(document, place, Style.ADD, (piece,), container, comment=comment)


def _called(document: Document, place: Place) -> Slot | None:
    call = place.node
    if not isinstance(call, ast.Call):
        return None
    argument = call.args[0] if call.args else _input_keyword(call)
    if argument is None or isinstance(argument, ast.Starred):
        return None
    start, end = document.offsets(Span.of(call))
    inner_start, inner_end = document.offsets(Span.of(argument))
    comment = None
    if isinstance(place.statement, ast.Assign | ast.Return) and (
        place.statement.value is call and owns_its_lines(document, place.statement)
    ):
        comment = _comment(document, document.offsets(Span.of(place.statement))[1])
    pieces = ((start, inner_start), (inner_end, end))
    container = (id(place.block), "")
    return Slot(document, place, Style.CALL, pieces, container, argument, comment)


def _input_keyword(call: ast.Call) -> ast.expr | None:
    given = {each.arg: each.value for each in call.keywords}
    return next((given[key] for key in INPUT_KEYWORDS if key in given), None)


def _comment(document: Document, offset: int) -> Range | None:
    """The comment after `offset`, empty if there is none; None if anything else follows."""
    rest = rest_of_line(document, offset)
    found = _COMMENT.fullmatch(rest)
    if found is None:
        return None
    start = found.start("comment") if found["comment"] else len(rest)
    return offset + start, offset + len(rest)


def mentions(node: ast.AST, name: str | None) -> bool:
    """Whether `node` reads the variable `name`; yes if the name is not known."""
    return name is None or _loads(node, name) > 0


def _loads(node: ast.AST, name: str) -> int:
    return sum(
        isinstance(each, ast.Name) and each.id == name and isinstance(each.ctx, ast.Load)
        for each in ast.walk(node)
    )


def _shared(one: Sequence[Site], other: Sequence[Site]) -> int:
    length = 0
    for here, there in zip(one, other, strict=False):
        if here != there:
            break
        length += 1
    return length


def _makes_only(graph: LayerGraph, node: Node, path: tuple[Site, ...]) -> bool:
    """Whether the calls at `path` make applications of `node`'s own site only."""
    return all(each.call == node.call for each in graph.nodes if each.path[: len(path)] == path)
