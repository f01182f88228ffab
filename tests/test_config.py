import re
from pathlib import Path

import pytest

from qlsp.config import (
    DEFAULT_EXCLUDE,
    Config,
    Configs,
    Installation,
    Model,
    find_config,
    load_config,
)
from qlsp.settings import Settings
from qlsp.toml import ConfigError


def pyproject(folder: Path, body: str) -> Path:
    file = folder / "pyproject.toml"
    file.write_text(f"[tool.qlsp]\n{body}\n")
    return file


def test_every_key_is_read(tmp_path: Path) -> None:
    file = pyproject(
        tmp_path,
        """
        select = ["QL1"]
        extend-select = ["unsupported-activation"]
        ignore = ["QL103"]
        extend-ignore = ["QL104"]
        exclude = ["vendored"]
        extend-exclude = ["legacy/*.py"]
        force-exclude = true
        respect-gitignore = false
        workflows = ["ptq", "qat"]
        tensorflow = "2.15"
        keras = ">=3"
        tfmot = "0.7.*"
        device = "tflite-cpu"
        [tool.qlsp.per-file-ignores]
        "tests/**" = ["ALL"]
        [tool.qlsp.extend-per-file-ignores]
        "old.py" = ["QL2"]
        [tool.qlsp.models]
        small = "net.py::build"
        large = { builder = "net.py::build", set = { width = 2 }, workflows = ["qat"] }
        trained = { builder = "net.py::build", depends-on = ["weights"] }
        [tool.qlsp.toolchains]
        new = ".venv"
        old = { python = "envs/tf28/bin/python", environment = { TF_USE_LEGACY_KERAS = "1" } }
        """,
    )
    assert load_config(file) == Config(
        root=tmp_path,
        file=file,
        select=("QL1", "unsupported-activation"),
        ignore=("QL103", "QL104"),
        per_file_ignores=(("tests/**", ("ALL",)), ("old.py", ("QL2",))),
        exclude=("vendored", "legacy/*.py"),
        force_exclude=True,
        respect_gitignore=False,
        workflows=("ptq", "qat"),
        versions={"tensorflow": "==2.15.*", "keras": ">=3", "tfmot": "==0.7.*"},
        device="tflite-cpu",
        models={
            "small": Model("net.py::build"),
            "large": Model("net.py::build", {"width": 2}, None, ("qat",)),
            "trained": Model("net.py::build", depends_on=("weights",)),
        },
        toolchains={
            "new": Installation(".venv"),
            "old": Installation("envs/tf28/bin/python", {"TF_USE_LEGACY_KERAS": "1"}),
        },
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("selct = []", "tool.qlsp.selct: unknown key; did you mean `select`?"),
        ("select = 'QL1'", "tool.qlsp.select: expected a list of strings, found 'QL1'"),
        ("select = [1]", "tool.qlsp.select: expected a list of strings, found the number 1"),
        ("ignore = ['QL 1']", "tool.qlsp.ignore: expected a code (`QL101`, `QL1`), a rule's"),
        ("force-exclude = 1", "tool.qlsp.force-exclude: expected true or false, found the num"),
        ("workflows = ['int8']", "tool.qlsp.workflows: expected one of float, ptq, qat, tf1"),
        ("workflows = []", "tool.qlsp.workflows: name at least one of float, ptq, qat, tf1"),
        ("tensorflow = 2.15", "tool.qlsp.tensorflow: expected a string, found the number 2.15"),
        ("tfmot = 'newest'", "tool.qlsp.tfmot: expected a version or range"),
        ("tfmot = ''", "tool.qlsp.tfmot: expected a version or range"),
        ("device = 'phone'", "tool.qlsp.device: expected one of tflite-cpu, tflm, "),
        ("per-file-ignores = ['a']", "tool.qlsp.per-file-ignores: expected a table, found a list"),
        ("models = { a = { bulder = 'x' } }", "tool.qlsp.models.a.builder: is missing"),
        ("models = { a = 1 }", "tool.qlsp.models.a: expected a table, found the number 1"),
        (
            "models = { a = { builder = 'x', sett = 1 } }",
            "tool.qlsp.models.a.sett: unknown key; did you mean `set`?",
        ),
        ("toolchains = { a = {} }", "tool.qlsp.toolchains.a.python: is missing"),
        (
            "toolchains = { a = { python = 'x', environment = { A = 1 } } }",
            "tool.qlsp.toolchains.a.environment.A: expected a string, found the number 1",
        ),
        (
            "toolchains = { a = { python = 'x', env = {} } }",
            "tool.qlsp.toolchains.a.env: unknown key",
        ),
        ("exclude = ['!']", "tool.qlsp.exclude: expected patterns as in .gitignore, found '!'"),
        ("per-file-ignores = { '' = ['ALL'] }", "tool.qlsp.per-file-ignores: expected a patt"),
        ("select = [", "not valid TOML: "),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, body: str, message: str) -> None:
    file = pyproject(tmp_path, body)
    with pytest.raises(ConfigError, match=re.escape(f"{file}: {message}")) as raised:
        find_config(tmp_path)
    assert "\n" not in str(raised.value)


def test_bytes_that_are_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"[tool.qlsp]\nselect = ['\xff']\n")
    with pytest.raises(ConfigError, match="not valid UTF-8"):
        find_config(tmp_path)


def test_the_closest_config_wins_and_qlsp_toml_before_pyproject(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    top = pyproject(tmp_path, "")
    assert find_config(inner).file == top
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'a'\n")
    assert find_config(inner).file == top, "a pyproject without [tool.qlsp] says nothing"
    near = pyproject(tmp_path / "a", "")
    assert find_config(inner).file == near
    (tmp_path / "a" / "qlsp.toml").write_text("select = ['QL2']\n")
    assert find_config(inner).select == ("QL2",)


def test_without_config_the_root_is_the_top_of_the_project(tmp_path: Path) -> None:
    inner = tmp_path / "package" / "sub"
    inner.mkdir(parents=True)
    (tmp_path / "setup.py").touch()
    assert find_config(inner) == Config(root=tmp_path)
    assert find_config(inner).exclude == DEFAULT_EXCLUDE


def test_outside_of_projects_the_root_is_the_current_folder_or_what_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert Configs().of(inner).root == inner
    assert Configs().of(inner, top=tmp_path).root == tmp_path
    monkeypatch.chdir(tmp_path / "a")
    assert Configs().of(inner, top=inner).root == tmp_path / "a"


def test_loading_a_file_that_has_no_config_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "qlsp.toml")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    with pytest.raises(ConfigError, match=r"has no \[tool\.qlsp\] table"):
        load_config(tmp_path / "pyproject.toml")


def test_select_on_the_command_line_starts_afresh() -> None:
    config = Config(Path(), select=("QL1",), ignore=("QL103",))
    assert config.with_selectors(("QL2",)).ignore == ()
    assert config.with_selectors(ignore=("QL104",)).ignore == ("QL103", "QL104")
    assert config.with_selectors(extend_select=("QL2",)).select == ("QL1", "QL2")


@pytest.mark.parametrize(
    ("select", "ignore", "selected"),
    [
        (("ALL",), (), True),
        (("QL",), (), True),
        (("QL1",), (), True),
        (("QL101",), (), True),
        (("batchnorm-after-activation",), (), True),
        (("QL2",), (), False),
        (("QL10",), ("QL1",), True),
        (("QL1",), ("QL10",), False),
        (("ALL",), ("batchnorm-after-activation",), False),
        (("QL101",), ("batchnorm-after-activation",), False),
        (("QL101",), ("QL",), True),
        ((), (), False),
    ],
)
def test_the_more_specific_selector_wins(
    select: tuple[str, ...], ignore: tuple[str, ...], selected: bool
) -> None:
    settings = Settings(select=select, ignore=ignore)
    assert settings.selects("QL101", "batchnorm-after-activation", "model.py") is selected


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("tests/**", "tests/deep/model.py", True),
        ("tests", "tests/deep/model.py", True),
        ("tests/**", "src/tests.py", False),
        ("model.py", "deep/down/model.py", True),
        ("*_old.py", "net_old.py", True),
        ("src/*.py", "src/deep/model.py", False),
    ],
)
def test_per_file_ignores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, path: str, matches: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings(root=tmp_path, per_file_ignores=((pattern, ("QL1",)),))
    for given in (path, str(tmp_path / path)):
        assert settings.selects("QL101", "x", given) is not matches
        assert settings.selects("QL201", "y", given)


@pytest.mark.parametrize(
    ("settings", "imports_tfmot", "is_tf1", "workflows"),
    [
        (Settings(workflows=("float",)), True, False, ("float",)),
        (Settings(), False, True, ("tf1",)),
        (Settings(), False, False, ("ptq", "qat")),
        (Settings(uses_tfmot=False), False, False, ("ptq",)),
        (Settings(uses_tfmot=False), True, False, ("ptq", "qat")),
        (Settings(uses_tfmot=True), False, False, ("ptq", "qat")),
    ],
)
def test_default_workflows(
    settings: Settings, imports_tfmot: bool, is_tf1: bool, workflows: tuple[str, ...]
) -> None:
    assert settings.workflows_for(imports_tfmot=imports_tfmot, is_tf1=is_tf1) == workflows
