"""`qlsp graph`."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from qlsp.cli import cli
from qlsp.cli.graph import command
from qlsp.error import QlspError

_SOURCE = """\
import tensorflow as tf
L = tf.keras.layers
def build(n=4, activation="relu", weights="imagenet"):
    assert weights is None
    é = x = tf.keras.Input((8, 8, 3)); x = L.Conv2D(n, 3, activation=activation, name="stem")(x)
    x = L.Activation(tf.nn.relu6)(x)
    block = tf.keras.Sequential([L.Dense(2)])
    return tf.keras.Model(é, mystery(block(x)))
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(_SOURCE, encoding="utf-8")
    return path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def test_json(model: Path) -> None:
    result = _run(f"{model}::build", "--set", "n=6", "--set", "activation=elu", "--format", "json")
    data = json.loads(result.output)
    assert data["version"] == 1
    assert (data["name"], data["kind"], data["flavour"]) == ("build", "functional", "tf.keras")
    assert data["edges"] == [[0, 1], [1, 2], [2, 3], [3, 4]]
    stem = data["nodes"][1]
    assert stem == {
        "index": 1,
        "kind": "layer",
        "class": "Conv2D",
        "name": "stem",
        "layer": stem["layer"],
        "path": str(model),
        "line": 5,
        "column": 44,
        "attrs": {"filters": 6, "kernel_size": 3, "activation": "elu", "name": "stem"},
        "shape": [None, 6, 6, 6],
    }
    assert data["nodes"][2]["attrs"] == {"activation": {"symbol": "tf.nn.relu6"}}
    assert [node["class"] for node in data["nodes"][3]["body"]["nodes"]] == ["InputLayer", "Dense"]
    assert data["complete"] is False
    assert data["holes"][0]["line"] == 8
    assert "mystery" in data["holes"][0]["reason"]


def test_text(model: Path) -> None:
    lines = _run(f"{model}::build", "--flat").output.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [
        "InputLayer",
        "Conv2D",
        "Activation",
        "Dense",
        "?",
    ]
    assert "line 5" in lines[1]
    assert "activation='relu'" in lines[1]
    assert lines[-1].startswith("not followed: 8:30: a call of")


def test_svg(model: Path) -> None:
    root = ElementTree.fromstring(_run(f"{model}::build", "--format", "svg").output)
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}g")) == 5
    assert len(root.findall(f"{space}path")) == 4


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("model.py", "names no builder"),
        ("model.py::", "names no builder"),
        (".::build", "is a folder"),
        ("missing.py::build", "No such file"),
        ("broken.py::build", "broken.py:2: "),
        ("model.py::other", "has no function, class or model `other`"),
    ],
)
def test_bad_target(
    model: Path, target: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(model.parent)
    (model.parent / "broken.py").write_text("x = 1\ndef f(:\n")
    with pytest.raises(QlspError, match=message):
        _run(target)


def test_bad_setting(model: Path) -> None:
    with pytest.raises(QlspError, match="write KEY=VALUE"):
        _run(f"{model}::build", "--set", "n")


def test_it_is_a_command() -> None:
    assert "FILE.py::BUILDER" in CliRunner().invoke(cli, ["graph", "--help"]).output
