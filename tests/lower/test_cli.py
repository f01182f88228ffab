from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from qlsp.cli import cli
from qlsp.error import QlspError

MODEL = """\
from tf_keras import layers, Model

def build(units=2):
    x = inputs = layers.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(x)
    x = layers.ReLU(4.0)(x)
    x = layers.Flatten()(x)
    return Model(inputs, layers.Dense(units)(x))
"""


@pytest.fixture
def model(tmp_path: Path) -> str:
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return f"{path}::build"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["lower", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_text_has_a_line_per_layer(model: str) -> None:
    lines = run(model, "--workflow", "ptq", "--tensorflow", "2.21.0").splitlines()
    assert lines[0] == "ptq, TF 2.21.0, Keras 2, tfmot 0.8.1"
    assert lines[2].split() == ["5:9", "conv2d", "Conv2D", "CONV_2D+RELU:INT8"]
    assert "extra ops: MINIMUM:INT8 RELU:INT8" in lines[3]
    assert lines[-1].startswith("  = CONV_2D+RELU:INT8 MINIMUM:INT8 RELU:INT8 RESHAPE:INT8")


def test_json(model: str) -> None:
    data = json.loads(run(model, "--workflow", "qat", "--tfmot", "0.5.0", "--format", "json"))
    assert data["version"] == 1
    (lowering,) = data["lowerings"]
    assert lowering["toolchain"]["tfmot"] == "0.5.0"
    assert lowering["error"] is None
    relu = lowering["layers"][2]
    assert (relu["name"], relu["class"], relu["line"]) == ("re_lu", "ReLU", 6)
    assert (relu["outcome"], relu["dtype"]) == ("float island", "FLOAT32")
    assert relu["reason"]


def test_a_version_without_evidence_says_what_it_rests_on(model: str) -> None:
    assert "(evidence of TF 2.15.1" in run(model, "--workflow", "qat", "--tensorflow", "2.13.0")


@pytest.mark.parametrize(
    "arguments",
    [["model.py"], ["missing.py::build"], ["{model}", "--workflow", "int8"],
     ["{model}", "--tensorflow", "new"], ["{model}", "--set", "units"]],
)  # fmt: skip
def test_bad_input_is_told_in_one_line(model: str, arguments: list[str]) -> None:
    given = [each.format(model=model) for each in arguments]
    with pytest.raises(QlspError) as caught:
        CliRunner().invoke(cli, ["lower", *given], catch_exceptions=False)
    assert "\n" not in str(caught.value)


def test_representative_data_fills_in_what_training_left_open(model: str) -> None:
    asked = [model, "--workflow", "qat", "--tfmot", "0.5.0"]
    assert "float island" in run(*asked)
    assert "float island" not in run(*asked, "--representative")
