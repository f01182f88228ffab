import os
import subprocess
from pathlib import Path

import pytest

from qlsp.config import Configs
from qlsp.files import Finder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()


def found(*paths: str) -> list[str]:
    finder = Finder(Configs())
    files = [file.path for file in finder.find(paths)]
    assert finder.errors == []
    return files


def test_folders_are_walked_in_order_and_names_stay_as_given(tmp_path: Path) -> None:
    make("b.py", "a/z.py", "a/b/c.py", "a/notes.txt", "a/d.pyi")
    assert found(".") == ["b.py", "a/z.py", "a/b/c.py"]
    assert found("./a/") == ["a/z.py", "a/b/c.py"]
    assert found("./a/z.py", "a", "a/../a/z.py") == ["./a/z.py", "a/b/c.py"]
    assert found(str(tmp_path / "a" / "b")) == [str(tmp_path / "a/b/c.py")]


def test_default_exclusions_hold_below_the_path_given() -> None:
    make(".venv/x.py", "site-packages/keras/x.py", "node_modules/x.py", "ok/x.py", "ok/dist/x.py")
    assert found(".") == ["ok/x.py"]
    assert found("site-packages/keras") == ["site-packages/keras/x.py"]


def test_excluded_files_are_linted_when_named_unless_forced() -> None:
    make("gen/a.py", "b_pb2.py", "c.py")
    Path("qlsp.toml").write_text("extend-exclude = ['gen', '*_pb2.py', '/c.py']\n")
    assert found(".") == []
    assert found("gen/a.py", "b_pb2.py", "c.py") == ["gen/a.py", "b_pb2.py", "c.py"]
    with Path("qlsp.toml").open("a") as file:
        file.write("force-exclude = true\n")
    assert found("gen/a.py", "gen", "b_pb2.py", "c.py") == []


def test_each_folder_follows_its_closest_config() -> None:
    make("a/x.py", "a/y.py", "b/x.py", "b/y.py")
    Path("a/qlsp.toml").write_text("exclude = ['x.py']\nselect = ['QL1']\n")
    finder = Finder(Configs())
    assert [(file.path, file.config.select) for file in finder.find(["."])] == [
        ("a/y.py", ("QL1",)),
        ("b/x.py", ("ALL",)),
        ("b/y.py", ("ALL",)),
    ]


def test_gitignore_agrees_with_git() -> None:
    make("a/keep.py", "a/drop.py", "out/x.py", "out/y/z.py", "b/out.py", "b/deep/x.py", "w é.py")
    Path(".gitignore").write_text("drop.py\nout/\n!b/\nb/*\n!b/deep\nb/deep/x.*\n!\n")
    Path("b/deep/.gitignore").write_text("!x.py\n")
    assert "out/x.py" in found("."), "without a repository .gitignore says nothing"
    subprocess.run(["git", "init", "-q"], check=True)
    listing = ["git", "-c", "core.quotePath=off", "ls-files", "-co", "--exclude-standard", "*.py"]
    expected = subprocess.run(listing, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    assert sorted(found(".")) == sorted(filter(None, expected))
    assert found("b") == ["b/deep/x.py"], "files above the path given count too"
    assert found("out/x.py") == ["out/x.py"], "a file given by name is always linted"
    Path("qlsp.toml").write_text("respect-gitignore = false\n")
    assert "out/x.py" in found(".")


def test_symbolic_links() -> None:
    make("real/x.py")
    Path("real/up").symlink_to("..")
    Path("real/link.py").symlink_to("x.py")
    Path("real/loop.py").symlink_to("loop.py")
    Path("real/dangling.py").symlink_to("nowhere.py")
    assert found(".") == ["real/link.py", "real/x.py"]
    assert found("real/up/real") == ["real/up/real/link.py", "real/up/real/x.py"]


def test_what_cannot_be_read_is_told_and_the_rest_found() -> None:
    make("x.py")
    Path("loop").symlink_to("loop")
    os.mkfifo("pipe.py")
    finder = Finder(Configs())
    paths = ["missing.py", "", "loop", "x.py/y", "pipe.py", "nul\0byte", "x.py"]
    assert [file.path for file in finder.find(paths)] == ["x.py"]
    assert finder.errors == [
        "missing.py: no such file or directory",
        ": no such file or directory",
        "loop: too many levels of symbolic links",
        "x.py/y: not a directory",
        "pipe.py: not a regular file",
        "nul\0byte: embedded null byte",
    ]
