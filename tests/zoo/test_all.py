"""`qlsp verify --all` from the outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.zoo.project import (
    PYTHON,
    command,
    entries,
    environment,
    left_behind,
    project,
    run,
)

MIXED = """
[tool.qlsp.models]
good = "conv_relu6_int8.tflite"
raises = { builder = "net.py::raises", workflows = ["float", "ptq"] }
exits = { builder = "net.py::exits", workflows = ["ptq"] }
island = "float_island.tflite"
"""


def test_one_bad_model_stops_no_other(tmp_path: Path) -> None:
    done = run(project(tmp_path, MIXED), "--python", PYTHON)
    assert done.returncode == 2
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["model", "workflow", "toolchain", "ops", "int8", "float", "islands", "verdict"] in lines
    assert lines[1][:1] + lines[1][-5:] == ["good", "0", "as", "it", "should", "be"]
    assert any(line[:2] == ["raises", "ptq"] and line[-1] == "verified" for line in lines)
    assert any(line[0] == "island" and line[-3:] == ["1", "float", "island"] for line in lines[1:6])
    assert "ValueError: on purpose (net.py:" in done.stdout
    assert "while building, the process exited with code 3" in done.stdout
    assert "5 cases: 1 as they should be, 1 worse than they have to be, 3 not verified" in (
        done.stdout
    )
    assert "[5/5] " in done.stderr
    assert "Traceback" not in done.stderr
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("models", "code"), [(["good"], 0), (["good", "island"], 1), (["good", "island", "exits"], 2)]
)
def test_exit_code(tmp_path: Path, models: list[str], code: int) -> None:
    folder = project(tmp_path, MIXED)
    assert run(folder, *models, "--python", PYTHON).returncode == code


def kept(done: subprocess.CompletedProcess[str]) -> dict[str, bool]:
    return {each["model"]: each["kept"] for each in json.loads(done.stdout)["results"]}


def test_reports_are_kept_and_errors_are_tried_again(tmp_path: Path) -> None:
    folder = project(tmp_path, MIXED)
    options = ("--python", PYTHON, "--format", "json")
    assert not any(kept(run(folder, *options)).values())
    again = run(folder, *options)
    assert kept(again) == {"good": True, "raises": False, "exits": False, "island": True}
    assert "2 of 5 kept from earlier runs" in again.stderr
    assert not any(kept(run(folder, *options, "--refresh")).values())
    for entry in entries(folder):
        entry.write_bytes(entry.read_bytes()[:99])
    assert not any(kept(run(folder, *options)).values())
    assert len(entries(folder)) == 2
    assert kept(run(folder, *options))["good"]
    assert not any(kept(run(folder, *options, "--no-cache")).values())


def test_without_a_place_to_keep_results(tmp_path: Path) -> None:
    folder = project(tmp_path, MIXED)
    (folder / "cache").write_text("a file where the folder should be")
    done = run(folder, "good", "island", "--python", PYTHON)
    assert done.returncode == 1
    assert f"results can't be kept: {folder}/cache/qlsp/verify: Not a directory" in done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, end: int) -> None:
    folder = project(
        tmp_path,
        """
        [tool.qlsp.models]
        good = "conv_relu6_int8.tflite"
        sleeps = { builder = "net.py::sleeps", workflows = ["ptq"] }
        island = "float_island.tflite"
        """,
    )
    process = subprocess.Popen(
        command("--jobs", "1", "--python", PYTHON),
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (folder / "sleeping").exists():
        time.sleep(0.05)
    os.kill(process.pid, end)
    out, err = process.communicate(timeout=120)
    assert out == ""
    assert "Traceback" not in err
    expected = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
    assert process.returncode == expected[signal.Signals(end)]
    if end == signal.SIGINT:
        assert "interrupted: 1 of 3 are done and kept; run it again to go on" in err
    deadline = time.monotonic() + 20
    while left_behind(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_behind(folder) == []
    done = run(folder, "good", "island", "--python", PYTHON, "--format", "json")
    assert kept(done) == {"good": True, "island": False}


def test_junit(tmp_path: Path) -> None:
    done = run(project(tmp_path, MIXED), "--python", PYTHON, "--format", "junit")
    root = ElementTree.fromstring(done.stdout)
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "1", "3")
    assert [suite.get("name") for suite in root] == ["good", "raises", "exits", "island"]
    error = root.find("testsuite[@name='exits']/testcase/error")
    assert error is not None
    assert error.get("message") == "while building, the process exited with code 3"


def test_markdown(tmp_path: Path) -> None:
    done = run(project(tmp_path, MIXED), "--python", PYTHON, "--format", "markdown")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("### ❌ 5 cases: 1 as they should be")
    assert "| model | workflow | toolchain | ops | int8 | float islands | verdict |" in lines
    rows = [line.split(" | ") for line in lines if line.startswith(("| good", "| island"))]
    assert [row[-1] for row in rows] == ["as it should be |", "1 float island |"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "0"], "0 is not in the range x>=1"),
        (["--fix"], "--fix is for one model, not for --all"),
        (["--measure"], "--measure is for one model, not for --all"),
        (["--set", "a=1"], "--set is for one model, not for --all"),
        (["--no-cache", "--refresh"], "--no-cache and --refresh don't go together"),
        (["--workflow", "int4"], "--workflow int4: no such workflow: int4; there are float"),
        (["none"], "no model 'none' in [tool.qlsp.models]; there are good, raises"),
        (["--python", "/none"], "--python /none: no such interpreter"),
        (["--cluster", "nowhere:1"], "--cluster nowhere:1: "),
    ],
)
def test_bad_options(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run(project(tmp_path, MIXED), *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one model, please: none is named; or all of [tool.qlsp.models] with --all"),
        (["a.h5", "b.h5"], "one model, please: 2 are named"),
        (["a.h5", "--jobs", "2"], "--jobs goes with --all"),
        (["a.h5", "--refresh"], "--refresh goes with --all"),
    ],
)
def test_without_all(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [part for part in command(*arguments) if part != "--all"],
        cwd=project(tmp_path, MIXED),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert message in done.stderr
