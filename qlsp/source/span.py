"""Where syntax stands in a file."""

from __future__ import annotations

import ast
from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of source, in the coordinates of `ast`.

    Lines count from 1 and columns from 0, in UTF-8 bytes, so that building a span costs
    nothing. `Document` turns a span into character offsets, and the output or the server
    into what a person or an editor counts.
    """

    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def of(cls, node: ast.expr | ast.stmt | ast.keyword | ast.arg) -> Span:
        """The span of an `ast` node (parentheses around it are not part of it)."""
        return cls(
            node.lineno,
            node.col_offset,
            node.end_lineno or node.lineno,
            node.end_col_offset if node.end_col_offset is not None else node.col_offset,
        )

    def contains(self, other: Span) -> bool:
        """Whether `other` lies within this span."""
        return (self.line, self.column) <= (other.line, other.column) and (
            (other.end_line, other.end_column) <= (self.end_line, self.end_column)
        )


class Site(NamedTuple):
    """A span in a certain file: `path` is the document's, as the tracer's project knows it."""

    path: str
    span: Span
