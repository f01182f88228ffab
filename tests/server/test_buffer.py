"""Open documents: their text follows the edits, and so do findings."""

import random

import pytest
from lsprotocol import types

from qlsp.diagnostic import Diagnostic, Severity
from qlsp.server.buffer import Buffer, Mark
from qlsp.server.positions import PositionCodec
from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Span

CODEC = PositionCodec()


def partial(start: tuple[int, int], end: tuple[int, int], text: str):
    range_ = types.Range(types.Position(*start), types.Position(*end))
    return types.TextDocumentContentChangePartial(range_, text)


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("", partial((0, 0), (0, 0), "x"), "x"),
        ("abc", partial((0, 99), (0, 99), "!"), "abc!"),
        ("abc", partial((9, 0), (9, 0), "!"), "abc!"),
        ("a\x0cb\nc", partial((1, 0), (1, 1), "d"), "a\x0cb\nd"),
        ("'\N{ROCKET}' + y", partial((0, 7), (0, 8), "z"), "'\N{ROCKET}' + z"),
        ("a\r\nb", partial((0, 1), (1, 0), ""), "ab"),
        ("abcdef", partial((0, 4), (0, 2), ""), "abef"),
        ("abc", types.TextDocumentContentChangeWholeDocument("new"), "new"),
    ],
)
def test_changes(before: str, change: types.TextDocumentContentChangeEvent, after: str) -> None:
    buffer = Buffer("file:///m.py", Document("/m.py", before), 1)
    buffer.change([change], 2, CODEC)
    assert (buffer.document.text, buffer.version) == (after, 2)


def test_random_edits_give_the_text_the_editor_has() -> None:
    choose = random.Random(0)
    text = "a\tb\n\N{ROCKET}c\r\nd\x0ce\n"
    buffer = Buffer("file:///m.py", Document("/m.py", text), 0)
    for version in range(500):
        start = choose.randrange(len(text) + 1)
        end = min(len(text), start + choose.randrange(4))
        new = choose.choice(["", "x", "\n", "\N{ROCKET}", "\u2028", "y\nz"])
        if any(text[at - 1 : at + 1] == "\r\n" for at in (start, end) if at):
            continue
        document = Document("/m.py", text)
        change = types.TextDocumentContentChangePartial(CODEC.range(document, start, end), new)
        buffer.change([change], version, CODEC)
        text = text[:start] + new + text[end:]
        assert buffer.document.text == text


@pytest.mark.parametrize(
    ("edit", "mark"),
    [
        (Edit(0, 0, "xx"), Mark(12, 22)),
        (Edit(10, 10, "xx"), Mark(12, 22)),
        (Edit(20, 20, "xx"), Mark(10, 20)),
        (Edit(12, 14, ""), Mark(10, 18)),
        (Edit(12, 14, "xxxx"), Mark(10, 22)),
        (Edit(0, 30, ""), Mark(0, 0)),
        (Edit(8, 12, "y"), Mark(8, 17)),
    ],
)
def test_marks_follow_edits(edit: Edit, mark: Mark) -> None:
    assert Mark(10, 20).after(edit) == mark


def test_broken_text_keeps_the_findings_of_the_last_good_one() -> None:
    buffer = Buffer("file:///m.py", Document("/m.py", "x = 1\ny = 2\n"), 1)
    found = Diagnostic("QL999", "n", "m", Severity.WARNING, "/m.py", Span(2, 0, 2, 1))
    buffer.settle(buffer.document, [found])
    assert buffer.findings[0].mark == Mark(6, 7)

    buffer.change([partial((0, 5), (0, 5), " +")], 2, CODEC)
    error = Diagnostic("syntax-error", "s", "m", Severity.ERROR, "/m.py", Span(1, 7, 1, 7))
    buffer.settle(buffer.document, [error])
    assert buffer.syntax_error is error
    assert [finding.diagnostic for finding in buffer.findings] == [found]
    assert buffer.findings[0].mark == Mark(8, 9)

    buffer.change([partial((0, 5), (0, 7), "")], 3, CODEC)
    buffer.settle(buffer.document, [])
    assert buffer.findings == ()
    assert buffer.syntax_error is None


def test_a_whole_new_text_moves_findings_by_what_really_changed() -> None:
    buffer = Buffer("file:///m.py", Document("/m.py", "x = 1\ny = 2\n"), 1)
    found = Diagnostic("QL999", "n", "m", Severity.WARNING, "/m.py", Span(2, 0, 2, 1))
    buffer.settle(buffer.document, [found])
    buffer.change([types.TextDocumentContentChangeWholeDocument("x = 1 +\ny = 2\n")], 2, CODEC)
    assert buffer.findings[0].mark == Mark(8, 9)
