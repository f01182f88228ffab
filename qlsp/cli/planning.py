"""From `[tool.qlsp]` to the cases that `qlsp verify --all` runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from qlsp.cli.running import interpreter_for, named_workflows, target_of_model, workflows_of
from qlsp.config import Config, Installation, Model
from qlsp.discovery.interpreter import Interpreter, find_interpreter
from qlsp.error import QlspError
from qlsp.toml import shown
from qlsp.toolchain import Workflow
from qlsp.verify.target import Target
from qlsp.zoo.case import Case
from qlsp.zoo.installed import installed
from qlsp.zoo.result import Result


@dataclass(frozen=True, slots=True)
class _Toolchain:
    """A toolchain by name; `error` says why it can't be used."""

    name: str
    interpreter: Interpreter
    installed: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All cases in the order of the table, and results of those that can't be run."""

    cases: tuple[Case, ...]
    refused: tuple[Result, ...]


def plan(
    config: Config,
    patterns: Sequence[str],
    toolchains: Sequence[str],
    workflows: str | None,
    python: str | None,
    *,
    trust: bool,
) -> Plan:
    """Every model in every toolchain by every workflow. Raises `QlspError` if there is none.

    `patterns` are names of models or match them; without any all are taken, and so are the
    toolchains, unless there is a `python`, which then is the only one.
    """
    models = _models(config, patterns)
    named = None if workflows is None else named_workflows(workflows)
    chosen = _toolchains(config, toolchains, python)
    cases: list[Case] = []
    refused: list[Result] = []
    for name, model in models.items():
        for toolchain in chosen:
            case = _case(config, name, model, toolchain, trust=trust)
            try:
                target = target_of_model(config, model)
                if toolchain.error:
                    raise QlspError(toolchain.error)
                # Where the command is run from makes no difference.
                target = replace(target, trust=trust, roots=(config.root,))
                case = replace(case, target=target)
                found = named or _workflows(model, case)
            except QlspError as error:
                refused.append(Result(case, None, str(error)))
                cases.append(case)
                continue
            if target.file.suffix == ".tflite":  # already converted: no toolchain has a part in it
                cases.append(replace(case, toolchain="", installed="none"))
                break
            cases += [replace(case, workflow=each) for each in found]
    return Plan(tuple(cases), tuple(refused))


def _models(config: Config, patterns: Sequence[str]) -> dict[str, Model]:
    if not config.models:
        where = shown(config.file or config.root / "pyproject.toml")
        raise QlspError(
            f"{where} names no models; add them: "
            '[tool.qlsp.models] NAME = "FILE.py::BUILDER", or verify one: FILE.py::BUILDER'
        )
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in config.models):
            known = ", ".join(config.models)
            raise QlspError(f"no model '{pattern}' in [tool.qlsp.models]; there are {known}")
    return {
        name: model
        for name, model in config.models.items()
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
    }


def _toolchains(config: Config, names: Sequence[str], python: str | None) -> tuple[_Toolchain, ...]:
    if python is not None or not config.toolchains:
        if names:
            instead = "there are none" if python is None else "--python is the only toolchain"
            raise QlspError(f"--toolchain {','.join(names)}: {instead}")
        return (_named(interpreter_for(python, config.root)),)
    unknown = [name for name in names if name not in config.toolchains]
    if unknown:
        known = ", ".join(config.toolchains)
        raise QlspError(
            f"--toolchain {','.join(names)}: no {unknown[0]} in [tool.qlsp.toolchains]; "
            f"there are {known}"
        )
    return tuple(
        _configured(name, installation, config.root)
        for name, installation in config.toolchains.items()
        if not names or name in names
    )


def _named(interpreter: Interpreter) -> _Toolchain:
    """A toolchain without a name in the settings is called by its TensorFlow."""
    found = installed(interpreter)
    if found is None or found.tensorflow is None:
        return _Toolchain(shown(interpreter.path), interpreter, found.digest if found else "")
    return _Toolchain(f"TF {found.tensorflow}", interpreter, found.digest)


def _configured(name: str, installation: Installation, root: Path) -> _Toolchain:
    beside = root / Path(installation.python).expanduser()
    given = str(beside) if beside.exists() else installation.python
    origin = f"tool.qlsp.toolchains.{name}"
    variables = tuple(installation.environment.items())
    try:
        found = find_interpreter(given, root)
        assert found is not None
    except QlspError as error:
        reason = str(error).partition(": ")[2]
        missing = Interpreter(Path(installation.python), origin)
        return _Toolchain(name, missing, "", f"{origin}: {installation.python}: {reason}")
    interpreter = Interpreter(found.path, origin, environment=variables)
    what = installed(interpreter)
    return _Toolchain(name, interpreter, what.digest if what else "")


def _case(config: Config, name: str, model: Model, toolchain: _Toolchain, *, trust: bool) -> Case:
    """A case whose target and workflow are still to be found."""
    file, _, builder = model.builder.partition("::")
    depends_on = tuple(config.root / each for each in model.depends_on)
    unknown = Target(config.root / file, builder, trust=trust)
    return Case(
        *(name, None, toolchain.name, unknown),
        toolchain.interpreter,
        toolchain.installed,
        depends_on,
    )


def _workflows(model: Model, case: Case) -> tuple[Workflow | None, ...]:
    if model.workflows is not None:
        return model.workflows
    return workflows_of(None, case.target, str(case.interpreter.path)) or (None,)
