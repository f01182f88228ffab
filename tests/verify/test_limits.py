"""Builders that misbehave: each one clear line, exit code 2, and nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

BUILDERS = """
import os
import subprocess
import sys
import time

def loops():
    while True:
        pass

def sleeps():
    time.sleep(600)

def holds():
    import ctypes
    ctypes.PyDLL(None).sleep(600)  # as C code that never lets another thread run

def allocates():
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1 << 20)) * 16)

def prints():
    while True:
        print("x" * 65536)

def forks():
    for _ in range(3):
        if os.fork() == 0:
            time.sleep(600)
    time.sleep(600)

def forks_for_ever():
    while True:
        if os.fork() == 0:
            time.sleep(600)

def leaves_a_daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()
    raise ValueError("left a daemon")

def leaves_a_daemon_and_dies():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
    os.wait()
    os._exit(7)

def returns_in_a_fork():
    os.fork()

def starts_a_program():
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    raise ValueError("left a program")

def exits():
    sys.exit("no data")

def exits_at_once():
    os._exit(3)

def kills_itself():
    os.kill(os.getpid(), 9)

def raises():
    return helper(0)

def helper(number):
    return 1 / number

def returns_nothing():
    pass

def returns_two():
    return 1, 2

class Model:
    __module__ = "keras.models"

def returns_two_models():
    return Model(), Model()

def needs(size, depth=2, *, classes):
    pass

def reads():
    input()

def writes_files():
    import tempfile
    tempfile.mkdtemp(prefix="left-behind-")
    time.sleep(600)

not_callable = 5

async def coroutine():
    pass
"""

TFLITE = Path(__file__).parent / "models" / "conv_relu6_int8.tflite"
PYTHON = getattr(sys, "_base_executable", sys.executable)
"""A Python without TensorFlow, so that it is not imported each time."""

CASES = [
    ("loops", ["--timeout", "2"], "while building, the process gave no answer within 2 s"),
    ("sleeps", ["--timeout", "2"], "while building, the process gave no answer within 2 s"),
    ("allocates", ["--memory", "600M"], "the process used more than 600 MB of memory; --memory"),
    ("prints", [], "the process printed more than 64 MB; does it print for ever?"),
    ("forks", ["--timeout", "2"], "gave no answer within 2 s"),
    ("forks_for_ever", [], "the process started more than 256 processes; does it fork for ever?"),
    ("leaves_a_daemon", [], "while building, ValueError: left a daemon (model.py:"),
    ("leaves_a_daemon_and_dies", [], "while building, the process exited with code 7"),
    ("returns_in_a_fork", [], "'returns_in_a_fork' returned None, not a Keras model"),
    ("starts_a_program", [], "while building, ValueError: left a program (model.py:"),
    ("exits", [], "while building, sys.exit(no data) was called (model.py:"),
    ("exits_at_once", [], "while building, the process exited with code 3"),
    ("kills_itself", [], "while building, the process was ended by SIGKILL (out of memory?)"),
    ("raises", [], "while building, ZeroDivisionError: division by zero (model.py:"),
    ("returns_nothing", [], "'returns_nothing' returned None, not a Keras model"),
    ("returns_two", [], "'returns_two' returned an object of type tuple, not a Keras model"),
    (
        "returns_two_models",
        [],
        "an object of type tuple, not a Keras model; wrap it in a function that returns the one",
    ),
    ("needs", [], "missing a required argument: 'size'; give it with --set size=... --set clas"),
    ("needs", ["--set", "size=3", "--set", "classes=4"], "'needs' returned None"),
    ("needs", ["--set", "sise=3"], "--set size=... --set classes=..."),
    ("needs", ["--set", "3=sise"], "--set 3=sise: write KEY=VALUE"),
    ("reads", [], "while building, EOFError"),
    ("writes_files", ["--timeout", "1"], "gave no answer within 1 s"),
    ("not_callable", [], "'not_callable' is an object of type int; name a function"),
    ("coroutine", [], "'coroutine' returned an object of type coroutine, not a Keras model; name"),
    ("missing", [], "no 'missing' in model.py; it defines loops, sleeps, holds, allocates"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(BUILDERS)
    (tmp_path / "tmp").mkdir()
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "QLSP_TEST": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", "qlsp", "verify", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stderr
    *progress, line = done.stderr.splitlines()
    assert line.startswith("qlsp: error: ")
    assert not any("error" in each or "Traceback" in each for each in progress)
    assert done.stdout == ""
    return line


def left_behind(folder: Path) -> list[object]:
    """Processes started from `folder`, by a mark in their environment, and temporary files."""
    found: list[object] = [
        *(folder / "tmp").iterdir(),
        *Path(tempfile.gettempdir()).glob("left-behind-*"),
    ]
    for process in psutil.process_iter():
        try:
            marked = process.environ().get("QLSP_TEST") == str(folder)
        except psutil.Error:
            continue
        if marked and process.status() != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@pytest.mark.parametrize(("builder", "options", "message"), CASES)
def test_misbehaving_builder(folder: Path, builder: str, options: list[str], message: str) -> None:
    done = run(folder, f"model.py::{builder}", "--python", PYTHON, *options)
    assert message in error_of(done)
    assert left_behind(folder) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def build(:\n", "while importing the file, SyntaxError"),
        (
            "import nonsense_module\n",
            "ModuleNotFoundError: No module named 'nonsense_module' (model",
        ),
        ("raise RuntimeError('first\\nsecond')\n", "RuntimeError: first (model.py:1)"),
        ("raise SystemExit(4)\n", "sys.exit(4) was called (model.py:1)"),
        ("while True: pass\n", "while importing the file, the process gave no answer"),
        ("\0", "while importing the file, "),
    ],
)
def test_file_that_can_not_be_imported(folder: Path, text: str, message: str) -> None:
    (folder / "model.py").write_text(text)
    options = ["--python", PYTHON, "--timeout", "10" if "while" not in text else "2"]
    assert message in error_of(run(folder, "model.py::build", *options))
    assert left_behind(folder) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.py"], "'model.py' names no builder: write FILE.py::BUILDER"),
        (["none.py::build"], "none.py: no such file"),
        ([".::build"], ". is a folder"),
        (["model.py::raises", "--python", "/none"], "--python /none: no such interpreter"),
        (["model.py::raises", "--python", "model.py"], "--python model.py: is not executable"),
        (["model.py::raises", "--python", "/bin/true"], "/bin/true is not a Python interpreter"),
        (["model.py::raises", "--python", "/bin/echo"], "/bin/echo is not a Python interpreter"),
        (["model.py::raises", "--python", "tmp"], "--python tmp: no Python in this folder"),
        (["model.py::raises", "--workflow", "int4"], "no such workflow: int4; there are float"),
        (["model.py::raises", "--memory", "much"], "--memory much: write a size"),
        (["model.py::raises", "--input", "1,x"], "--input 1,x: write the sizes with commas"),
    ],
)
def test_bad_arguments(folder: Path, arguments: list[str], message: str) -> None:
    assert message in error_of(run(folder, *arguments))
    assert left_behind(folder) == []


def test_interpreter_without_tensorflow(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    (folder / "model.py").write_text("import tensorflow as tf\ndef build(): pass\n")
    line = error_of(run(folder, "model.py::build"))
    assert f"no tensorflow in {folder}/env/bin/python (" in line
    assert "choose another interpreter with --python, or: " in line


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_interpreter_that_is_too_old(folder: Path, version: str) -> None:
    found = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
    python = next(map(str, found), None) or shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no Python {version} here")
    line = error_of(run(folder, "model.py::raises", "--python", python))
    assert f" is Python {version}." in line
    assert (
        "3.7 is the oldest that can be verified in; choose another interpreter with --pyt" in line
    )
    assert left_behind(folder) == []


def test_interpreter_with_a_tensorflow_that_is_too_old(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = folder / "packages" / "tensorflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("__version__ = '1.14.0'\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent), prepend=os.pathsep)
    line = error_of(run(folder, "model.py::raises", "--python", PYTHON))
    assert "has TensorFlow 1.14.0; 1.15 is the oldest that can be verified" in line
    assert line.endswith("choose another interpreter with --python")
    assert left_behind(folder) == []


@pytest.fixture
def full_disk(folder: Path) -> Iterator[Path]:
    """A folder with half a megabyte of room."""
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("file systems can't be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_no_room_for_temporary_files(
    folder: Path, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tmp").rmdir()
    (folder / "tmp").symlink_to(full_disk)
    line = error_of(run(folder, "model.py::raises", "--python", PYTHON))
    assert line.endswith("make room, or set TMPDIR")
    assert left_behind(folder) == []


def test_no_room_for_the_page(folder: Path, full_disk: Path) -> None:
    page = full_disk / "page.html"
    page.write_text("the old one")
    (full_disk / "filler").write_bytes(b"x" * (500 << 10))
    done = run(folder, str(TFLITE), "--html", str(page))
    assert done.returncode == 2
    assert done.stderr == f"qlsp: error: --html {page}: No space left on device\n"
    assert page.read_text() == "the old one"
    assert len(list(full_disk.iterdir())) == 2


@pytest.mark.parametrize("form", ["text", "json", "markdown", "junit"])
def test_no_room_for_the_report(folder: Path, form: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "qlsp", "verify", TFLITE, "--format", form],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    assert done.returncode == 2
    assert done.stderr == "qlsp: error: No space left on device: free some, then try again\n"


@pytest.mark.parametrize("builder", ["sleeps", "holds"])
@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_ended_from_outside(folder: Path, builder: str, end: str) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "qlsp",
            "verify",
            f"model.py::{builder}",
            "--python",
            sys.executable,
        ],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "tmp"), "QLSP_TEST": str(folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "building" not in process.stderr.readline():
        pass
    getattr(process, end)()
    process.wait(timeout=20)
    process.stderr.close()
    deadline = time.monotonic() + 20
    while left_behind(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left_behind(folder) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--against", "HEAD"], "--against HEAD: neither FILE.py::BUILDER nor a git revision"),
        (["--against", "none.py::build"], "none.py: no such file"),
        (["--fix", "--against", "HEAD"], "--fix and --against don't go together"),
        (["--write"], "--unsafe-fixes and --write go with --fix"),
    ],
)
def test_options_that_do_not_fit(folder: Path, options: list[str], message: str) -> None:
    assert message in error_of(run(folder, "model.py::raises", "--python", PYTHON, *options))
    assert left_behind(folder) == []
