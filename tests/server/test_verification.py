"""Code lenses, and the verification that they start."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.server.client import PUSH, TIMEOUT, Client, Json, replaced, whole
from tests.server.models import AFTER, CONV, FIRST, MENDED, STACKED, model
from tests.server.test_hover import hover
from tests.tensorflow import tensorflow_python

BAD = model(CONV, AFTER)
SHOWS: Json = {**PUSH, "window": {"workDoneProgress": True}}


def lenses(client: Client, name: str) -> list[tuple[int, list[Any]]]:
    found = client.request("textDocument/codeLens", {"textDocument": {"uri": name}})
    assert {each["command"]["command"] for each in found} <= {"qlsp.verify"}
    return [(each["range"]["start"]["line"], each["command"]["arguments"]) for each in found]


def opened(client: Client, text: str, capabilities: Json = PUSH, **options: Any) -> str:
    client.answers["window/workDoneProgress/create"] = lambda _: None
    client.initialize(capabilities, options=options)
    file = client.root / "net.py"
    file.write_text(text)
    name = client.open(file, text)
    client.published(name)
    return name


def verify(client: Client, name: str, builder: str = "build") -> int:
    return client.send_request(
        "workspace/executeCommand", {"command": "qlsp.verify", "arguments": [name, builder]}
    )


def message(client: Client) -> str:
    shown = client.wait(lambda message: message.get("method") == "window/showMessage")
    text: str = shown["params"]["message"]
    return text


def test_builders_have_a_lens(client: Client) -> None:
    client.initialize()
    text = (
        model(CONV, STACKED)
        + "\n\ndef block(x):\n    return layers.ReLU()(x)\n"
        + "\n\ndef sized(size):\n    return tf.keras.Sequential([layers.Dense(size)])\n"
        + "\n\ndef small(size=3):\n    return tf.keras.Sequential([layers.Dense(size)])\n"
    )
    name = client.open(client.root / "net.py", text)
    small = text[: text.index("def small")].count("\n")
    assert lenses(client, name) == [(4, [name, "build"]), (small, [name, "small"])]
    client.change(name, 2, replaced((0, 0), (0, 0), "y = (\n"))
    assert lenses(client, name) == [(5, [name, "build"]), (small + 1, [name, "small"])]


def test_they_can_be_turned_off(client: Client) -> None:
    name = opened(client, BAD, codeLens={"enable": False})
    assert lenses(client, name) == []


def test_an_untrusted_workspace_is_never_run(client: Client) -> None:
    marker = client.root / "was-run"
    name = opened(client, f"open({str(marker)!r}, 'w')\n" + BAD, trusted=False)
    assert lenses(client, name) == []
    assert client.answer(verify(client, name)) is None
    assert "not trusted" in message(client)
    assert not marker.exists()


def test_what_can_not_be_verified(client: Client) -> None:
    name = opened(client, BAD)
    client.change(name, 2, whole(BAD + "# typed\n"))
    assert client.answer(verify(client, name)) is None
    assert "save net.py first" in message(client)
    assert client.answer(verify(client, "file:///elsewhere.py")) is None
    assert "no open document" in message(client)
    with pytest.raises(Exception, match="takes a document's URI"):
        client.request("workspace/executeCommand", {"command": "qlsp.verify", "arguments": [1]})


def test_an_interpreter_that_does_not_work(client: Client) -> None:
    broken = client.root / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    name = opened(client, BAD, interpreter=str(broken))
    assert client.answer(verify(client, name)) is None
    assert message(client) == "while starting, the process exited with code 3"


def test_it_can_be_cancelled(client: Client) -> None:
    name = opened(client, "import time\ntime.sleep(600)\n" + BAD, SHOWS, interpreter=sys.executable)
    request = verify(client, name)
    begun = client.wait(lambda message: message.get("method") == "$/progress")["params"]
    assert begun["value"]["title"] == "Verifying build"
    client.wait(lambda message: "importing" in str(message.get("params")))
    client.notify("window/workDoneProgress/cancel", {"token": begun["token"]})
    assert client.answer(request) is None
    assert client.shut_down() == 0
    assert _runners(client.root) == []


def test_it_ends_with_the_server(client: Client) -> None:
    name = opened(client, "import time\ntime.sleep(600)\n" + BAD, SHOWS, interpreter=sys.executable)
    verify(client, name)
    client.wait(lambda message: "importing" in str(message.get("params")))
    assert client.shut_down() == 0
    deadline = time.monotonic() + TIMEOUT
    while _runners(client.root) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _runners(client.root) == []


def _runners(root: Path) -> list[str]:
    """Command lines of processes that verify something below `root`."""
    lines = (each.read_bytes() for each in Path("/proc").glob("[0-9]*/cmdline") if each.exists())
    return [
        each.decode(errors="replace") for each in lines if str(root / "net.py").encode() in each
    ]


@pytest.mark.slow
def test_what_was_measured_stands_until_the_text_changes(client: Client) -> None:
    name = opened(client, BAD, SHOWS, interpreter=tensorflow_python())
    report = client.answer(verify(client, name), timeout=180)
    assert report["worse"] is True
    assert [each["workflow"] for each in report["workflows"]] == ["ptq"]
    assert "build with TensorFlow" in message(client)
    found = client.published(name)
    (measured,) = [each for each in found if each["code"] == "measured"]
    assert measured["range"]["start"]["line"] == FIRST + 1
    assert measured["message"].startswith("build, ptq: ")
    said = hover(client, name, FIRST, 12)["contents"]["value"]
    assert said.startswith("**Measured** in `build` with TensorFlow ")
    assert "| ptq | `CONV_2D+RELU:INT8` |" in said
    client.change(name, 2, whole(model(MENDED, AFTER)))
    assert client.published(name, 2) == []
    assert "Measured" not in hover(client, name, FIRST, 12)["contents"]["value"]
