from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from qlsp.cli.rule import command
from qlsp.error import QlspError
from qlsp.rules.catalogue import RULES


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", ["QL102", "ql102", "standalone-activation"])
def test_one_rule(name: str) -> None:
    page = run(name)
    assert page.startswith("# standalone-activation (QL102)\n")
    assert "| `qat` | tfmot 0.5.0 | `CONV_2D` `RELU` | `CONV_2D+RELU` |" in page


def test_all_rules() -> None:
    lines = run("--all").splitlines()
    assert [line.split()[0] for line in lines] == [rule.code for rule in RULES]


def test_all_rules_as_json() -> None:
    found = json.loads(run("--all", "--format", "json"))
    assert [each["code"] for each in found] == [rule.code for rule in RULES]
    (fused,) = (each for each in found if each["code"] == "QL103")
    assert fused == {
        "code": "QL103",
        "name": "fused-batchnorm",
        "summary": "BatchNormalization has a form that breaks the model in this toolchain.",
        "fix": "safe",
        "workflows": ["float", "ptq", "qat", "tf1"],
    }


def test_one_rule_as_json() -> None:
    found = json.loads(run("QL201", "--format", "json"))
    assert found["name"] == "unsupported-activation"
    assert "## Why it matters" in found["documentation"]


def test_pages(tmp_path: Path) -> None:
    run("--all", "--output", str(tmp_path / "pages"))
    names = {path.stem for path in (tmp_path / "pages").iterdir()}
    assert names == {rule.name for rule in RULES}


def test_no_such_rule() -> None:
    with pytest.raises(QlspError, match="did you mean standalone-activation"):
        run("standalone-activations")
    with pytest.raises(QlspError, match="`qlsp rule --all` lists them"):
        run("zzz")


def test_bad_arguments() -> None:
    for arguments in ([], ["QL101", "--all"], ["QL101", "--format", "yaml"]):
        assert CliRunner().invoke(command, arguments).exit_code == 2


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(QlspError):
        run("QL101", "--output", str(file / "below"))
