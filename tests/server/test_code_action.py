"""Code actions: quick fixes, bulk fixes, suppressions."""

from __future__ import annotations

from typing import Any

import pytest

from qlsp.server.positions import PositionCodec
from qlsp.source.document import Document
from qlsp.source.edit import Edit, apply_edits
from tests.server.client import PULL, PUSH, Client, Json, ResponseError, whole
from tests.server.models import AFTER, CONV, FIRST, MENDED, STACKED, model

BAD = model(CONV, STACKED)
FIX = "Remove activation= from Conv2D"
IGNORE = "Ignore QL104 (stacked-activations) on this line"
ALL = "Fix all QL104 (stacked-activations) in this file"
SAFE = "Fix all that qlsp can fix safely"


def actions(client: Client, name: str, line: int, *only: str, **context: Any) -> list[Json]:
    """What is offered with the cursor on a line's call."""
    place = {"line": line, "character": 12}
    if only:
        context["only"] = only
    found: list[Json] = client.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": name},
            "range": {"start": place, "end": place},
            "context": {"diagnostics": [], **context},
        },
    )
    return found


def titles(found: list[Json]) -> list[str]:
    return [each["title"] for each in found]


def applied(text: str, edit: Json) -> str:
    """The text once an editor has applied a WorkspaceEdit for one document."""
    if "documentChanges" in edit:
        (change,) = edit["documentChanges"]
        edits = change["edits"]
    else:
        (edits,) = edit["changes"].values()
    document, codec = Document("", text), PositionCodec()
    offsets = [
        [codec.offset(document, _Position(each["range"][end])) for end in ("start", "end")]
        for each in edits
    ]
    return apply_edits(
        text,
        [Edit(*place, each["newText"]) for place, each in zip(offsets, edits, strict=True)],
    )


class _Position:
    def __init__(self, position: Json) -> None:
        self.line, self.character = position["line"], position["character"]


def opened(client: Client, text: str, capabilities: Json = PUSH) -> str:
    client.initialize(capabilities)
    return client.open(client.root / "net.py", text)


def by_title(found: list[Json], title: str) -> Json:
    return next(each for each in found if each["title"] == title)


def test_a_safe_fix(client: Client) -> None:
    name = opened(client, BAD)
    found = actions(client, name, FIRST + 1)
    assert titles(found) == [FIX, IGNORE, SAFE]
    fix = found[0]
    assert (fix["kind"], fix["isPreferred"]) == ("quickfix", True)
    assert fix["diagnostics"] == client.published(name)
    assert applied(BAD, fix["edit"]) == model(MENDED, STACKED)


def test_an_unsafe_fix_says_so_and_is_not_preferred(client: Client) -> None:
    name = opened(client, model(CONV, AFTER))
    found = actions(client, name, FIRST + 1)
    fix, ignore = titles(found)
    assert fix.startswith("Move BatchNormalization before")
    assert fix.endswith(" (changes the model)")
    assert ignore == "Ignore QL101 (batchnorm-after-activation) on this line"
    assert "isPreferred" not in found[0]
    fixed = applied(model(CONV, AFTER), found[0]["edit"])
    assert fixed == model(MENDED, AFTER, "x = layers.ReLU()(x)")


def test_all_of_a_rule_in_the_file(client: Client) -> None:
    text = model(CONV, STACKED, CONV, AFTER, CONV, STACKED)
    name = opened(client, text)
    found = actions(client, name, FIRST + 1)
    assert titles(found) == [FIX, ALL, IGNORE, SAFE]
    fixed = applied(text, by_title(found, ALL)["edit"])
    assert fixed == model(MENDED, STACKED, CONV, AFTER, MENDED, STACKED)


def test_all_of_an_unsafe_rule_say_so(client: Client) -> None:
    text = model(CONV, AFTER, CONV, STACKED, CONV, AFTER)
    name = opened(client, text)
    found = actions(client, name, FIRST + 1)
    title = "Fix all QL101 (batchnorm-after-activation) in this file (changes the model)"
    moved = [MENDED, AFTER, "x = layers.ReLU()(x)"]
    fixed = applied(text, by_title(found, title)["edit"])
    assert fixed == model(*moved, CONV, STACKED, *moved)


def test_fix_all_is_safe_only_and_found_from_anywhere(client: Client) -> None:
    text = model(CONV, STACKED, CONV, AFTER)
    name = opened(client, text)
    for only in ("source.fixAll.qlsp", "source.fixAll", "source"):
        (found,) = actions(client, name, 0, only)
        assert found["kind"] == "source.fixAll.qlsp"
        assert applied(text, found["edit"]) == model(MENDED, STACKED, CONV, AFTER)


def test_nothing_is_offered_where_nothing_is_wrong(client: Client) -> None:
    name = opened(client, model(CONV, STACKED, "y = 1"))
    assert actions(client, name, FIRST + 2) == []
    assert actions(client, name, 0) == []
    assert actions(client, name, FIRST + 1, "refactor") == []
    assert titles(actions(client, name, FIRST + 1, "quickfix")) == [FIX, IGNORE]
    assert titles(actions(client, name, FIRST + 1, "")) == [FIX, IGNORE, SAFE]


def test_nothing_to_fix_all(client: Client) -> None:
    name = opened(client, model(CONV, AFTER))
    assert actions(client, name, 0, "source.fixAll.qlsp") == []


def test_ignoring(client: Client) -> None:
    name = opened(client, BAD)
    edit = by_title(actions(client, name, FIRST + 1), IGNORE)["edit"]
    silenced = applied(BAD, edit)
    assert silenced == model(CONV, STACKED + "  # qlsp: ignore[QL104]")
    client.change(name, 2, whole(silenced))
    assert client.published(name, 2) == []


def test_the_columns_of_the_clients_diagnostics_do_not_matter(client: Client) -> None:
    """Neovim counts them in bytes, and puts the cursor anywhere on the line."""
    text = model("rocket = '\N{ROCKET}'; " + CONV, "rocket = '\N{ROCKET}'; " + STACKED)
    name = opened(client, text)
    (found,) = client.published(name)
    assert found["range"]["start"]["character"] == 4 + 15 + 4
    found["range"]["start"]["character"] += 2
    found["range"]["end"]["character"] += 2
    place = {"line": FIRST + 1, "character": 0}
    offered = client.request(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": name},
            "range": {"start": place, "end": place},
            "context": {"diagnostics": [found]},
        },
    )
    assert applied(text, offered[0]["edit"]) == text.replace(CONV, MENDED)


def test_broken_text_is_not_edited(client: Client) -> None:
    name = opened(client, BAD)
    client.change(name, 2, whole(BAD + "y = (\n"))
    assert client.published(name, 2)
    assert actions(client, name, FIRST + 1) == []


def test_edits_carry_the_version_where_the_client_knows_it(client: Client) -> None:
    workspace = {**PUSH["workspace"], "workspaceEdit": {"documentChanges": True}}
    name = opened(client, BAD, {**PUSH, "workspace": workspace})
    edit = actions(client, name, FIRST + 1)[0]["edit"]
    assert edit["documentChanges"][0]["textDocument"] == {"uri": name, "version": 1}
    assert applied(BAD, edit) == model(MENDED, STACKED)


def test_clients_that_resolve_get_edits_later(client: Client) -> None:
    name = opened(client, model(CONV, STACKED, CONV, STACKED), PULL)
    found = actions(client, name, FIRST + 3)
    assert titles(found) == [FIX, ALL, IGNORE, SAFE]
    assert not any("edit" in each for each in found)
    texts = [
        applied(
            model(CONV, STACKED, CONV, STACKED),
            client.request("codeAction/resolve", each)["edit"],
        )
        for each in found
    ]
    assert texts == [
        model(CONV, STACKED, MENDED, STACKED),
        model(MENDED, STACKED, MENDED, STACKED),
        model(CONV, STACKED, CONV, STACKED + "  # qlsp: ignore[QL104]"),
        model(MENDED, STACKED, MENDED, STACKED),
    ]


def test_what_can_not_be_resolved_is_refused(client: Client) -> None:
    name = opened(client, BAD, PULL)
    action = actions(client, name, FIRST + 1)[0]
    for data in (None, 3, {}, {"uri": [], "version": 1}, {"uri": "file:///x"}):
        with pytest.raises(ResponseError):
            client.request("codeAction/resolve", {**action, "data": data})
    client.change(name, 2, whole("# new\n" + BAD))
    with pytest.raises(ResponseError, match="changed"):
        client.request("codeAction/resolve", action)


def test_crlf_and_tabs(client: Client) -> None:
    text = model(CONV, STACKED).replace("    ", "\t").replace("\n", "\r\n")
    name = opened(client, text)
    fixed = applied(text, actions(client, name, FIRST + 1)[0]["edit"])
    assert fixed == text.replace(CONV, MENDED)
    every = applied(text, actions(client, name, 0, "source.fixAll")[0]["edit"])
    assert every == text.replace(CONV, MENDED)
