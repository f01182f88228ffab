"""What is not a well-kept Python file: told in one line, nothing lost, nothing hangs."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from qlsp.output import FORMATS
from tests.cli.conftest import Qlsp
from tests.cli.test_lint import CLEAN, FIXED, LATE_BATCHNORM, PINS, STACKED


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("requirements.txt").write_text(PINS)
    return tmp_path


def command(*arguments: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    """`qlsp` in a process of its own, for what can't be had in this one."""
    return subprocess.run(
        [sys.executable, "-m", "qlsp", *arguments],
        capture_output=True,
        check=False,
        timeout=60,
        **options,  # type: ignore[call-overload]
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"def f(:\n", "invalid syntax"),
        (b"import keras\nConv2D(", "'(' was never closed"),
        (
            b"\x7fELF\x02\x01\x01\0\0\0keras",
            "source contains null bytes; this is not a Python file",
        ),
        (b"# coding: nonsense\nimport keras\n", "unknown encoding"),
        (b"import keras\n\nx = 1  # \xff\n", "bytes are not valid utf-8"),
        (b"x = " + b"(" * 5000 + b")" * 5000, "too many nested parentheses"),
        (b"\xff\xfei\0m\0", "null bytes"),
    ],
)
def test_what_is_not_python_is_one_diagnostic(qlsp: Qlsp, content: bytes, message: str) -> None:
    Path("bad.py").write_bytes(content)
    Path("good.py").write_text(LATE_BATCHNORM)
    result = qlsp("lint", "bad.py", "good.py", "--output-format", "concise")
    assert result.code == 1
    assert result.err == ""
    first, second, *_ = result.out.splitlines()
    assert first.startswith("bad.py:")
    assert "syntax-error" in first
    assert message in first
    assert second.startswith("good.py:8:5: QL101")
    for form in ("full", "grouped", "json"):
        assert qlsp("lint", "bad.py", "--output-format", form).code == 1
    assert qlsp("lint", "bad.py", "--fix", "--unsafe-fixes").code == 1
    assert Path("bad.py").read_bytes() == content


def test_deeply_nested_expressions(qlsp: Qlsp) -> None:
    Path("deep.py").write_text(f"import keras\nkeras.layers.Conv2D\nx = {'-' * 90_000}1\n")
    result = qlsp("lint", "deep.py", "--output-format", "concise")
    assert result.code in (0, 1)
    assert result.err == ""
    assert "\n" not in result.out.strip() or "syntax-error" in result.out


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf", b"# keras Conv2D", b"\f\n"])
def test_files_without_code(qlsp: Qlsp, content: bytes) -> None:
    Path("empty.py").write_bytes(content)
    assert qlsp("lint", "empty.py").code == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (STACKED.encode().replace(b"\n", b"\r\n"), FIXED.encode().replace(b"\n", b"\r\n")),
        (b"\xef\xbb\xbf" + STACKED.encode(), b"\xef\xbb\xbf" + FIXED.encode()),
        (
            b"# coding: latin-1\n# caf\xe9\n" + STACKED.encode(),
            b"# coding: latin-1\n# caf\xe9\n" + FIXED.encode(),
        ),
        (
            b"# coding: cp932\n# \x83\x82\x83f\x83\x8b\n" + STACKED.encode(),
            b"# coding: cp932\n# \x83\x82\x83f\x83\x8b\n" + FIXED.encode(),
        ),
        (STACKED.encode().rstrip(b"\n"), FIXED.encode().rstrip(b"\n")),
        (b"\f" + STACKED.encode(), b"\f" + FIXED.encode()),
    ],
    ids=["CRLF", "BOM", "latin-1", "cp932", "no newline at the end", "form feed"],
)
def test_fixes_keep_bytes_as_they_are(qlsp: Qlsp, before: bytes, after: bytes) -> None:
    Path("model.py").write_bytes(before)
    Path("model.py").chmod(0o640)
    assert qlsp("lint", "--fix", "model.py").code == 0
    assert Path("model.py").read_bytes() == after
    assert stat.S_IMODE(Path("model.py").stat().st_mode) == 0o640
    piped = command("lint", "-", "--fix", "--stdin-filename", "other.py", input=before)
    assert (piped.returncode, piped.stdout) == (0, after)


def test_fixes_are_written_through_links(qlsp: Qlsp) -> None:
    Path("real.py").write_text(STACKED)
    Path("link.py").symlink_to("real.py")
    assert qlsp("lint", "--fix", "link.py").code == 0
    assert Path("link.py").is_symlink()
    assert Path("real.py").read_text() == FIXED


def test_fifty_thousand_lines(qlsp: Qlsp) -> None:
    Path("long.py").write_text(CLEAN + "values.append(1)\n" * 50_000)
    assert qlsp("lint", "long.py", "--no-cache").code == 0


def test_a_huge_literal(qlsp: Qlsp) -> None:
    Path("table.py").write_text(f"{LATE_BATCHNORM}table = [{'1, ' * 200_000}]\n")
    result = qlsp("lint", "table.py", "--no-cache")
    assert result.code == 1
    assert len(result.out) < 10_000


def test_file_names_that_are_not_text() -> None:
    name = b"caf\xe9.py"
    Path(os.fsdecode(name)).write_text(LATE_BATCHNORM)
    for form in FORMATS:
        done = command("lint", "--output-format", form)
        assert (done.returncode, done.stderr) == (1, b""), form


def test_output_that_cannot_show_every_character() -> None:
    Path("a.py").write_text(LATE_BATCHNORM.replace("Batch", "Batch", 1) + "# \N{SNOWMAN}\n")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    Path("requirements.txt").unlink()
    done = command("lint", "--output-format", "full", env=environment)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_reader_that_goes_away() -> None:
    for number in range(50):
        Path(f"m{number}.py").write_text(LATE_BATCHNORM)
    done = subprocess.run(
        f"{sys.executable} -m qlsp lint | head -n 1", shell=True, capture_output=True, check=False
    )
    assert done.stderr == b""
    assert done.stdout.count(b"\n") == 1


def bound(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`qlsp` bound by permissions, also where root runs the tests, who otherwise is not."""
    privileges = "-dac_override,-dac_read_search"
    drop = ["setpriv", f"--bounding-set={privileges}", f"--inh-caps={privileges}"]
    return subprocess.run(
        [*(drop if os.getuid() == 0 else []), sys.executable, "-m", "qlsp", *arguments],
        capture_output=True,
        check=False,
    )


def test_folders_and_files_without_permission() -> None:
    Path("closed").mkdir(mode=0o000)
    Path("listed").mkdir()
    Path("listed/a.py").touch()
    Path("listed").chmod(0o444)
    Path("secret.py").write_text(LATE_BATCHNORM)
    Path("secret.py").chmod(0o000)
    Path("open.py").write_text(LATE_BATCHNORM)
    done = bound("lint", "--output-format", "concise")
    assert done.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "qlsp: error: closed: permission denied",
        "qlsp: error: listed: permission denied",
        "qlsp: error: secret.py: permission denied",
    ]
    assert done.stdout.startswith(b"open.py:8:5: QL101")
    Path("pyproject.toml").touch(mode=0o000)
    done = bound("lint", "open.py")
    assert done.returncode == 2
    assert done.stderr == b"qlsp: error: pyproject.toml: Permission denied\n"


def test_fixes_where_nothing_may_be_written() -> None:
    Path("locked").mkdir()
    Path("locked/a.py").write_text(STACKED)
    Path("locked").chmod(0o555)
    done = bound("lint", "--fix", "locked")
    Path("locked").chmod(0o755)
    assert done.returncode == 2
    assert done.stderr == b"qlsp: error: locked/a.py: fixes can't be written: Permission denied\n"
    assert [path.name for path in Path("locked").iterdir()] == ["a.py"]
    assert Path("locked/a.py").read_text() == STACKED


def test_a_full_disk_loses_nothing() -> None:
    Path("a.py").write_text(STACKED + "# padding\n" * 2000)
    before = Path("a.py").read_bytes()
    limited = f"ulimit -f 1; trap '' XFSZ; exec {sys.executable} -m qlsp lint --fix --no-cache a.py"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, check=False)
    assert done.returncode == 2
    assert done.stderr == b"qlsp: error: a.py: fixes can't be written: File too large\n"
    assert Path("a.py").read_bytes() == before
    assert sorted(path.name for path in Path().iterdir()) == ["a.py", "requirements.txt"]


def test_a_file_that_vanishes(qlsp: Qlsp, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.py").write_text(LATE_BATCHNORM)
    Path("b.py").write_text(LATE_BATCHNORM)
    from qlsp.files import Finder, SourceFile

    found = Finder.find

    def find_and_lose(self: Finder, paths: list[str]) -> list[SourceFile]:
        files = list(found(self, paths))
        Path("a.py").unlink()
        return files

    monkeypatch.setattr(Finder, "find", find_and_lose)
    result = qlsp("lint", "--output-format", "concise")
    assert result.code == 2
    assert result.err == "qlsp: error: a.py: no such file or directory\n"
    assert result.out.startswith("b.py:8:5: QL101")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[tool.qlsp", "pyproject.toml: not valid TOML: "),
        (
            "[tool.qlsp]\nworkflow = []",
            "tool.qlsp.workflow: unknown key; did you mean `workflows`?",
        ),
        ("[tool.qlsp]\ntensorflow = 2.15", "expected a string, found the number 2.15 (missing quo"),
        ("[tool]\nqlsp = 3", "pyproject.toml: tool.qlsp: expected a table, found the number 3"),
        ("a = " + "[" * 5000, "pyproject.toml: "),
    ],
)
def test_a_broken_pyproject(qlsp: Qlsp, content: str, message: str) -> None:
    Path("a.py").write_text(CLEAN)
    Path("pyproject.toml").write_text(content)
    for arguments in (["lint"], ["lint", "-"], ["toolchain"]):
        result = qlsp(*arguments, stdin=b"x = 1\n")
        assert result.code == 2, arguments
        assert result.err.startswith("qlsp: error: pyproject.toml: ")
        assert message in result.err
        assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["lint", "--output-format", "yaml"],
        ["lint", "--jobs", "0"],
        ["lint", "--python", "no-such-python"],
        ["lint", "--python", "."],
        ["lint", "-", "model.py"],
        ["lint", "--select", "nonsense!"],
        ["lint", ""],
        ["toolchain", "missing"],
        ["toolchain", "--python", "no-such-python"],
        ["nonsense"],
    ],
)
def test_odd_arguments(qlsp: Qlsp, arguments: list[str]) -> None:
    Path("model.py").write_text(CLEAN)
    result = qlsp(*arguments)
    assert result.code == 2
    assert result.err
    assert "Traceback" not in result.err


def test_no_arguments_at_all_shows_help(qlsp: Qlsp) -> None:
    result = qlsp()
    assert "lint" in result.out + result.err
