"""Offsets to editor positions and back."""

import pytest
from lsprotocol import types

from qlsp.server.positions import PositionCodec
from qlsp.source.document import Document
from qlsp.source.span import Span

UTF8, UTF16, UTF32 = (
    types.PositionEncodingKind.Utf8,
    types.PositionEncodingKind.Utf16,
    types.PositionEncodingKind.Utf32,
)

TEXTS = [
    "",
    "x = 1",
    "x = 1\n",
    "a\r\nb\rc\nd",
    "\tname = '\N{ROCKET}é\N{CJK UNIFIED IDEOGRAPH-6F22}'; y = 2\nz = 3\n",
    "a\x0cb\nc\x85d\N{LINE SEPARATOR}e\n",
    "lone \ud800 surrogate\n",
]


@pytest.mark.parametrize("encoding", [UTF8, UTF16, UTF32])
@pytest.mark.parametrize("text", TEXTS)
def test_every_offset_returns(text: str, encoding: types.PositionEncodingKind) -> None:
    document, codec = Document("m.py", text), PositionCodec(encoding)
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] == "\r\n":
            continue  # within a line ending there is no position
        assert codec.offset(document, codec.position(document, offset)) == offset


@pytest.mark.parametrize(
    ("encoding", "character"), [(UTF8, 1 + 7 + 1 + 4), (UTF16, 1 + 7 + 1 + 2), (UTF32, 10)]
)
def test_a_tab_and_an_emoji_count_as_the_encoding_says(
    encoding: types.PositionEncodingKind, character: int
) -> None:
    document, codec = Document("m.py", "\tname = '\N{ROCKET}'"), PositionCodec(encoding)
    closing = document.text.rindex("'")
    assert codec.position(document, closing) == types.Position(0, character)


def test_spans_count_bytes() -> None:
    text = "x = '\N{ROCKET}' + name\n"
    document = Document("m.py", text)
    start = len(text[: text.index("name")].encode())
    range_ = PositionCodec().span(document, Span(1, start, 1, start + 4))
    assert (range_.start.character, range_.end.character) == (11, 15)


@pytest.mark.parametrize(
    ("line", "character", "offset"), [(0, 99, 1), (1, 99, 3), (2, 0, 3), (99, 99, 3), (1, 0, 2)]
)
def test_positions_out_of_bounds_are_clamped(line: int, character: int, offset: int) -> None:
    document = Document("m.py", "a\nb")
    assert PositionCodec().offset(document, types.Position(line, character)) == offset


def test_the_middle_of_a_surrogate_pair_is_before_its_character() -> None:
    assert PositionCodec().offset(Document("m.py", "\N{ROCKET}"), types.Position(0, 1)) == 0
