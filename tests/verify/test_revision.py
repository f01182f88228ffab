"""The sources of an older revision, in a real git repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from qlsp.error import QlspError
from qlsp.verify.revision import at_revision
from qlsp.verify.target import Target


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    package = tmp_path / "package"
    package.mkdir()
    for name in ("model", "same", "gone"):
        (package / f"{name}.py").write_text(f"{name} = 'old'\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "old")
    (package / "model.py").write_text("model = 'new'\n")
    (package / "gone.py").unlink()
    (package / "added.py").write_text("added = 'new'\n")
    return tmp_path


def test_changed_and_deleted_files_get_their_old_text(repository: Path) -> None:
    target = Target(repository / "package" / "model.py", "build")
    texts = {path.name: text.decode() for path, text in at_revision(target, "HEAD").texts.items()}
    assert texts == {"model.py": "model = 'old'\n", "gone.py": "gone = 'old'\n"}


@pytest.mark.parametrize(
    ("name", "revision", "message"),
    [
        ("model.py", "v9", "neither FILE.py::BUILDER nor a git revision known in"),
        ("model.py", "--help", "neither FILE.py::BUILDER nor a git revision known in"),
        ("added.py", "HEAD", "package/added.py was not there yet"),
    ],
)
def test_no_such_revision(repository: Path, name: str, revision: str, message: str) -> None:
    with pytest.raises(QlspError, match=message):
        at_revision(Target(repository / "package" / name, "build"), revision)


def test_not_a_repository(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("")
    with pytest.raises(QlspError, match="nor a git revision known in"):
        at_revision(Target(tmp_path / "model.py", "build"), "HEAD")
