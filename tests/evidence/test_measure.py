import json
import venv
from pathlib import Path

import pytest
from click.testing import CliRunner

from qlsp.cli.evidence import command
from qlsp.error import QlspError
from qlsp.evidence import load
from qlsp.evidence.measure import Journal, measure
from qlsp.evidence.patterns import Pattern
from qlsp.evidence.reading import read
from qlsp.evidence.toolchains import SETUPS
from tests.tensorflow import tensorflow_python


def test_an_interpreter_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(QlspError, match="can't run /nowhere/python"):
        measure(SETUPS[0], "/nowhere/python", Journal(tmp_path / "j"), [Pattern("image > conv")])


def test_an_interpreter_without_tensorflow(tmp_path: Path) -> None:
    venv.create(tmp_path / "environment", symlinks=True)
    interpreter = str(tmp_path / "environment" / "bin" / "python")
    with pytest.raises(QlspError, match=r"did not begin to measure: .*tensorflow"):
        measure(SETUPS[0], interpreter, Journal(tmp_path / "j"), [Pattern("image > conv")])


def test_a_half_written_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    cell = {"pattern": "image > conv", "workflow": "float", "digest": "0", "error": ["E", "s", "m"]}
    lines = [{"versions": {"python": "3.11.7"}}, {"begin": ["image > conv", "float"]}, cell]
    text = "\n".join(map(json.dumps, lines))
    journal.path.write_text(text + '\n{"begin": ["image > conv", "ptq"]}\n{"pattern": "image')
    assert journal.cells() == {("image > conv", "float"): cell}
    assert journal.begun() == ("image > conv", "ptq")
    assert journal.versions() == {"python": "3.11.7"}


def test_list() -> None:
    result = CliRunner().invoke(command, ["list"])
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == len(SETUPS)


@pytest.mark.slow
def test_measured_again(tmp_path: Path) -> None:
    names = ["image > conv > bn > relu6", "image > conv > relu > bn", "vector > dense > bn"]
    drawn = [Pattern(name) for name in names]
    journal = Journal(tmp_path / "journal.jsonl")
    measure(SETUPS[0], tensorflow_python(), journal, drawn)
    shipped = load(SETUPS[0].toolchain).cells
    measured = read(SETUPS[0], journal, drawn).cells
    assert measured == {key: shipped[key] for key in shipped if key[0] in names}
    # What the journal has is not measured again.
    measure(SETUPS[0], "/nowhere/python", journal, drawn)


@pytest.mark.slow
def test_check() -> None:
    result = CliRunner().invoke(
        command, ["check", "--python", tensorflow_python(), "--sample", "8"]
    )
    assert result.exit_code == 0, result.output
    assert "8 patterns measured again, 0 cells differ" in result.output
