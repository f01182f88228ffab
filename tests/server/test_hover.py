"""Hover: the rule's text on a finding, and what becomes of a layer."""

from __future__ import annotations

from typing import Any

from tests.server.client import Client, replaced
from tests.server.models import CONV, FIRST, STACKED, model


def hover(client: Client, name: str, line: int, character: int) -> Any:
    return client.request(
        "textDocument/hover",
        {
            "textDocument": {"uri": name},
            "position": {"line": line, "character": character},
        },
    )


def test_a_finding(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", model(CONV, STACKED))
    (found,) = client.published(name)
    said = hover(client, name, FIRST + 1, 12)
    table, _, rule = said["contents"]["value"].partition("\n\n---\n\n")
    assert "| `ReLU` | ptq | all | RELU6 · int8, avoidable" in table
    assert rule.startswith("**QL104 stacked-activations**")
    assert "\n**What it does**\n" in rule
    assert said["range"] == found["range"]


def test_a_layer(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", model(CONV, STACKED))
    said = hover(client, name, FIRST, 12)
    assert "| `Conv2D` | ptq | all | CONV_2D+RELU · int8 |" in said["contents"]["value"]
    assert said["range"]["start"] == {"line": FIRST, "character": 8}


def test_it_speaks_of_the_newest_text(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", model(CONV, STACKED))
    client.change(name, 2, replaced((0, 0), (0, 0), "\n"))
    assert hover(client, name, FIRST + 2, 12)["range"]["start"]["line"] == FIRST + 2


def test_elsewhere_there_is_nothing(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", model(CONV, STACKED))
    assert hover(client, name, 0, 0) is None
    assert hover(client, name, 999, 999) is None
