"""Inlay hints: what each layer becomes."""

from __future__ import annotations

from tests.server.client import Client, Json, replaced
from tests.server.models import AFTER, CONV, FIRST, MENDED, STACKED, model


def hints(client: Client, name: str, first: int = 0, last: int = 999) -> dict[int, list[str]]:
    """The labels by line."""
    found: list[Json] = client.request(
        "textDocument/inlayHint",
        {
            "textDocument": {"uri": name},
            "range": {
                "start": {"line": first, "character": 0},
                "end": {"line": last, "character": 0},
            },
        },
    )
    labels: dict[int, list[str]] = {}
    for each in found:
        labels.setdefault(each["position"]["line"], []).append(each["label"])
    return labels


def test_each_layer_has_one(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", model(CONV, AFTER, MENDED, STACKED))
    assert hints(client, name) == {
        FIRST: ["CONV_2D+RELU · int8"],
        FIRST + 1: ["MUL, ADD · int8, avoidable"],
        FIRST + 2: ["CONV_2D+RELU6 · int8"],
        FIRST + 3: ["fused into Conv2D"],
    }
    assert list(hints(client, name, FIRST + 1, FIRST + 2)) == [FIRST + 1]


def test_they_stand_at_the_end_of_the_line(client: Client) -> None:
    client.initialize()
    text = model(MENDED + "  # \N{ROCKET}")
    name = client.open(client.root / "net.py", text)
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": 99, "character": 0}}
    (hint,) = client.request(
        "textDocument/inlayHint", {"textDocument": {"uri": name}, "range": whole}
    )
    assert hint["position"] == {"line": FIRST, "character": 4 + len(MENDED) + 4 + 2}
    assert "| `Conv2D` | ptq | all | CONV_2D · int8 |" in hint["tooltip"]["value"]


def test_several_on_a_line_name_their_layers(client: Client) -> None:
    client.initialize()
    nested = "x = layers.ReLU(6.0)(layers.Conv2D(8, 3)(x))"
    name = client.open(client.root / "net.py", model(nested))
    assert sorted(hints(client, name)[FIRST]) == [
        "Conv2D: CONV_2D+RELU6 · int8",
        "ReLU: fused into Conv2D",
    ]


def test_half_typed_code_keeps_them(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", model(MENDED))
    assert hints(client, name) == {FIRST: ["CONV_2D · int8"]}
    client.change(name, 2, replaced((0, 0), (0, 0), "y = (\n"))
    assert hints(client, name) == {FIRST + 1: ["CONV_2D · int8"]}


def test_they_can_be_turned_off(client: Client) -> None:
    client.initialize(options={"inlayHints": {"enable": False}})
    name = client.open(client.root / "net.py", model(MENDED))
    assert hints(client, name) == {}
