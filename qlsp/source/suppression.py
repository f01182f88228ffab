"""Comments that silence findings: `# qlsp: ignore[QL102]` and `# qlsp: ignore-file[QL102]`.

Not `# noqa`: ruff deletes codes that it does not know (RUF100).
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field

from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Span

MARK = "# qlsp:"
_COMMENT = re.compile(
    r"#\s*qlsp:\s*(?P<kind>ignore(?:-file)?)\b(?:\s*\[(?P<rules>[^\]]*)\])?[^#]*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment that silences rules."""

    start: int
    """Character offset of the comment's `#`."""
    end: int
    rules: tuple[str, ...]
    """Codes or names as written; empty for all rules."""
    lines: range | None
    """The lines it speaks of; None for the whole file."""


@dataclass
class Suppressions:
    """The suppression comments of one document, and which of them silenced something."""

    document: Document
    comments: tuple[Suppression, ...]
    _used: set[tuple[int, str]] = field(default_factory=set)

    @classmethod
    def of(cls, document: Document) -> Suppressions:
        """Find the comments; costs a substring search in a file that has none."""
        if "qlsp:" not in document.text:
            return cls(document, ())
        return cls(document, tuple(_comments(document)))

    def silences(self, code: str, name: str, span: Span) -> bool:
        """Whether a finding is silenced: by its file, or on any line of its span."""
        silenced = False
        for comment in self.comments:
            lines = comment.lines
            if lines is not None and (span.end_line < lines.start or span.line >= lines.stop):
                continue
            for rule in comment.rules or ("",):
                if rule in {"", code, name}:
                    self._used.add((comment.start, rule))
                    silenced = True
        return silenced

    def unused(self) -> Iterator[tuple[Suppression, tuple[str, ...]]]:
        """Comments that silenced nothing, or of which some rules did not; with those rules."""
        for comment in self.comments:
            rules = tuple(rule for rule in comment.rules if (comment.start, rule) not in self._used)
            if rules or (not comment.rules and (comment.start, "") not in self._used):
                yield comment, rules


def suppress(document: Document, span: Span, code: str) -> Edit | None:
    """Silence `code` on the last line of `span`, by a new comment or in the one that is there.

    None where no comment can stand: a line that ends in a backslash.
    """
    line = span.end_line
    if document.line(line).endswith("\\"):
        return None
    for comment in _comments(document) if "qlsp:" in document.text else ():
        if comment.rules and comment.lines == range(line, line + 1):
            position = document.text.index("]", comment.start)
            return Edit(position, position, f", {code}")
    end = document.line_starts[line - 1] + len(document.line(line).rstrip())
    return Edit(end, end, f"  {MARK} ignore[{code}]")


def without(document: Document, comment: Suppression, rules: tuple[str, ...]) -> Edit:
    """Take `rules` out of a comment, or the whole comment if nothing of it is left.

    What follows the closing bracket (the reason) goes with the comment; another comment before
    it on the same line stays.
    """
    kept = [rule for rule in comment.rules if rule not in rules]
    if kept:
        start = document.text.index("[", comment.start) + 1
        return Edit(start, document.text.index("]", start), ", ".join(kept))
    line, column = document.position(comment.start)
    before = document.line(line)[:column]
    if document.position(comment.end) < (line, len(document.line(line))):
        return Edit(comment.start, comment.end, "")
    if before.strip():
        return Edit(comment.start - (len(before) - len(before.rstrip())), comment.end, "")
    start = document.line_starts[line - 1]
    after = document.line_starts[line] if line < len(document.line_starts) else comment.end
    return Edit(start, after, "")


def _comments(document: Document) -> Iterator[Suppression]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(document.text, newline="").readline))
    except (tokenize.TokenError, SyntaxError):
        return
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        for found in _COMMENT.finditer(token.string):
            line, column = token.start
            start = document.line_starts[line - 1] + column
            listed = found["rules"]
            rules = tuple(rule.strip() for rule in (listed or "").split(",") if rule.strip())
            lines = None
            if found["kind"].lower() == "ignore":
                lines = _lines(document, line, token.line[:column])
            yield Suppression(start + found.start(), start + found.end(), rules, lines)


def _lines(document: Document, line: int, before: str) -> range:
    """The line of a comment; for a comment alone on its line, the next line of code, too."""
    if before.strip():
        return range(line, line + 1)
    following = line + 1
    while following < len(document.line_starts) and (
        not document.line(following).strip() or document.line(following).lstrip().startswith("#")
    ):
        following += 1
    return range(line, following + 1)
