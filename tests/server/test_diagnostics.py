"""Diagnostics, pushed and pulled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.server.client import PULL, PUSH, Client, Json, replaced, uri, whole
from tests.server.models import AFTER, CONV, FIRST, MENDED, STACKED, model

BAD, GOOD = model(CONV, STACKED), model(MENDED, STACKED)


def codes(found: list[Json]) -> list[str]:
    return [each["code"] for each in found]


def test_they_follow_the_text(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", BAD)
    assert codes(client.published(name, 1)) == ["QL104"]
    client.change(name, 2, whole(GOOD))
    assert codes(client.published(name, 2)) == []
    client.change(name, 3, replaced((FIRST, 26), (FIRST, 26), ', activation="relu"'))
    assert codes(client.published(name, 3)) == ["QL104"]
    client.change(
        name,
        4,
        replaced((FIRST, 0), (FIRST, 0), "    y = 1\n"),
        replaced((FIRST + 2, 4), (FIRST + 2, 27), AFTER),
    )
    assert codes(client.published(name, 4)) == ["QL101"]


def test_what_one_says(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", BAD)
    (found,) = client.published(name)
    assert found["range"] == {
        "start": {"line": FIRST + 1, "character": 8},
        "end": {"line": FIRST + 1, "character": 8 + len("layers.ReLU(6.0)")},
    }
    assert (found["code"], found["source"], found["severity"]) == ("QL104", "qlsp", 2)
    assert "one activation too many" in found["message"]
    (related,) = found["relatedInformation"]
    assert related["location"]["uri"] == name
    assert related["location"]["range"]["start"] == {"line": FIRST, "character": 8}


def test_the_code_leads_to_the_rules_page(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", BAD)
    (found,) = client.published(name)
    client.change(name, 2, whole(BAD))
    client.published(name, 2)  # the page is written between the two analyses
    page = Path(found["codeDescription"]["href"].removeprefix("file://"))
    assert page.read_text().startswith("# stacked-activations (QL104)")


def test_they_vanish_with_the_document(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", BAD)
    assert client.published(name)
    client.notify("textDocument/didClose", {"textDocument": {"uri": name}})
    assert client.published(name) == []
    assert client.shut_down() == 0


def test_saving_refreshes_documents_that_import_the_saved_one(client: Client) -> None:
    client.initialize()
    block = client.root / "block.py"
    helper = "from tensorflow.keras import layers\n\n\ndef act(x):\n    return layers.{}(x)\n"
    block.write_text(helper.format("Dropout(0.1)"))
    name = client.open(
        client.root / "net.py", "from block import act\n" + model(CONV, "x = act(x)", AFTER)
    )
    before = client.published(name)
    other = client.open(block, block.read_text())
    client.change(other, 2, whole(helper.format("ReLU(6.0)")))
    client.published(other, 2)
    block.write_text(helper.format("ReLU(6.0)"))
    client.notify("textDocument/didSave", {"textDocument": {"uri": other}})
    assert client.published(name) != before


@pytest.mark.parametrize("name", ["net.py", "untitled:Untitled-1"])
def test_unsaved_documents(client: Client, name: str) -> None:
    client.initialize()
    opened = client.open(client.root / name if name == "net.py" else name, BAD)
    assert codes(client.published(opened)) == ["QL104"]


def test_other_languages_are_left_alone(client: Client) -> None:
    client.initialize()
    item = {"uri": uri(client.root / "a.toml"), "languageId": "toml", "version": 1, "text": "("}
    client.notify("textDocument/didOpen", {"textDocument": item})
    client.published(client.open(client.root / "net.py", BAD))
    assert not any(item["uri"] in str(message) for message in client.received)


def test_excluded_files_are_left_alone(client: Client) -> None:
    client.initialize()
    path = client.root / "site-packages" / "net.py"
    assert client.published(client.open(path, BAD)) == []


def test_suppressed_findings_stay_away(client: Client) -> None:
    client.initialize()
    text = model(CONV, STACKED + "  # qlsp: ignore[QL104]")
    assert client.published(client.open(client.root / "net.py", text)) == []


def test_half_typed_code_keeps_the_last_good_result(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", BAD)
    (before,) = client.published(name)
    client.change(name, 2, replaced((FIRST, 0), (FIRST, 0), "    y = (\n"))
    kept, error = sorted(client.published(name, 2), key=lambda each: each["code"])
    assert error["code"] == "syntax-error"
    assert (kept["code"], kept["message"]) == (before["code"], before["message"])
    assert kept["range"]["start"]["line"] == before["range"]["start"]["line"] + 1
    client.change(name, 3, replaced((FIRST, 0), (FIRST + 1, 0), ""))
    assert client.published(name, 3) == [before]


def test_syntax_errors_can_be_left_to_others(client: Client) -> None:
    client.initialize(options={"showSyntaxErrors": False})
    assert client.published(client.open(client.root / "net.py", "x = (\n")) == []


def test_only_the_newest_text_is_reported(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", BAD, 1)
    for version in range(2, 60):
        client.change(name, version, replaced((0, 0), (0, 0), "# typed\n"))
    found = client.published(name, 59)
    assert found[0]["range"]["start"]["line"] == FIRST + 1 + 58
    assert client.shut_down() == 0
    late = [each for each in client.received if "diagnostics" in str(each.get("params"))]
    assert len(late) < 30, "most of the texts in between were superseded"


def test_a_client_that_pulls_is_sent_nothing(client: Client) -> None:
    assert client.initialize(PULL)["diagnosticProvider"]["interFileDependencies"] is True
    name = client.open(client.root / "net.py", BAD)
    report = client.pull(name)
    assert (report["kind"], codes(report["items"])) == ("full", ["QL104"])
    again = client.pull(name, report["resultId"])
    assert again == {"kind": "unchanged", "resultId": report["resultId"]}
    client.change(name, 2, whole(GOOD))
    changed = client.pull(name, report["resultId"])
    assert (changed["kind"], changed["items"]) == ("full", [])
    client.notify("textDocument/didClose", {"textDocument": {"uri": name}})
    assert client.shut_down() == 0
    assert not [each for each in client.received if "publishDiagnostics" in str(each)]


def test_a_client_that_does_not_pull_is_sent_them(client: Client) -> None:
    assert "diagnostic" not in PUSH["textDocument"]
    client.initialize(PUSH)
    assert client.published(client.open(client.root / "net.py", BAD))


def test_a_pull_that_is_superseded_gets_the_newest(client: Client) -> None:
    client.initialize(PULL)
    name = client.open(client.root / "net.py", BAD)
    first = client.send_request("textDocument/diagnostic", {"textDocument": {"uri": name}})
    client.change(name, 2, whole(GOOD))
    second = client.send_request("textDocument/diagnostic", {"textDocument": {"uri": name}})
    assert client.answer(first)["resultId"] == client.answer(second)["resultId"]


def test_a_pull_can_be_cancelled(client: Client) -> None:
    client.initialize(PULL)
    name = client.open(client.root / "net.py", BAD * 50)
    request = client.send_request("textDocument/diagnostic", {"textDocument": {"uri": name}})
    client.notify("$/cancelRequest", {"id": request})
    with pytest.raises(Exception, match="cancel"):
        client.answer(request)
    assert client.pull(name)["items"]
