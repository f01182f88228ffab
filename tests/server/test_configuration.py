"""Settings: from the editor, from the project, per folder, and when they change."""

from __future__ import annotations

import pytest

from tests.server import models
from tests.server.client import PULL, PUSH, Client, Json, uri, whole
from tests.server.models import CONV, STACKED, model

BAD = model(CONV, STACKED)
ASKS: Json = {**PUSH, "workspace": {"configuration": True, "workspaceFolders": True}}


def codes(found: list[Json]) -> list[str]:
    return [each["code"] for each in found]


def warnings(client: Client) -> list[str]:
    return [
        each["params"]["message"]
        for each in client.received
        if each.get("method") == "window/showMessage"
    ]


def test_initialization_options(client: Client) -> None:
    client.initialize(options={"qlsp": {"ignore": ["stacked-activations"]}})
    assert client.published(client.open(client.root / "net.py", BAD)) == []


def test_senseless_options_are_told_and_left_aside(client: Client) -> None:
    client.initialize(options={"ignore": "QL104"})
    assert codes(client.published(client.open(client.root / "net.py", BAD))) == ["QL104"]
    (told,) = warnings(client)
    assert told == "editor settings: qlsp.ignore: expected a list of strings, found 'QL104'"


def test_they_change_while_the_server_runs(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", BAD)
    assert codes(client.published(name)) == ["QL104"]
    for settings, expected in [
        ({"qlsp": {"ignore": ["QL1"]}}, []),
        ({"qlsp": {}}, ["QL104"]),
        ({"select": ["QL2"]}, []),
        ({"select": None, "ignore": None, "enable": None}, ["QL104"]),
        ({"enable": False}, []),
    ]:
        client.notify("workspace/didChangeConfiguration", {"settings": settings})
        assert codes(client.published(name)) == expected


def test_a_client_that_can_be_asked_is_asked_for_each_folder(client: Client) -> None:
    first, second = client.root / "first", client.root / "second"
    for folder in (first, second):
        models.project(folder)
    ignored = {uri(second): {"ignore": ["QL104"]}}
    client.answers["workspace/configuration"] = lambda params: [
        ignored.get(item.get("scopeUri"), {}) for item in params["items"]
    ]
    client.initialize(ASKS, folders=[first, second])
    client.wait(lambda message: message.get("method") == "workspace/configuration")
    names = [client.open(folder / "net.py", BAD) for folder in (first, second)]
    assert [codes(client.published(name)) for name in names] == [["QL104"], []]
    ignored.clear()
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    assert codes(client.published(names[1])) == ["QL104"]


def test_senseless_answers_change_nothing(client: Client) -> None:
    def asked() -> None:
        client.wait(lambda message: message.get("method") == "workspace/configuration")

    answers: list[object] = [[{}, {}]]
    client.answers["workspace/configuration"] = lambda _: answers.pop()
    client.initialize(ASKS)
    asked()
    name = client.open(client.root / "net.py", BAD)
    assert codes(client.published(name)) == ["QL104"]
    senseless: list[object] = [None, [], [1] * 4, {"a": 1}, [{"enable": 0}, {"enable": 0}]]
    for version, answer in enumerate(senseless, 2):
        answers.append(answer)
        client.notify("workspace/didChangeConfiguration", {"settings": None})
        asked()
        client.change(name, version, whole(BAD))
        assert codes(client.published(name, version)) == ["QL104"]


def test_each_file_has_the_settings_of_its_project(client: Client) -> None:
    first, second = client.root / "first", client.root / "second"
    models.project(first)
    models.project(second, models.SETTINGS + 'ignore = ["QL104"]\n')
    client.initialize(folders=[first, second])
    names = [client.open(folder / "net.py", BAD) for folder in (first, second)]
    assert [codes(client.published(name)) for name in names] == [["QL104"], []]


def test_folders_come_and_go(client: Client) -> None:
    second = client.root / "second"
    models.project(second)
    client.answers["workspace/configuration"] = lambda params: [
        {"ignore": ["QL104"]} if item.get("scopeUri") == uri(second) else {}
        for item in params["items"]
    ]
    client.initialize(ASKS, folders=[])
    name = client.open(second / "net.py", BAD)
    assert codes(client.published(name)) == ["QL104"]

    def change(**event: list[Json]) -> None:
        client.notify(
            "workspace/didChangeWorkspaceFolders",
            {"event": {"added": [], "removed": [], **event}},
        )

    change(added=[{"uri": uri(second), "name": "second"}])
    assert client.published(name) == []
    change(removed=[{"uri": uri(second), "name": "second"}])
    assert codes(client.published(name)) == ["QL104"]


@pytest.mark.parametrize("root", ["rootUri", "rootPath"])
def test_clients_without_workspace_folders(client: Client, root: str) -> None:
    value = uri(client.root) if root == "rootUri" else str(client.root)
    client.initialize(
        options={"configuration": "other.toml"}, **{"workspaceFolders": None, root: value}
    )
    (client.root / "other.toml").write_text('workflows = ["ptq"]\nignore = ["QL1"]\n')
    assert client.published(client.open(client.root / "net.py", BAD)) == []


def test_settings_are_watched(client: Client) -> None:
    watch = {"didChangeWatchedFiles": {"dynamicRegistration": True}}
    client.initialize({**PUSH, "workspace": watch})
    asked = client.wait(lambda message: message.get("method") == "client/registerCapability")
    assert "pyproject" in str(asked["params"])
    name = client.open(client.root / "net.py", BAD)
    assert codes(client.published(name)) == ["QL104"]
    settings = client.root / "pyproject.toml"
    settings.write_text(models.SETTINGS + 'ignore = ["QL104"]\n')
    changes = [{"uri": uri(settings), "type": 2}]
    client.notify("workspace/didChangeWatchedFiles", {"changes": changes})
    assert client.published(name) == []


def test_a_client_that_pulls_is_told_to_pull_again(client: Client) -> None:
    client.initialize(PULL)
    name = client.open(client.root / "net.py", BAD)
    before = client.pull(name)
    client.notify("workspace/didChangeConfiguration", {"settings": {"qlsp": {"ignore": ["QL1"]}}})
    client.wait(lambda message: message.get("method") == "workspace/diagnostic/refresh")
    assert client.pull(name, before["resultId"])["items"] == []


def test_a_broken_project_file_is_told_once_and_the_findings_stay(client: Client) -> None:
    client.initialize()
    name = client.open(client.root / "net.py", BAD)
    assert codes(client.published(name)) == ["QL104"]
    settings = client.root / "pyproject.toml"
    settings.write_text("[tool.qlsp]\nselct = []\n")
    changes = {"changes": [{"uri": uri(settings), "type": 2}]}
    for _ in range(3):
        client.notify("workspace/didChangeWatchedFiles", changes)
    told = client.wait(lambda message: message.get("method") == "window/showMessage")
    assert "pyproject.toml" in told["params"]["message"]
    settings.write_text(models.SETTINGS)
    client.notify("workspace/didChangeWatchedFiles", changes)
    assert codes(client.published(name)) == ["QL104"]
    assert warnings(client) == []
