from collections.abc import Sequence
from pathlib import Path

import pytest

from qlsp.config import Config, find_config
from qlsp.discovery import fingerprint
from qlsp.discovery.discover import Discovery, discover
from qlsp.discovery.fact import Fact, required
from qlsp.discovery.settings import settings_for
from qlsp.discovery.sources import Sources
from qlsp.toolchain import MEASURED, Toolchain

TF1 = Toolchain("1.15.5", 2, None)
TF21 = Toolchain("2.1.4", 2, "0.3.0")
TF25_05 = Toolchain("2.5.3", 2, "0.5.0")
TF25_06 = Toolchain("2.5.3", 2, "0.6.0")
TF28_070 = Toolchain("2.8.4", 2, "0.7.0")
TF28_075 = Toolchain("2.8.4", 2, "0.7.5")
TF215 = Toolchain("2.15.1", 2, "0.8.0")
TF221 = Toolchain("2.21.0", 2, "0.8.1")
TF221_KERAS3 = Toolchain("2.21.0", 3, "0.8.1")
SAMPLE = (TF1, TF21, TF25_05, TF25_06, TF28_070, TF28_075, TF215, TF221, TF221_KERAS3)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(variable, raising=False)


def known(*requirements: str) -> Discovery:
    facts = [fact for text in requirements if (fact := required(text, "test")) is not None]
    assert len(facts) == len(requirements)
    return Discovery(tuple(facts), SAMPLE)


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        ([], SAMPLE),
        (["tensorflow==2.15.1"], [TF215]),
        (["tensorflow==2.15.0"], [TF215]),
        (["tensorflow==2.8.2"], [TF28_070, TF28_075]),
        (["tensorflow>=2.5,<2.9"], [TF25_05, TF25_06, TF28_070, TF28_075]),
        (["tensorflow==2.12.*"], [TF215]),
        (["tensorflow<2"], [TF1]),
        (["tensorflow==2.99.0"], [TF221_KERAS3]),
        (["tensorflow==2.21.0"], [TF221_KERAS3]),
        (["tensorflow==2.21.0", "tf-keras"], [TF221, TF221_KERAS3]),
        (["tensorflow==2.21.0", "tensorflow-model-optimization"], [TF221, TF221_KERAS3]),
        (["tensorflow==2.16.1", "tf-keras"], [TF215, TF221_KERAS3]),
        (["tensorflow==2.8.4", "tensorflow-model-optimization==0.7.5"], [TF28_075]),
        (["tensorflow==2.8.4", "tensorflow-model-optimization==0.7.4"], [TF28_075]),
        (["tensorflow-model-optimization==0.5.0"], [TF25_05]),
        (["tensorflow-model-optimization<0.6"], [TF21, TF25_05]),
        (["tensorflow==2.8.4", "tensorflow-model-optimization==0.6.0"], [TF25_06]),
        (["keras<3"], SAMPLE[:-1]),
        (["keras>=3"], [TF221_KERAS3]),
        (["tensorflow>=2.15", "keras>=3"], [TF221_KERAS3]),
        (["tensorflow==2.15.0", "keras==3.0.0"], [TF215]),
        (["tensorflow==2.8.4", "tensorflow==2.5.3"], [TF25_05, TF25_06, TF28_070, TF28_075]),
        (["tensorflow>=2.1", "tensorflow==2.15.1"], [TF215]),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else None,
)
def test_the_measured_toolchains_that_stand_for_versions(
    requirements: Sequence[str], expected: Sequence[Toolchain]
) -> None:
    assert known(*requirements).toolchains == tuple(expected)


def test_every_admitted_release_is_served_by_the_nearest_measured() -> None:
    assert known("tensorflow>=2.9,<2.14").served == {
        TF28_070: ("2.9.3", "2.10.1", "2.11.1"),
        TF28_075: ("2.9.3", "2.10.1", "2.11.1"),
        TF215: ("2.12.1", "2.13.1"),
    }


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        ([], None),
        (["tensorflow"], False),
        (["keras>=3"], False),
        (["tensorflow-model-optimization"], True),
    ],
)
def test_whether_tfmot_is_used(requirements: list[str], expected: bool | None) -> None:
    assert known(*requirements).uses_tfmot is expected


def environment(folder: Path, *packages: str, version: str = "3.10") -> Path:
    """An environment as an installer leaves it, as far as this is concerned."""
    site = folder / "lib" / f"python{version}" / "site-packages"
    for package in packages:
        (site / f"{package}.dist-info").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.touch(mode=0o755)
    return folder


def test_settings_beat_installed_packages_and_those_beat_pins(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "tensorflow==2.5.3\ntensorflow-model-optimization==0.5.0\n"
    )
    assert discover(Config(tmp_path)).toolchains == (TF25_05,)
    environment(tmp_path / ".venv", "tensorflow_cpu-2.8.4", "numpy-1.0")
    assert discover(Config(tmp_path)).toolchains == (TF25_05,), "tfmot's pin has no TF 2.8 cell"
    (tmp_path / "requirements.txt").unlink()
    assert discover(Config(tmp_path)).toolchains == (TF28_070, TF28_075)
    (tmp_path / "qlsp.toml").write_text("tensorflow = '2.15'\n")
    discovery = discover(find_config(tmp_path))
    assert discovery.toolchains == (TF215,)
    assert [(fact.kind, fact.origin) for fact in discovery.facts] == [
        ("set", "qlsp.toml: tensorflow"),
        ("installed", str(tmp_path / ".venv")),
    ]


def test_an_environment_that_contradicts_the_project_may_be_another_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    active = environment(
        tmp_path / "active", "tensorflow-2.21.0", "tensorflow_model_optimization-0.8.1"
    )
    monkeypatch.setenv("VIRTUAL_ENV", str(active))
    assert discover(Config(project)).toolchains == (TF221, TF221_KERAS3)
    (project / "requirements.txt").write_text("tensorflow>=2.8\n")
    assert discover(Config(project)).toolchains == (TF221, TF221_KERAS3)
    (project / "requirements.txt").write_text("tensorflow==1.15.5\n")
    discovery = discover(Config(project))
    assert (discovery.toolchains, discovery.uses_tfmot) == ((TF1,), False)
    assert {fact.kind for fact in discovery.facts} == {"pinned", "foreign"}
    given = discover(Config(project), str(active))
    assert (given.toolchains, given.uses_tfmot) == ((TF221, TF221_KERAS3), True)


def test_the_environment_is_found_as_an_editor_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "repository" / "project"
    project.mkdir(parents=True)
    above = environment(tmp_path / "repository" / ".venv", "tf_keras-2.16.0")
    active = environment(tmp_path / "active", "tensorflow-2.15.0")
    given = environment(tmp_path / "given", "tensorflow-2.8.4", version="3.9")

    def versions(python: str | None = None) -> list[tuple[str, str]]:
        return list(Sources.of(project, python).installed)

    assert versions() == [], "outside a repository only the project's own folder counts"
    (tmp_path / "repository" / ".git").mkdir()
    assert versions() == [("tf-keras", "2.16.0")]
    monkeypatch.setenv("VIRTUAL_ENV", str(active))
    assert versions() == [("tensorflow", "2.15.0")]
    assert versions(str(given)) == [("tensorflow", "2.8.4")]
    assert versions(str(given / "bin" / "python")) == [("tensorflow", "2.8.4")]
    (active / "pyvenv.cfg").write_text(
        f"home = {above / 'bin'}\ninclude-system-site-packages = true\n"
    )
    assert versions() == [("tensorflow", "2.15.0"), ("tf-keras", "2.16.0")]


def test_requirements_are_followed(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements.txt").write_text("-r deps/base.txt\n-c pins.txt\n")
    (tmp_path / "requirements" / "train.txt").write_text("tensorflow-model-optimization\n")
    (tmp_path / "deps").mkdir()
    (tmp_path / "deps" / "base.txt").write_text("tensorflow\n--requirement=../requirements.txt\n")
    (tmp_path / "pins.txt").write_text("tensorflow==2.15.1\n")
    found = [(fact.package, fact.origin) for fact in discover(Config(tmp_path)).facts]
    assert found == [
        ("tfmot", "requirements/train.txt:1"),
        ("tensorflow", "deps/base.txt:1"),
        ("tensorflow", "pins.txt:1"),
    ]


def test_the_fingerprint_changes_with_what_settings_rest_on(tmp_path: Path) -> None:
    seen = {fingerprint(Config(tmp_path))}

    def differs() -> bool:
        print_ = fingerprint(find_config(tmp_path))
        new = print_ not in seen
        seen.add(print_)
        return new

    (tmp_path / "notes.txt").write_text("tensorflow==2.8.4\n")
    assert not differs()
    (tmp_path / "requirements.txt").write_text("-r base.in\n")
    assert differs()
    (tmp_path / "base.in").write_text("tensorflow\n")
    assert differs()
    environment(tmp_path / "venv", "tensorflow-2.8.4")
    assert differs()
    (tmp_path / "qlsp.toml").write_text("select = ['QL1']\n")
    assert differs()
    assert not differs()


def test_settings(tmp_path: Path) -> None:
    settings = settings_for(Config(tmp_path, select=("QL1",), workflows=("float",)))
    assert settings.toolchains == MEASURED
    assert (settings.select, settings.workflows, settings.uses_tfmot) == (
        ("QL1",),
        ("float",),
        None,
    )


def test_facts_compare_by_content() -> None:
    assert required("keras>=3", "a") == required("keras >=3", "a") != required("keras>=3", "b")
    assert isinstance(required("keras", "a"), Fact)
