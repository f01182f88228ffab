"""What is imported when qlsp starts: nothing slow before it is needed."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOADED = "import sys, {module}; print(*sys.modules)"


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("qlsp.cli", ("libcst", "pygls", "tensorflow", "qlsp.linter")),
        ("qlsp.cli.lint", ("libcst", "pygls", "tensorflow", "qlsp.linter", "packaging")),
        ("qlsp.linter", ("libcst", "pygls", "tensorflow")),
        ("qlsp.server", ("tensorflow",)),
    ],
)
def test_imports(module: str, absent: tuple[str, ...]) -> None:
    program = _LOADED.format(module=module)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert set(absent).isdisjoint(done.stdout.split())
