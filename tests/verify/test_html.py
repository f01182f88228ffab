"""The page, in a real browser."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tensorflow import tensorflow_python

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parent / "models" / "faulty.py"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "faulty.py").write_text(MODELS.read_text() + "# </script><script>alert(1)\n")
    options = ["--workflow", "ptq", "--fix", "--html", "page.html"]
    options += ["--python", tensorflow_python()]
    done = subprocess.run(
        [sys.executable, "-m", "qlsp", "verify", "faulty.py::stacked", *options],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder / "page.html"


def browse(page: Path, *options: str, fragment: str = "") -> str:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser is not None, "no Chromium here"
    profile = f"--user-data-dir={page.parent / 'profile'}"
    address = f"{page.as_uri()}{fragment}"
    return subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", profile, *options, address],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout


def test_an_operator_leads_to_its_lines(page: Path) -> None:
    dom = browse(page, "--dump-dom", fragment="#op0-ptq-1")
    (line,) = re.findall(r'<span id="[^"]+" data-line="\d+" class="picked">([^<]*)', dom)
    assert line == "    return keras.Model(inputs, layers.ReLU(6.0)(x))  # stacked relu"
    assert re.search(r'<g id="op0-ptq-1" class="op extra picked"', dom)


def test_both_sides_and_the_verdict_are_there(page: Path) -> None:
    text = page.read_text()
    assert "ptq: as it should be" in text
    assert 'class="op extra"' in text
    assert "same function: outputs differ by at most" in text
    assert "QL104" in text
    assert not re.search(r'(src|href)="?https?:', text)
    assert "<script>alert" not in text


@pytest.mark.parametrize("width", [400, 1200])
def test_it_can_be_drawn(page: Path, width: int) -> None:
    picture = page.parent / f"{width}.png"
    browse(page, f"--window-size={width},900", f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000
