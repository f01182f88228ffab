import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import qlsp.zoo.cache
from qlsp.discovery.interpreter import Interpreter
from qlsp.verify.process import Limits
from qlsp.verify.target import Target
from qlsp.zoo.cache import Cache
from qlsp.zoo.case import Case, Job
from qlsp.zoo.result import Result
from qlsp.zoo.work import work
from tests.zoo.project import project


@pytest.fixture
def result(tmp_path: Path) -> Result:
    """A real one, of a model that is already converted."""
    file = project(tmp_path, "") / "float_island.tflite"
    interpreter = Interpreter(Path("/usr/bin/python"), "the tests")
    case = Case("island", None, "", Target(file, ""), interpreter, "none")
    found: list[Result] = []
    work(Job((case,)), Limits(), found.append, lambda doing: None)
    (result,) = found
    assert result.verdict == "1 float island"
    return result


def test_a_result_is_kept(tmp_path: Path, result: Result) -> None:
    cache = Cache(tmp_path / "cache" / "verify")
    assert cache.get(result.case) is None
    cache.put(result)
    kept = cache.get(result.case)
    assert kept is not None
    assert kept.kept
    assert kept.report == json.loads(json.dumps(result.report))
    assert (kept.verdict, kept.seconds) == (result.verdict, result.seconds)
    assert [file.suffix for file in (tmp_path / "cache" / "verify").iterdir()] == [".json"]


def test_a_changed_model_is_not_taken_from_the_cache(tmp_path: Path, result: Result) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put(result)
    file = result.case.target.file
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    assert cache.get(result.case) is None
    file.write_bytes(content)
    assert cache.get(result.case) is not None


OTHERS = [
    {"workflow": "ptq"},
    {"installed": "another"},
    {"depends_on": (Path("weights"),)},
    {"interpreter": Interpreter(Path("/opt/python"), "the tests")},
]
OTHER_TARGETS: list[dict[str, Any]] = [
    {"builder": "build"},
    {"arguments": {"width": 2}},
    {"arguments": {"width": "2"}},
    {"data": "samples.npy"},
    {"inputs": ("image",)},
    {"outputs": ("result",)},
    {"roots": (Path("/src"),)},
]


@pytest.mark.parametrize("change", OTHERS)
def test_another_case_has_another_key(
    tmp_path: Path, result: Result, change: dict[str, Any]
) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put(result)
    assert cache.get(replace(result.case, **change)) is None


@pytest.mark.parametrize("change", OTHER_TARGETS)
def test_another_target_has_another_key(
    tmp_path: Path, result: Result, change: dict[str, Any]
) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put(result)
    target = replace(result.case.target, **change)
    assert cache.get(replace(result.case, target=target)) is None


def test_another_version_of_qlsp_has_another_key(
    tmp_path: Path, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put(result)
    monkeypatch.setattr(qlsp.zoo.cache, "__version__", "99.0")
    assert cache.get(result.case) is None


def test_the_name_in_the_settings_is_not_part_of_the_key(tmp_path: Path, result: Result) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put(result)
    renamed = cache.get(replace(result.case, model="renamed", toolchain="newest"))
    assert renamed is not None
    assert renamed.case.model == "renamed"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: "null",
        lambda text: "\0" * 100,
        lambda text: text.replace('"report"', '"repart"'),
        lambda text: json.dumps({**json.loads(text), "report": {"workflows": []}}),
        lambda text: json.dumps({**json.loads(text), "report": 7}),
        lambda text: json.dumps({**json.loads(text), "files": {"net.py": [1]}}),
        lambda text: json.dumps({**json.loads(text), "files": [1]}),
    ],
)
def test_a_damaged_entry_is_ignored_and_replaced(
    tmp_path: Path, result: Result, damage: Any
) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put(result)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text(damage(file.read_text()))
    assert cache.get(result.case) is None
    cache.put(result)
    assert cache.get(result.case) is not None


def test_what_is_not_kept(tmp_path: Path, result: Result) -> None:
    folder = tmp_path / "cache"
    Cache(None).put(result)
    assert Cache(None).get(result.case) is None
    unknown = replace(result, files=None)
    failed = replace(result, report=None, error="the process gave no answer")
    untold = replace(result, case=replace(result.case, installed=""))
    for each in (unknown, failed, untold):
        Cache(folder).put(each)
    assert not folder.exists()


def test_refresh_reads_nothing_and_keeps_what_is_new(tmp_path: Path, result: Result) -> None:
    folder = tmp_path / "cache"
    Cache(folder).put(replace(result, seconds=1.0))
    assert Cache(folder, refresh=True).get(result.case) is None
    Cache(folder, refresh=True).put(replace(result, seconds=2.0))
    kept = Cache(folder).get(result.case)
    assert kept is not None
    assert kept.seconds == 2.0


def test_a_full_disk_leaves_the_old_entry_and_nothing_else(
    tmp_path: Path, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path / "cache")
    cache.put(result)
    (file,) = (tmp_path / "cache").iterdir()
    before = file.read_bytes()

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        cache.put(replace(result, seconds=5.0))
    assert list((tmp_path / "cache").iterdir()) == [file]
    assert file.read_bytes() == before
