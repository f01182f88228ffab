"""The server driven by headless Neovim, which counts `context.diagnostics` in bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.editors.models import BAD, FINDING, FINDING_LINE, FIXED, IGNORED

DRIVER = Path(__file__).with_name("neovim.lua")


def drive(file: Path, action: str) -> dict[str, Any]:
    """Take the first code action whose title begins with `action`, and save."""
    nvim = shutil.which("nvim")
    assert nvim, "Neovim is missing: run tests/editors/setup.sh"
    case = {
        "command": [sys.executable, "-m", "qlsp", "server"],
        "file": str(file),
        "line": FINDING_LINE,
        "action": action,
    }
    done = subprocess.run(
        [nvim, "--headless", "--clean", "-n", "-i", "NONE", "-S", str(DRIVER)],
        env={**os.environ, "QLSP_CASE": json.dumps(case), "XDG_CACHE_HOME": str(file.parent)},
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[0])
    return seen


@pytest.mark.parametrize(("action", "after"), [("Remove", FIXED), ("Ignore", IGNORED)])
def test_a_code_action(project: Path, action: str, after: str) -> None:
    file = project / "net.py"
    file.write_text(BAD)
    seen = drive(file, action)
    (found,) = seen["diagnostics"]
    # Neovim shows columns in bytes.
    column = len(f"    {FINDING.partition('layers')[0]}".encode())
    assert (found["code"], found["lnum"], found["col"]) == ("QL104", FINDING_LINE - 1, column)
    assert file.read_text() == after
