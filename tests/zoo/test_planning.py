from pathlib import Path

import pytest

from qlsp.cli.planning import Plan, plan
from qlsp.config import find_config
from qlsp.error import QlspError
from qlsp.zoo.case import jobs_of
from tests.zoo.project import PYTHON, project

SETTINGS = f"""
[tool.qlsp]
workflows = ["float", "ptq"]
[tool.qlsp.models]
small = "net.py::raises"
large = {{ builder = "net.py::raises", set = {{ reason = "large" }}, workflows = ["qat"] }}
island = "float_island.tflite"
[tool.qlsp.toolchains]
one = "{PYTHON}"
two = {{ python = "{PYTHON}", environment = {{ TF_USE_LEGACY_KERAS = "1" }} }}
"""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(variable, raising=False)


def planned(
    folder: Path,
    *patterns: str,
    toolchains: tuple[str, ...] = (),
    workflows: str | None = None,
    python: str | None = None,
) -> Plan:
    return plan(find_config(folder), patterns, toolchains, workflows, python, trust=False)


def names(found: Plan) -> list[str]:
    return [str(case) for case in found.cases]


def test_every_model_workflow_and_toolchain(tmp_path: Path) -> None:
    found = planned(project(tmp_path, SETTINGS))
    assert names(found) == [
        *("small float one", "small ptq one", "small float two", "small ptq two"),
        *("large qat one", "large qat two", "island"),
    ]
    assert found.refused == ()
    large = found.cases[4]
    assert large.target.arguments == {"reason": "large"}
    assert large.target.roots == (tmp_path,)
    assert [dict(each.interpreter.environment) for each in found.cases[4:6]] == [
        {},
        {"TF_USE_LEGACY_KERAS": "1"},
    ]
    assert len({each.installed for each in found.cases}) == 3


def test_a_model_is_built_once_for_all_workflows_of_a_toolchain(tmp_path: Path) -> None:
    jobs = jobs_of(planned(project(tmp_path, SETTINGS)).cases)
    assert [len(job.cases) for job in jobs] == [2, 2, 1, 1, 1]


def test_a_choice_of_models_toolchains_and_workflows(tmp_path: Path) -> None:
    folder = project(tmp_path, SETTINGS)
    assert names(planned(folder, "la*", toolchains=("two",))) == ["large qat two"]
    assert names(planned(folder, "large", "island", workflows="qat,float")) == [
        *("large float one", "large qat one", "large float two", "large qat two", "island"),
    ]
    (alone,) = planned(folder, "large", python=PYTHON).cases
    assert alone.interpreter.origin == "--python"


def test_what_can_not_be_run_is_refused_and_the_rest_is_not(tmp_path: Path) -> None:
    settings = SETTINGS.replace('net.py::raises"\nlarge', 'gone.py::build"\nlarge').replace(
        f'one = "{PYTHON}"', 'one = "envs/gone/bin/python"'
    )
    found = planned(project(tmp_path, settings), "small", "large")
    refused = {str(each.case): each.error for each in found.refused}
    assert names(found) == ["small one", "small two", "large one", "large qat two"]
    assert refused == {
        "small one": f"{tmp_path}/gone.py: no such file",
        "small two": f"{tmp_path}/gone.py: no such file",
        "large one": "tool.qlsp.toolchains.one: envs/gone/bin/python: no such interpreter",
    }


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ("[tool.qlsp]\n", {}, "pyproject.toml names no models; add them: [tool.qlsp.models]"),
        (SETTINGS, {"toolchains": ("three",)}, "no three in [tool.qlsp.toolchains]; there are one"),
        (SETTINGS, {"toolchains": ("one",), "python": PYTHON}, "--python is the only toolchain"),
    ],
)
def test_nothing_to_run(
    tmp_path: Path, settings: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(QlspError) as error:
        planned(project(tmp_path, settings), **options)  # type: ignore[arg-type]
    assert message in str(error.value)


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(QlspError, match=r"no model 'big\*' in .*; there are small, large, island"):
        planned(project(tmp_path, SETTINGS), "small", "big*")
