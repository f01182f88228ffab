"""The examples: what is found in each, and what is left when every fix is applied to a copy."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"

FOUND = {
    "autoencoder.py": ["QL101", "QL101"],
    "convert_int8.py": ["QL304", "QL306", "QL302"],
    "keyword_spotting.py": ["QL101", "QL201", "QL201", "QL101"],
    "mobilenet_v2.py": ["QL101"],
    "residual_network.py": ["QL101", "QL104"],
    "segmentation_clean.py": [],
    "tf1/mobilenet_v1.py": ["QL103", "QL103"],
    "train_qat.py": ["QL201", "QL102"],
}


def codes(folder: Path, file: str, *options: str) -> list[str]:
    command = [sys.executable, "-m", "qlsp", "lint", "--no-cache", "--output-format", "json"]
    ran = subprocess.run(
        [*command, *options, file], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode in {0, 1}, ran.stderr
    return [each["code"] for each in json.loads(ran.stdout)["diagnostics"]]


@pytest.mark.parametrize("file", FOUND)
def test_found(file: str) -> None:
    assert codes(EXAMPLES, file) == FOUND[file]


@pytest.mark.parametrize("file", [each for each in FOUND if not each.startswith("tf1/")])
def test_fixed(file: str, tmp_path: Path) -> None:
    copy = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copy)
    assert codes(copy, file, "--fix", "--unsafe-fixes") == []
    assert codes(copy, file) == []


def test_all_examples_are_listed() -> None:
    assert {each.relative_to(EXAMPLES).as_posix() for each in EXAMPLES.rglob("*.py")} == set(FOUND)
