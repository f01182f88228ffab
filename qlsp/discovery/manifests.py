"""Facts from the files in which Python projects name their dependencies.

A file that can't be parsed tells nothing; whether it is valid is its own tool's business.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from qlsp.discovery.fact import Fact, declared, exactly, required
from qlsp.discovery.poetry import specifiers

_LINE = re.compile(r"(?:\\\n|[^\n])*\n?")


def facts(file: Path, shown: str) -> list[Fact]:
    """What `file` says; `shown` is its name in the facts' origin."""
    try:
        data = file.read_bytes()
        return [fact for fact in _reader(file)(data, shown) if fact is not None]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SyntaxError, RecursionError):
        return []
    except configparser.Error:
        return []


_Reader = Callable[[bytes, str], Iterable[Fact | None]]


def _reader(file: Path) -> _Reader:
    by_name: dict[str, _Reader] = {
        "pyproject.toml": _pyproject,
        "Pipfile": _pipfile,
        "Pipfile.lock": _pipfile_lock,
        "setup.cfg": _setup_cfg,
        "setup.py": _setup_py,
    }
    by_suffix: dict[str, _Reader] = {
        ".lock": _lock,
        ".toml": _lock,
        ".yml": _conda,
        ".yaml": _conda,
    }
    return by_name.get(file.name) or by_suffix.get(file.suffix, _requirements)


def _pyproject(data: bytes, origin: str) -> Iterator[Fact | None]:
    content = tomllib.loads(data.decode())
    project = content.get("project", {})
    groups = content.get("dependency-groups", {})
    tool = content.get("tool", {})
    lists = [
        project.get("dependencies", []),
        *project.get("optional-dependencies", {}).values(),
        *groups.values(),
        tool.get("uv", {}).get("dev-dependencies", []),
        *tool.get("pdm", {}).get("dev-dependencies", {}).values(),
        *(
            environment.get(key, [])
            for environment in tool.get("hatch", {}).get("envs", {}).values()
            for key in ("dependencies", "extra-dependencies")
        ),
    ]
    for requirements in lists:
        for requirement in requirements:
            if isinstance(requirement, str):
                yield required(requirement, origin)
    poetry = tool.get("poetry", {})
    tables = [
        poetry.get("dependencies", {}),
        poetry.get("dev-dependencies", {}),
        *(group.get("dependencies", {}) for group in poetry.get("group", {}).values()),
    ]
    for table in tables:
        yield from _table(table, origin)


def _table(table: dict[str, Any], origin: str) -> Iterator[Fact | None]:
    """A table of names and versions, as Poetry and Pipfile have them."""
    for name, value in table.items():
        for each in value if isinstance(value, list) else [value]:
            version = each.get("version", "*") if isinstance(each, dict) else each
            for specifier in specifiers(version):
                yield declared(name, specifier, origin)


def _lock(data: bytes, origin: str) -> Iterator[Fact | None]:
    """uv.lock, poetry.lock, pdm.lock and pylock.toml."""
    content = tomllib.loads(data.decode())
    for package in (*content.get("package", []), *content.get("packages", [])):
        if "version" in package:
            yield exactly(package["name"], package["version"], origin)


def _pipfile(data: bytes, origin: str) -> Iterator[Fact | None]:
    content = tomllib.loads(data.decode())
    for section in ("packages", "dev-packages"):
        yield from _table(content.get(section, {}), origin)


def _pipfile_lock(data: bytes, origin: str) -> Iterator[Fact | None]:
    content = json.loads(data)
    for section in ("default", "develop"):
        for name, package in content.get(section, {}).items():
            if "version" in package:
                yield exactly(name, package["version"].removeprefix("=="), origin)


def _setup_cfg(data: bytes, origin: str) -> Iterator[Fact | None]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(data.decode())
    values = [parser.get("options", "install_requires", fallback="")]
    if parser.has_section("options.extras_require"):
        values += [value for _, value in parser.items("options.extras_require")]
    for line in "\n".join(values).splitlines():
        yield required(line.strip(), origin)


def _setup_py(data: bytes, origin: str) -> Iterator[Fact | None]:
    """Requirements that stand in setup.py as literal strings."""
    for node in ast.walk(ast.parse(data)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            yield required(node.value, f"{origin}:{node.lineno}")


def _requirements(data: bytes, origin: str) -> Iterator[Fact | None]:
    number = 1
    for line in _LINE.findall(data.decode(errors="replace").replace("\r\n", "\n")):
        text = re.sub(r"\\\n", " ", line)
        text = re.sub(r"(^|\s)#.*", "", text)
        text = re.split(r"\s--?[a-z]", text)[0].strip()
        yield required(text, f"{origin}:{number}")
        number += line.count("\n")


def _conda(data: bytes, origin: str) -> Iterator[Fact | None]:
    import yaml

    try:
        content = yaml.safe_load(data)
    except yaml.YAMLError:
        return
    for entry in content.get("dependencies", []):
        if isinstance(entry, dict):
            for requirement in entry.get("pip", []):
                yield required(requirement, origin)
        elif isinstance(entry, str):
            yield _conda_entry(entry, origin)


def _conda_entry(entry: str, origin: str) -> Fact | None:
    """`conda-forge::tensorflow=2.15=cpu*` and its like."""
    match = re.match(r"(?:[^\s:]+::)?([\w.-]+)\s*(.*)", entry)
    if match is None:
        return None
    name, versions = match.groups()
    versions = versions.strip()
    if re.match(r"=?\d", versions):
        version = re.split(r"[\s=]+", versions.lstrip("="))[0]
        versions = f"=={version}" if version.endswith("*") else f"=={version}.*"
    return declared(name, versions, origin)
