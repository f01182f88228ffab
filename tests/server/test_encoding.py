"""Positions in the units that client and server agree on."""

from __future__ import annotations

import pytest

from tests.server.client import PUSH, Client, replaced
from tests.server.models import CONV, FIRST, MENDED, STACKED, model

ROCKET = "'\N{ROCKET}é'; "
"""Before the finding on its line: a tab stands there too."""

TEXT = model(CONV, ROCKET + STACKED).replace("    ", "\t")
PREFIX = "\t" + ROCKET + "x = "


@pytest.mark.parametrize(
    ("offered", "agreed", "start"),
    [
        (None, "utf-16", len(PREFIX) + 1),
        (["utf-16"], "utf-16", len(PREFIX) + 1),
        (["utf-32", "utf-16"], "utf-32", len(PREFIX)),
        (["utf-8", "utf-16"], "utf-8", len(PREFIX.encode())),
        (["utf-7"], "utf-16", len(PREFIX) + 1),
    ],
)
def test_positions(client: Client, offered: list[str] | None, agreed: str, start: int) -> None:
    general = {} if offered is None else {"general": {"positionEncodings": offered}}
    assert client.initialize({**PUSH, **general})["positionEncoding"] == agreed
    name = client.open(client.root / "net.py", TEXT)
    (found,) = client.published(name)
    end = start + len("layers.ReLU(6.0)")
    assert found["range"] == {
        "start": {"line": FIRST + 1, "character": start},
        "end": {"line": FIRST + 1, "character": end},
    }
    # The same units in the other direction: replace exactly the call, then mend the first line.
    client.change(name, 2, replaced((FIRST + 1, start), (FIRST + 1, end), "layers.ReLU(6)(x)#"))
    assert client.published(name, 2)[0]["range"]["start"]["character"] == start
    client.change(name, 3, replaced((FIRST, 1), (FIRST, 1 + len(CONV)), MENDED))
    assert client.published(name, 3) == []


def test_form_feeds_and_line_separators_end_no_line(client: Client) -> None:
    client.initialize()
    text = "\x0c\nname = 'a\x0bb\x1c\x85\u2028\u2029c'\n" + model(CONV, STACKED)
    name = client.open(client.root / "net.py", text)
    assert client.published(name)[0]["range"]["start"]["line"] == FIRST + 3
    client.change(name, 2, replaced((FIRST + 2, 4), (FIRST + 2, 4 + len(CONV)), MENDED))
    assert client.published(name, 2) == []
