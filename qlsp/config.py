"""What a project's `[tool.qlsp]` says, and where it is found."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from qlsp.patterns import is_pattern
from qlsp.settings import ALL, is_selector
from qlsp.toml import ConfigError, Table, read_toml, shown
from qlsp.toolchain import WORKFLOWS, Workflow

CONFIG_FILES = ("qlsp.toml", "pyproject.toml")
"""Where settings may stand, the stronger first within one folder."""

DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".git-rewrite",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pants.d",
    ".pyenv",
    ".pytest_cache",
    ".pytype",
    ".qlsp_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    ".vscode",
    "__pypackages__",
    "_build",
    "buck-out",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)
"""Ruff's default exclusions, so that both tools see the same files."""

PROJECT_MARKERS = (
    ".git",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "requirements.txt",
    "Pipfile",
    "environment.yml",
)
"""What shows that a folder is the top of a project."""

_Found = TypeVar("_Found")
DEVICES = (
    "tflite-cpu",
    "tflm",
    "edgetpu",
    *("ethos-u55", "ethos-u55-32", "ethos-u55-64", "ethos-u55-128", "ethos-u55-256"),
    *("ethos-u65", "ethos-u65-256", "ethos-u65-512"),
    *("ethos-u85", "ethos-u85-128", "ethos-u85-256", "ethos-u85-512", "ethos-u85-1024"),
    "ethos-u85-2048",
)
"""Where a model can run; Ethos-U with or without the number of multipliers, as Vela names them."""
_VERSIONED = ("tensorflow", "keras", "tfmot")


@dataclass(frozen=True, slots=True)
class Model:
    """An entry of `[tool.qlsp.models]`: a model that can be built for verification."""

    builder: str
    """`src/model.py::build_model` or a model file, relative to the project's root."""
    arguments: Mapping[str, object] = field(default_factory=dict)
    """Keyword arguments for the builder, from the entry's `set` table."""
    representative_dataset: str | None = None
    """`FILE.py::FUNCTION` or a file of samples."""
    workflows: tuple[Workflow, ...] | None = None
    depends_on: tuple[str, ...] = ()
    """Files and folders that the builder reads and nobody sees it read."""


@dataclass(frozen=True, slots=True)
class Installation:
    """An entry of `[tool.qlsp.toolchains]`: an interpreter with a toolchain in it."""

    python: str
    """Relative to the project's root, or a name on the PATH."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables to start it with, such as `TF_USE_LEGACY_KERAS`."""


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one project, defaults filled in."""

    root: Path
    """Absolute folder that patterns and paths in the settings are relative to."""
    file: Path | None = None
    """The file they were read from; None when no file has any."""
    select: tuple[str, ...] = (ALL,)
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    force_exclude: bool = False
    respect_gitignore: bool = True
    workflows: tuple[Workflow, ...] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    """PEP 440 specifiers for `tensorflow`, `keras` and `tfmot`, where they are set."""
    device: str | None = None
    models: Mapping[str, Model] = field(default_factory=dict)
    toolchains: Mapping[str, Installation] = field(default_factory=dict)
    """Where `verify --all` builds and converts."""

    def with_selectors(
        self,
        select: tuple[str, ...] | None = None,
        ignore: tuple[str, ...] = (),
        extend_select: tuple[str, ...] = (),
    ) -> Config:
        """This config under the command line's selection.

        As in ruff, a `select` there starts afresh and drops the file's `ignore` too.
        """
        if select is None:
            select, ignore = self.select, (*self.ignore, *ignore)
        return dataclasses.replace(self, select=(*select, *extend_select), ignore=ignore)


class Configs:
    """The config of every folder, each read once.

    The closest folder upwards that has one decides; configs are not merged.
    """

    def __init__(
        self,
        adjust: Callable[[Config], Config] = lambda config: config,
        fixed: Config | None = None,
    ) -> None:
        """`adjust` is applied to every config; `fixed` takes the place of what would be found."""
        self._adjust = adjust
        self._fixed = fixed
        self._configs: dict[Path, Config | None] = {}
        self._roots: dict[Path, Path | None] = {}
        self._adjusted: dict[Path, Config] = {}

    def of(self, folder: Path, top: Path | None = None) -> Config:
        """The config for files in `folder`, found below the folder `top`. Raises `ConfigError`.

        Without any, an empty one. Its root is the top of the project around `folder`, or where
        there is none the current folder, or else `top`.
        """
        folder = absolute(folder)
        if folder not in self._adjusted:
            config = self._fixed or _closest(folder, _in_folder, self._configs)
            if config is None:
                here = Path.cwd()
                outside = here if folder.is_relative_to(here) else absolute(top or folder)
                config = Config(_closest(folder, _project, self._roots) or outside)
            self._adjusted[folder] = self._adjust(config)
        return self._adjusted[folder]


def find_config(folder: Path) -> Config:
    """The config for files in `folder`; see `Configs`. Raises `ConfigError`."""
    return Configs().of(folder)


def load_config(file: Path) -> Config:
    """The config in `file`. Raises `ConfigError`, also when it has none."""
    config = _read(absolute(file))
    if config is None:
        missing = "has no [tool.qlsp] table" if file.exists() else "no such file"
        raise ConfigError(f"{shown(file)}: {missing}")
    return config


def is_project(folder: Path) -> bool:
    """Whether a folder looks like the top of a project."""
    return any((folder / marker).exists() for marker in PROJECT_MARKERS)


def describe(config: Config) -> str:
    """A config as text: where it was found and what it says, defaults included."""
    origin = shown(config.file) if config.file else "no [tool.qlsp] found: defaults"
    lines = [f"# {origin}", f"root = {str(config.root)!r}"]
    for each in dataclasses.fields(config):
        if each.name not in {"root", "file"}:
            lines.append(f"{each.name.replace('_', '-')} = {getattr(config, each.name)!r}")
    return "\n".join(lines) + "\n"


def absolute(path: Path) -> Path:
    """`path` made absolute, `..` removed, symbolic links left as they are written."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - `resolve` follows links


def _closest(
    folder: Path, probe: Callable[[Path], _Found | None], known: dict[Path, _Found | None]
) -> _Found | None:
    """What `probe` finds in the closest folder upwards; every folder is probed once."""
    climbed = []
    found = None
    for parent in (folder, *folder.parents):
        if parent in known:
            found = known[parent]
            break
        climbed.append(parent)
        found = probe(parent)
        if found is not None:
            break
    known.update(dict.fromkeys(climbed, found))
    return found


def _in_folder(folder: Path) -> Config | None:
    found = (config for name in CONFIG_FILES if (config := _read(folder / name)))
    return next(found, None)


def _project(folder: Path) -> Path | None:
    return folder if is_project(folder) else None


def _read(file: Path) -> Config | None:
    """The config in `file`; None where there is no such file or it says nothing to qlsp."""
    data: object = read_toml(file)
    key = ""
    if file.name == "pyproject.toml":
        key = "tool.qlsp"
        for part in ("tool", "qlsp"):
            data = data.get(part) if isinstance(data, dict) else None
    return None if data is None else _parse(Table(shown(file), key, data), file)


def _parse(table: Table, file: Path) -> Config:
    config = Config(
        root=file.parent,
        file=file,
        select=_selectors(table, "select", (ALL,)) + _selectors(table, "extend-select"),
        ignore=_selectors(table, "ignore") + _selectors(table, "extend-ignore"),
        per_file_ignores=(
            *_per_file(table.table("per-file-ignores")),
            *_per_file(table.table("extend-per-file-ignores")),
        ),
        exclude=_globs(table, "exclude", DEFAULT_EXCLUDE) + _globs(table, "extend-exclude"),
        force_exclude=table.boolean("force-exclude", False),
        respect_gitignore=table.boolean("respect-gitignore", True),
        workflows=_workflows(table),
        versions={key: _specifier(table, key) for key in _VERSIONED if key in table},
        device=_device(table),
        models=_models(table.table("models")),
        toolchains=_toolchains(table.table("toolchains")),
    )
    table.finish()
    return config


def _or(given: tuple[str, ...] | None, default: tuple[str, ...]) -> tuple[str, ...]:
    return default if given is None else given


def _selectors(table: Table, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    selectors = _or(table.strings(key), default)
    for each in selectors:
        if not is_selector(each):
            raise table.expected(key, "a code (`QL101`, `QL1`), a rule's name or `ALL`", each)
    return selectors


def _globs(table: Table, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    patterns = _or(table.strings(key), default)
    for each in patterns:
        if not is_pattern(each):
            raise table.expected(key, "patterns as in .gitignore", each)
    return patterns


def _per_file(table: Table) -> tuple[tuple[str, tuple[str, ...]], ...]:
    for pattern, _ in table.items():
        if not is_pattern(pattern):
            raise table.expected(pattern, "a pattern as in .gitignore", pattern)
    return tuple((pattern, _selectors(table, pattern)) for pattern, _ in table.items())


def _workflows(table: Table) -> tuple[Workflow, ...] | None:
    given = table.strings("workflows")
    if given is None:
        return None
    if not given:
        raise table.error("workflows", f"name at least one of {', '.join(WORKFLOWS)}")
    return tuple(table.choice("workflows", each, WORKFLOWS) for each in given)


def _device(table: Table) -> str | None:
    given = table.string("device")
    return None if given is None else table.choice("device", given, DEVICES)


def _specifier(table: Table, key: str) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # 10 ms to import

    given = (table.string(key) or "").strip()
    text = given
    if text[:1].isdigit():
        text = f"=={text}" if text.endswith("*") else f"=={text}.*"
    try:
        return str(SpecifierSet(text or "=="))
    except InvalidSpecifier:
        raise table.expected(key, 'a version or range (">=2.8,<2.16")', given) from None


def _models(table: Table) -> dict[str, Model]:
    return {
        name: Model(value) if isinstance(value, str) else _model(table.table(name))
        for name, value in table.items()
    }


def _model(table: Table) -> Model:
    builder = table.string("builder")
    if builder is None:
        raise table.error("builder", "is missing")
    model = Model(
        builder,
        dict(table.table("set").items()),
        table.string("representative-dataset"),
        _workflows(table),
        table.strings("depends-on") or (),
    )
    table.finish()
    return model


def _toolchains(table: Table) -> dict[str, Installation]:
    return {
        name: Installation(value) if isinstance(value, str) else _installation(table.table(name))
        for name, value in table.items()
    }


def _installation(table: Table) -> Installation:
    python = table.string("python")
    if python is None:
        raise table.error("python", "is missing")
    variables = table.table("environment")
    environment = {name: variables.string(name) or "" for name, _ in variables.items()}
    table.finish()
    return Installation(python, environment)
