"""The packaged extension in a real VS Code workbench in headless Chromium."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editors.models import BAD, FINDING_LINE, FIXED, IGNORED
from tests.editors.workbench import Workbench

SUITE = Path(__file__).parent / "vscode" / "suite"


@pytest.fixture(scope="module")
def workbench() -> Iterator[Workbench]:
    with Workbench() as workbench:
        yield workbench


@pytest.mark.parametrize(
    ("action", "after"), [("Remove activation=", FIXED), ("Ignore QL104", IGNORED)]
)
def test_a_person_sees_the_squiggle_and_takes_the_quick_fix(
    workbench: Workbench, project: Path, action: str, after: str
) -> None:
    file = project / "net.py"
    file.write_text(BAD)
    url = workbench.url(project, ("openFile", str(file)))
    seen = workbench.drive("quick_fix.js", url, f"{FINDING_LINE}:25", action)
    assert any("squiggly-warning" in each for each in seen["squiggles"])
    deadline = time.monotonic() + 10
    while file.read_text() != after and time.monotonic() < deadline:
        time.sleep(0.05)
    assert file.read_text() == after


def test_everything_in_the_extension_host(workbench: Workbench, project: Path) -> None:
    (project / "net.py").write_text(BAD)
    url = workbench.url(
        project,
        ("extensionDevelopmentPath", str(SUITE)),
        ("extensionTestsPath", str(SUITE / "index.js")),
    )
    results = workbench.drive("run_suite.js", url)
    failed = {name: result for name, result in results.items() if result != "ok"}
    assert not failed, "\n\n".join(f"{name}: {why}" for name, why in failed.items())
    assert results


def test_an_untrusted_workspace_chooses_nothing(project: Path) -> None:
    file, marker, own = project / "net.py", project / "was-run", project / "own"
    file.write_text(BAD)
    own.write_text(f'#!/bin/sh\ntouch {marker}\nexec qlsp "$@"\n')
    own.chmod(0o755)
    (project / ".vscode").mkdir()
    (project / ".vscode" / "settings.json").write_text(json.dumps({"qlsp.path": [str(own)]}))
    with Workbench(trust=False) as workbench:
        url = workbench.url(project, ("openFile", str(file)))
        seen = workbench.drive("trust.js", url, str(marker))
    assert (seen["before"], seen["after"]) == (False, True)
    assert len(seen["problems"]) == 1, "one server, one finding"


def test_where_there_is_no_qlsp_the_user_is_told(project: Path) -> None:
    (project / "net.py").write_text(BAD)
    with Workbench({"qlsp.interpreter": "/no/such/python"}, qlsp=False) as workbench:
        url = workbench.url(project, ("openFile", str(project / "net.py")))
        seen = workbench.drive("notification.js", url)
    assert "no Python environment with qlsp was found" in seen["text"]
    assert seen["buttons"] == ["Open Settings", "Show Log"]
