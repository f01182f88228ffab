"""Real pre-commit, in a real repository, with the hooks of this checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_lint import FIXED, LATE_BATCHNORM, PINS, STACKED

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parent.parent
TRACKED = ["qlsp", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"]


class Repository:
    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("git", *arguments)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def commit(self) -> subprocess.CompletedProcess[str]:
        self.git("add", "-A")
        return self.git("commit", "-m", "Change the model")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", "a@example.com"))
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    kept.pop("VIRTUAL_ENV", None)
    return {**kept, **identity, "PRE_COMMIT_HOME": str(tmp_path / "pre-commit")}


@pytest.fixture
def hooks(tmp_path: Path, environment: dict[str, str]) -> tuple[str, str]:
    """The URL and revision of a repository that holds this checkout as it stands."""
    repository = Repository(tmp_path / "hooks", environment)
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", *TRACKED],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in listing.splitlines():
        target = repository.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((CHECKOUT / name).read_bytes())
    assert repository.commit().returncode == 0
    revision = repository.git("rev-parse", "HEAD").stdout.strip()
    return repository.folder.as_uri(), revision


def test_a_commit_is_refused_and_then_fixed(
    tmp_path: Path, environment: dict[str, str], hooks: tuple[str, str]
) -> None:
    url, revision = hooks
    repository = Repository(tmp_path / "project", environment)
    config = repository.folder / ".pre-commit-config.yaml"
    template = f"repos:\n- repo: {url}\n  rev: {revision}\n  hooks:\n  - id: "
    config.write_text(f"{template}qlsp-lint\n")
    (repository.folder / "requirements.txt").write_text(PINS)
    assert repository.run(sys.executable, "-m", "pre_commit", "install").returncode == 0
    done = repository.commit()
    assert done.returncode == 0, done.stderr

    model = repository.folder / "model.py"
    model.write_text(STACKED)
    refused = repository.commit()
    assert refused.returncode == 1
    assert "qlsp lint" in refused.stderr
    assert "QL104 [*]" in refused.stderr
    assert model.read_text() == STACKED

    config.write_text(f"{template}qlsp-fix\n")
    refused = repository.commit()
    assert refused.returncode == 1
    assert "files were modified by this hook" in refused.stderr
    assert model.read_text() == FIXED
    assert repository.commit().returncode == 0
    assert repository.git("status", "--porcelain").stdout == ""

    model.write_text(LATE_BATCHNORM)
    (repository.folder / "qlsp.toml").write_text("exclude = ['model.py']\n")
    done = repository.commit()
    assert done.returncode == 0, "excluded files are left out though pre-commit names them"
