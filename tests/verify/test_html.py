"""The page, in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.tensorflow import tensorflow_python

pytestmark = pytest.mark.slow

MODELS = Path(__file__).parent / "models" / "faulty.py"
PROBE = """\
<!doctype html><iframe src="page.html" width="WIDTH" height="800"></iframe><pre></pre>
<script>
addEventListener("load", () => {
  const page = document.querySelector("iframe").contentWindow;
  const one = (selector) => page.document.querySelector(selector);
  const all = (selector) => [...page.document.querySelectorAll(selector)];
  const root = page.document.documentElement;
  const click = (element) => element.dispatchEvent(new page.MouseEvent("click", { bubbles: true }));
  document.querySelector("pre").textContent = JSON.stringify((() => { BODY })());
});
</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "faulty.py").write_text(MODELS.read_text() + "# </script><script>alert(1)\n")
    options = ["--workflow", "ptq", "--fix", "--measure", "--html", "page.html"]
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


def probe(page: Path, body: str, *options: str, width: int = 1400) -> Any:
    """What `body`, JavaScript beside the page in a frame of some width, returns."""
    file = page.parent / "probe.html"
    file.write_text(PROBE.replace("WIDTH", str(width)).replace("BODY", body))
    reaches = "--allow-file-access-from-files"
    dom = browse(file, "--window-size=1600,1000", reaches, *options, "--dump-dom")
    found = re.search("<pre>(.+?)</pre>", dom)
    assert found is not None, dom
    return json.loads(unescape(found[1]))


def test_an_operator_leads_to_its_lines(page: Path) -> None:
    dom = browse(page, "--dump-dom", fragment="#op0-ptq-1")
    (line,) = re.findall(r'<span id="[^"]+" data-line="\d+" class="made picked">([^<]*)', dom)
    assert line == "    return keras.Model(inputs, layers.ReLU(6.0)(x))  # stacked relu"
    assert re.search(r'<g id="op0-ptq-1" class="op extra picked"', dom)


def test_a_click_leads_to_the_line_and_back(page: Path) -> None:
    picked, shown, card, back = probe(
        page,
        """
        click(one("#op0-ptq-0"));
        const [line] = all(".source .picked");
        const place = line.getBoundingClientRect();
        const seen = [line.textContent, place.top > 0 && place.bottom < page.innerHeight];
        const card = one("#card").textContent;
        click(all(".source .made").find((each) => each.textContent.includes("stacked relu")));
        return [...seen, card, all(".op.picked").map((each) => each.id)];
        """,
    )
    assert picked.endswith("# stacked conv")
    assert shown
    assert re.match(r"CONV_2D\+RELU:INT8\nconv2d(_\d)?\nline \d+\nsignal-to-noise", card)
    assert back == ["op0-ptq-1"]


@pytest.mark.parametrize("selector", [".plot a.row", ".sides li a"])
def test_plots_and_findings_lead_to_operators(page: Path, selector: str) -> None:
    target, picked = probe(
        page,
        f"""
        const link = one("{selector}");
        click(link);
        return [link.getAttribute("href"), "#" + one(".op.picked").id];
        """,
    )
    assert picked == target


@pytest.mark.parametrize("width", [320, 390, 800, 1400])
def test_it_fits_its_width(page: Path, width: int) -> None:
    inner, wide, source = probe(
        page,
        """
        const source = one("aside").getBoundingClientRect();
        click(one("#op0-ptq-0"));
        const after = one("aside").getBoundingClientRect();
        return [root.clientWidth, root.scrollWidth, [source.height > 0, after.height > 0]];
        """,
        width=width,
    )
    assert wide <= inner
    assert source == [width >= 1200, True]  # a sheet that comes up where there is no room


@pytest.mark.parametrize(("scheme", "dark"), [(0, True), (1, False)])
def test_light_and_dark(page: Path, scheme: int, dark: bool) -> None:
    colours = probe(
        page,
        """
        const style = page.getComputedStyle(page.document.body);
        return [style.backgroundColor, style.color];
        """,
        f"--blink-settings=preferredColorScheme={scheme}",
    )
    back, text = (sum(map(int, re.findall(r"\d+", each)[:3])) for each in colours)
    assert (back < 150 and text > 600) if dark else (back > 700 and text < 200)


def test_measurements_are_plotted(page: Path) -> None:
    latencies, noises = probe(
        page,
        """
        return all(".plot").map((plot) => [...plot.querySelectorAll(".row:not(.axis)")].map(
          (row) => [row.querySelector(".name").textContent.trim().split(" ").slice(0, 2),
                    [...row.querySelectorAll("circle")].map(
                      (dot) => dot.getBoundingClientRect().x > row.getBoundingClientRect().x)]));
        """,
    )
    assert latencies == [[["ptq", "before"], [True]], [["ptq", "after"], [True]]]
    assert [[name[0], dots] for name, dots in noises] == [["CONV_2D", [True, True]]]


def test_all_is_said_and_nothing_is_fetched(page: Path) -> None:
    text = page.read_text()
    assert "ptq: as it should be" in text
    assert 'class="op extra"' in text
    assert "same function: outputs differ by at most" in text
    assert "QL104" in text
    for name in ("TensorFlow", "Keras", "tfmot", "Python", "qlsp"):
        assert re.search(rf"<dt>{name}</dt><dd>[^<]*\d+\.\d+", text) or "tfmot" in name
    assert not re.search(r'(src|href)="?https?:', text)
    assert "default-src 'none'" in text
    assert "<script>alert" not in text


@pytest.mark.parametrize("width", [400, 1200])
def test_it_can_be_drawn(page: Path, width: int) -> None:
    picture = page.parent / f"{width}.png"
    browse(page, f"--window-size={width},900", f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000
