"""Arguments, list elements and imported names, changed so that commas and comments survive."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Span

_Space = cst.SimpleWhitespace | cst.ParenthesizedWhitespace
_Item = cst.Arg | cst.BaseElement | cst.ImportAlias
_Holder = cst.Call | cst.List | cst.ImportFrom


@dataclass
class _Items:
    """What stands between a pair of brackets.

    `gaps[i]` is the space before `items[i]`, and the last gap that before the closing bracket.
    """

    items: list[_Item]
    gaps: list[_Space]
    trailing_comma: bool

    @classmethod
    def of(cls, node: _Holder) -> _Items:
        items: list[_Item]
        first: _Space = cst.SimpleWhitespace("")
        last: _Space | None = None
        if isinstance(node, cst.Call):
            items, first = [*node.args], _known(node.whitespace_before_args)
        elif isinstance(node, cst.List):
            items, first = [*node.elements], _known(node.lbracket.whitespace_after)
            last = _known(node.rbracket.whitespace_before)
        else:
            items = [] if isinstance(node.names, cst.ImportStar) else [*node.names]
            if node.lpar and node.rpar:
                first = _known(node.lpar.whitespace_after)
                if not isinstance(items[-1].comma, cst.Comma):
                    last = _known(node.rpar.whitespace_before)
        last = last or _space_after(items[-1])
        gaps = [first, *(_space_after(item) for item in items[:-1]), last]
        comma = bool(items) and isinstance(items[-1].comma, cst.Comma)
        return cls(items, gaps, comma)

    def remove(self, index: int) -> None:
        del self.items[index]
        before, after = self.gaps[index : index + 2]
        last = index == len(self.items)
        self.gaps[index : index + 2] = [_joined(before, after, first=index == 0, last=last)]
        self.trailing_comma = self.trailing_comma and bool(self.items)

    def insert(self, index: int, item: _Item) -> None:
        """Put `item` before the item at `index`; there is at least one other."""
        last = index == len(self.items)
        gap = self.gaps[index]
        between = _plain(self.gaps[max(index - 1, 0)])
        if isinstance(between, cst.SimpleWhitespace):
            between = cst.SimpleWhitespace(" ")
        if index == 0:
            self.gaps[0:1] = [gap, between]
        elif not last:
            self.gaps[index : index + 1] = [gap, _plain(gap)]
        elif isinstance(gap, cst.ParenthesizedWhitespace) and _has_comment(gap):
            indent = between if isinstance(between, cst.ParenthesizedWhitespace) else gap
            moved = gap.with_changes(indent=indent.indent, last_line=indent.last_line)
            self.gaps[index : index + 1] = [moved, _plain(gap)]
        else:
            self.gaps[index : index + 1] = [between, gap]
        self.items.insert(index, item)

    def into(self, node: _Holder) -> cst.CSTNode:
        """`node` with these items."""
        items = [self._spaced(node, index) for index in range(len(self.items))]
        if isinstance(node, cst.Call):
            return node.with_changes(args=items, whitespace_before_args=self.gaps[0])
        if isinstance(node, cst.List):
            return node.with_changes(
                elements=items,
                lbracket=node.lbracket.with_changes(whitespace_after=self.gaps[0]),
                rbracket=node.rbracket.with_changes(whitespace_before=self.gaps[-1]),
            )
        if node.lpar and node.rpar:
            last = cst.SimpleWhitespace("") if self.trailing_comma else self.gaps[-1]
            node = node.with_changes(
                lpar=node.lpar.with_changes(whitespace_after=self.gaps[0]),
                rpar=node.rpar.with_changes(whitespace_before=last),
            )
        return node.with_changes(names=items)

    def _spaced(self, node: _Holder, index: int) -> _Item:
        item, gap = self.items[index], self.gaps[index + 1]
        in_call = isinstance(node, cst.Call)
        last = index == len(self.items) - 1
        if last and not self.trailing_comma:
            changes: dict[str, object] = {"comma": cst.MaybeSentinel.DEFAULT}
            if in_call:
                changes["whitespace_after_arg"] = gap
        else:
            in_bracket = last and isinstance(node, cst.List)
            after = cst.SimpleWhitespace("") if in_bracket else gap
            comma = item.comma if isinstance(item.comma, cst.Comma) else cst.Comma()
            changes = {"comma": comma.with_changes(whitespace_after=after)}
            if in_call and not isinstance(item.comma, cst.Comma):
                changes["whitespace_after_arg"] = cst.SimpleWhitespace("")
        return item.with_changes(**changes)


def remove_argument(document: Document, call: ast.Call, keyword: str) -> Edit | None:
    """Take `keyword=…` out of a call; None if the call does not have it literally."""
    parsed = _parse(document, call)
    if not isinstance(parsed, cst.Call):
        return None
    items = _Items.of(parsed)
    index = _keyword_index(items.items, keyword)
    if index is None:
        return None
    items.remove(index)
    return _edit(document, call, items.into(parsed))


def set_argument(document: Document, call: ast.Call, keyword: str, value: str) -> Edit | None:
    """Give a call `keyword=value`, in place of the value it has or as its last argument."""
    for existing in call.keywords:
        if existing.arg == keyword:
            start, end = document.offsets(Span.of(existing.value))
            return Edit(start, end, value)
    parsed = _parse(document, call)
    if not isinstance(parsed, cst.Call):
        return None
    argument = cst.Arg(
        cst.parse_expression(value),
        keyword=cst.Name(keyword),
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )
    if not parsed.args:
        return _edit(document, call, parsed.with_changes(args=[argument]))
    items = _Items.of(parsed)
    items.insert(len(items.items), argument)
    return _edit(document, call, items.into(parsed))


def remove_element(document: Document, sequence: ast.List, index: int) -> Edit | None:
    """Take one element out of a list display."""
    parsed = _parse(document, sequence)
    if not isinstance(parsed, cst.List):
        return None
    items = _Items.of(parsed)
    items.remove(index)
    return _edit(document, sequence, items.into(parsed))


def insert_element(document: Document, sequence: ast.List, index: int, code: str) -> Edit | None:
    """Put `code` before the element at `index`, which is not the first."""
    parsed = _parse(document, sequence)
    if not isinstance(parsed, cst.List):
        return None
    items = _Items.of(parsed)
    items.insert(index, cst.Element(cst.parse_expression(code)))
    return _edit(document, sequence, items.into(parsed))


def insert_imported_name(document: Document, statement: ast.ImportFrom, name: str) -> Edit | None:
    """Add `name` to `from M import …`, in its place if the names are sorted."""
    line = document.at(Span.of(statement))
    config = cst.PartialParserConfig(default_newline=document.newline)
    parsed = cst.parse_statement(line, config)
    assert isinstance(parsed, cst.SimpleStatementLine)
    node = parsed.body[0]
    if not isinstance(node, cst.ImportFrom) or isinstance(node.names, cst.ImportStar):
        return None
    names = [alias.name for alias in statement.names]
    index = len(names)
    for key in (str, str.lower):
        if names == sorted(names, key=key):
            index = bisect.bisect([key(each) for each in names], key(name))
            break
    items = _Items.of(node)
    items.insert(index, cst.ImportAlias(cst.Name(name)))
    return _edit(document, statement, items.into(node))


def _parse(document: Document, node: ast.expr) -> cst.BaseExpression | None:
    config = cst.PartialParserConfig(default_newline=document.newline)
    try:
        return cst.parse_expression(document.at(Span.of(node)), config)
    except (cst.ParserSyntaxError, RecursionError):
        return None  # such as an attribute chain that spans lines within outer parentheses


def _edit(document: Document, node: ast.expr | ast.stmt, changed: cst.CSTNode) -> Edit:
    """The smallest edit that turns the source of `node` into `changed`."""
    start, end = document.offsets(Span.of(node))
    old = document.text[start:end]
    new = cst.Module([], default_newline=document.newline).code_for_node(changed)
    prefix = _common(old, new)
    suffix = _common(old[prefix:][::-1], new[prefix:][::-1])
    return Edit(start + prefix, end - suffix, new[prefix : len(new) - suffix])


def _common(one: str, other: str) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length


def _keyword_index(items: Sequence[_Item], keyword: str) -> int | None:
    for index, item in enumerate(items):
        if isinstance(item, cst.Arg) and item.keyword and item.keyword.value == keyword:
            return index
    return None


def _space_after(item: _Item) -> _Space:
    if isinstance(item.comma, cst.Comma):
        return _known(item.comma.whitespace_after)
    if isinstance(item, cst.Arg):
        return _known(item.whitespace_after_arg)
    return cst.SimpleWhitespace("")


def _known(space: cst.BaseParenthesizableWhitespace) -> _Space:
    assert isinstance(space, _Space)
    return space


def _has_comment(space: _Space) -> bool:
    return isinstance(space, cst.ParenthesizedWhitespace) and (
        space.first_line.comment is not None
        or any(line.comment is not None for line in space.empty_lines)
    )


def _plain(space: _Space) -> _Space:
    """`space` without its comments and empty lines."""
    if isinstance(space, cst.SimpleWhitespace):
        return space
    first = cst.TrailingWhitespace(newline=space.first_line.newline)
    return space.with_changes(first_line=first, empty_lines=[])


def _joined(before: _Space, after: _Space, *, first: bool, last: bool) -> _Space:
    """The one gap left when the item between two gaps is gone; all comments are kept."""
    if isinstance(before, cst.ParenthesizedWhitespace) and isinstance(
        after, cst.ParenthesizedWhitespace
    ):
        lines = [*before.empty_lines]
        if after.first_line.comment is not None:
            lines.append(
                cst.EmptyLine(
                    indent=before.indent,
                    whitespace=before.last_line,
                    comment=after.first_line.comment,
                    newline=after.first_line.newline,
                )
            )
        return before.with_changes(
            empty_lines=[*lines, *after.empty_lines],
            indent=after.indent,
            last_line=after.last_line,
        )
    if _has_comment(before):
        return before
    if _has_comment(after):
        return after
    if last:
        return after
    if first or isinstance(before, cst.ParenthesizedWhitespace):
        return before
    return after
