"""`qlsp doctor` as a user meets it, without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from qlsp.doctor.graphdef import Graph, Node, parse_graph
from tests.doctor.made import Made, before_relu, missing_range, well_placed


def doctor(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qlsp", "doctor", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def written(folder: Path, graph: Graph) -> Path:
    file = folder / "frozen.pb"
    file.write_bytes(graph.serialize())
    return file


def test_healthy(tmp_path: Path) -> None:
    done = doctor(written(tmp_path, well_placed()))
    assert done.returncode == 0, done.stderr
    assert "image → result" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("healthy")


def test_findings(tmp_path: Path) -> None:
    done = doctor(written(tmp_path, missing_range()))
    assert done.returncode == 1
    assert "missing-range inner (Relu): no fake-quantization behind it" in done.stdout
    assert "TOCO: Array inner, which is an input to the Conv operator" in done.stdout
    assert "mended by: --fix --data FILE -o FIXED.pb" in done.stdout


def test_json(tmp_path: Path) -> None:
    done = doctor(written(tmp_path, before_relu()), "--format", "json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["version"] == 1
    assert (report["inputs"], report["outputs"]) == (["image"], ["result"])
    (finding,) = report["findings"]
    assert finding["kind"] == "misplaced-fake-quant"
    assert finding["mendable"] and not finding["needs_data"]
    assert report["treatment"] is None


def test_what_needs_no_data_is_mended_without_tensorflow(tmp_path: Path) -> None:
    """The interpreter given has none, and isn't even started."""
    file = written(tmp_path, before_relu())
    before = file.read_bytes()
    fixed = tmp_path / "fixed.pb"
    done = doctor(file, "--fix", "-o", fixed, "--python", sys.executable)
    assert done.returncode == 0, done.stderr
    assert "0 to 4, from a fake-quantization that is there" in done.stdout
    assert file.read_bytes() == before
    assert doctor(fixed).returncode == 0
    assert sorted(tmp_path.iterdir()) == [fixed, file]
    (behind,) = [n for n in parse_graph(fixed.read_bytes()) if n.inputs == ("inner",)]
    assert behind.op == "FakeQuantWithMinMaxArgs"
    assert (behind.real("min"), behind.real("max")) == (0.0, 4.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fix"], "--fix, -o FIXED.pb and --data go together"),
        (["-o", "out.pb"], "--fix, -o FIXED.pb and --data go together"),
        (["--data", "random"], "--fix, -o FIXED.pb and --data go together"),
        (["--fix", "-o", "{out}"], "1 ranges have to be measured, the first that of 'inner'"),
        (["--fix", "-o", "{out}", "--data", "gone.npz"], "--data gone.npz: no such file"),
        (["--fix", "-o", "{file}", "--data", "random"], "that is the graph itself"),
    ],
)
def test_refused(tmp_path: Path, arguments: list[str], message: str) -> None:
    file, out = written(tmp_path, missing_range()), tmp_path / "out.pb"
    done = doctor(file, *(each.format(out=out, file=file) for each in arguments))
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    file = written(tmp_path, before_relu())
    done = doctor(file, "--fix", "-o", tmp_path / "gone" / "out.pb")
    assert done.returncode == 2
    assert done.stderr.endswith("out.pb: no such folder\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--inputs", "imag"], "there is no input 'imag'"),
        (["--inputs", "image:0"], "did you mean image?"),
        (["--inputs", "Image"], "did you mean image?"),
        (["--outputs", "softmax"], "did you mean result?"),
        (["--outputs", "result:0"], "did you mean result?"),
    ],
)
def test_names_that_are_not_there(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = doctor(written(tmp_path, well_placed()), *arguments)
    assert done.returncode == 1
    assert message in done.stdout


def test_a_graph_may_begin_anywhere(tmp_path: Path) -> None:
    done = doctor(written(tmp_path, missing_range()), "--inputs", "inner")
    assert done.returncode == 0, done.stdout


def test_input_that_nothing_takes(tmp_path: Path) -> None:
    made = Made()
    made.nodes["phase"] = Node("phase", "Placeholder")
    file = made.file(tmp_path, made.fake_quant(made.layer("image")))
    done = doctor(file, "--inputs", "image,phase")
    assert done.returncode == 1
    assert "the outputs don't depend on input 'phase'" in done.stdout


def test_input_left_out(tmp_path: Path) -> None:
    made = Made()
    made.nodes["other"] = Node("other", "Placeholder")
    x = made.fake_quant(made.add("AddV2", made.fake_quant(made.layer("image")), "other"))
    done = doctor(made.file(tmp_path, x), "--inputs", "image")
    assert done.returncode == 1
    assert "the outputs also depend on 'other'" in done.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "frozen.pb: the file is empty"), (b"\xff" * 50, "frozen.pb: not a frozen graph")],
)
def test_no_graph(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "frozen.pb").write_bytes(content)
    done = doctor(tmp_path / "frozen.pb")
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_circle(tmp_path: Path) -> None:
    made = Made()
    made.nodes["a"] = Node("a", "AddV2", ("image", "b"))
    made.nodes["b"] = Node("b", "Relu", ("a",))
    done = doctor(made.file(tmp_path, "b"))
    assert done.returncode == 2
    assert "the graph runs in a circle: " in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_graph_of_constants(tmp_path: Path) -> None:
    made = Made()
    del made.nodes["image"]
    made.constant(1.0)
    done = doctor(made.file(tmp_path))
    assert done.returncode == 2
    assert "no inputs found: name them" in done.stderr
