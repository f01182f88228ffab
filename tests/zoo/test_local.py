"""Jobs run on this machine, with real runner processes that need no TensorFlow."""

import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from qlsp.discovery.interpreter import Interpreter
from qlsp.verify.process import MEGABYTE, Limits
from qlsp.verify.target import Target
from qlsp.zoo.case import Case, Job
from qlsp.zoo.local import run_here
from qlsp.zoo.share import Share
from tests.zoo.project import PYTHON, left_behind, project


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QLSP_TEST", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return project(tmp_path, "")


def job(folder: Path, builder: str, **arguments: object) -> Job:
    target = Target(folder / "net.py", builder, arguments, roots=(folder,))
    interpreter = Interpreter(Path(PYTHON), "the tests")
    return Job((Case(builder, "ptq", "here", target, interpreter),))


def quiet(job: Job, doing: str) -> None:
    pass


def test_one_that_fails_stops_no_other(folder: Path) -> None:
    jobs = [job(folder, name) for name in ("raises", "exits", "missing", "raises")]
    share = Share(2, 0, 0)
    errors = sorted(result.error for result in run_here(jobs, share, Limits(60), quiet))
    assert len(errors) == 4
    assert errors[0].startswith("no 'missing' in net.py; it defines raises, exits, sleeps")
    assert errors[1:3] == ["while building, ValueError: on purpose (net.py:9)"] * 2 or all(
        "ValueError: on purpose" in each for each in errors[1:3]
    )
    assert errors[3] == "while building, the process exited with code 3"
    assert left_behind(folder)[1:] == []  # but this process


def test_what_goes_over_its_share_runs_again_alone(folder: Path) -> None:
    jobs = [job(folder, "needs", megabytes=600), job(folder, "raises")]
    share = Share(2, 300 * MEGABYTE, 2000 * MEGABYTE)
    found = [result.error for result in run_here(jobs, share, Limits(60), quiet)]
    assert "ValueError: on purpose" in found[0]
    assert "ValueError: had 600 MB" in found[1]


def test_more_than_there_is_in_all_is_an_error(folder: Path) -> None:
    share = Share(1, 300 * MEGABYTE, 300 * MEGABYTE)
    (result,) = run_here([job(folder, "needs", megabytes=600)], share, Limits(60), quiet)
    assert "the process used more than 300 MB of memory" in result.error


def test_a_limit_of_time_is_each_ones_own(folder: Path) -> None:
    jobs = [job(folder, "sleeps"), job(folder, "raises")]
    found = list(run_here(jobs, Share(2, 0, 0), Limits(2), quiet))
    assert [each.case.model for each in found] == ["raises", "sleeps"]
    assert found[1].error.startswith("while building, the process gave no answer within 2 s")


def test_leaving_early_kills_what_runs_and_starts_nothing_more(folder: Path) -> None:
    jobs = [job(folder, "raises"), job(folder, "sleeps"), job(folder, "sleeps")]
    started: list[str] = []
    with closing(
        run_here(jobs, Share(1, 0, 0), Limits(60), lambda job, doing: started.append(doing))
    ) as results:
        next(results)
        while not (folder / "sleeping").exists():
            time.sleep(0.05)
        since = time.monotonic()
    assert time.monotonic() - since < 10
    assert started.count("building") == 2
    assert [each for each in threading.enumerate() if each.name.startswith("qlsp-zoo")] == []
    assert left_behind(folder)[1:] == []
