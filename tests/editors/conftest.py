"""Everything here drives a real editor; `tests/editors/setup.sh` installs them."""

from pathlib import Path

import pytest

SETTINGS = """\
[tool.qlsp]
workflows = ["ptq"]
tensorflow = "2.21"
keras = "2"
tfmot = "0.8.1"
"""
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder whose models are judged after training, under one toolchain."""
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    return tmp_path
