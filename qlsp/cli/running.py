"""What the commands that run the user's code share: limits, progress, and an end that cleans up."""

from __future__ import annotations

import ast
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Final

import click
from rich.console import Console

from qlsp.config import Config, Model, absolute, find_config
from qlsp.discovery.interpreter import Interpreter, find_interpreter
from qlsp.discovery.settings import settings_for
from qlsp.error import QlspError
from qlsp.source.document import Document, SourceError
from qlsp.source.writing import write_whole
from qlsp.toolchain import WORKFLOWS, Workflow
from qlsp.trace.outline import Outline
from qlsp.verify.channel import Progress
from qlsp.verify.process import MEGABYTE
from qlsp.verify.target import Target

_UNITS: Final = {
    "": MEGABYTE,
    "M": MEGABYTE,
    "MB": MEGABYTE,
    "G": 1024 * MEGABYTE,
    "GB": 1024 * MEGABYTE,
}
_PIPE_WIDTH: Final = 200
_MODEL_FILES: Final = frozenset({".h5", ".hdf5", ".keras", ".pb", ".tflite"})


def running_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--python`, `--timeout` and `--memory`."""
    for option in reversed(
        (
            click.option(
                "--python",
                metavar="INTERPRETER",
                help="The Python to build and convert in.  "
                "[default: $VIRTUAL_ENV, then .venv of the project, then this one]",
            ),
            click.option(
                "--timeout",
                type=click.FloatRange(min=0, min_open=True),
                default=600.0,
                show_default=True,
                metavar="SECONDS",
                help="For building, and for each conversion.",
            ),
            click.option(
                "--memory",
                metavar="SIZE",
                help="Most memory to use: 800M, 4G.  [default: four fifths of what is free]",
            ),
        )
    ):
        command = option(command)
    return command


def target_of(
    text: str,
    arguments: tuple[str, ...],
    shapes: tuple[str, ...],
    *,
    files: bool = False,
) -> Target:
    """What `FILE.py::BUILDER`, `--set` and `--input` name; with `files` also a model file.

    Raises `QlspError`.
    """
    name, separator, builder = text.rpartition("::")
    if not separator and files and _is_model(Path(text)):
        file = absolute(Path(text))
        return Target(file, "", {}, tuple(_shape(each) for each in shapes))
    if not separator or not name or not builder:
        hint = ", or a model file" if files else ""
        raise QlspError(f"'{text}' names no builder: write FILE.py::BUILDER{hint}")
    file = absolute(Path(name))
    if file.is_dir():
        raise QlspError(f"{name} is a folder: write FILE.py::BUILDER")
    if not file.exists():
        raise QlspError(f"{name}: no such file")
    root = find_config(file.parent).root
    return Target(
        file,
        builder,
        dict(_argument(each) for each in arguments),
        tuple(_shape(each) for each in shapes),
        tuple(dict.fromkeys((root, Path.cwd()))),
    )


def with_data(target: Target, data: str | None, folder: Path) -> Target:
    """`target` with representative data, relative to `folder`. Raises `QlspError`."""
    if data is None:
        return target
    name, separator, function = data.rpartition("::")
    file = absolute(folder / (name if separator else data))
    if not file.is_file():
        raise QlspError(f"--data {data}: no such file")
    return replace(target, data=f"{file}{separator}{function if separator else ''}")


def target_of_model(
    config: Config, model: Model, arguments: tuple[str, ...] = (), shapes: tuple[str, ...] = ()
) -> Target:
    """What an entry of `[tool.qlsp.models]` names, with its arguments and data.

    Raises `QlspError`.
    """
    found = target_of(str(config.root / model.builder), arguments, shapes, files=True)
    found = replace(found, arguments={**model.arguments, **found.arguments})
    return with_data(found, model.representative_dataset, config.root)


def workflows_of(text: str | None, target: Target, python: str) -> tuple[Workflow, ...]:
    """The workflows named, or those that lint judges the file under; none for a model file.

    Raises `QlspError`.
    """
    if text is not None:
        return named_workflows(text)
    if target.is_file:
        return ()
    settings = settings_for(find_config(target.file.parent), python)
    judged = settings.workflows_for(imports_tfmot=_imports_tfmot(target), is_tf1=False)
    return tuple(each for each in WORKFLOWS if each in judged) or ("ptq",)


def named_workflows(text: str) -> tuple[Workflow, ...]:
    """Those of `float,ptq`. Raises `QlspError`."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(names.difference(WORKFLOWS))
    if unknown or not names:
        named = f"no such workflow: {', '.join(unknown)}" if unknown else "none is named"
        raise QlspError(f"--workflow {text}: {named}; there are {', '.join(WORKFLOWS)}")
    return tuple(each for each in WORKFLOWS if each in names)


def _imports_tfmot(target: Target) -> bool:
    try:
        names = Outline.of(Document.read(target.file).tree).imported()
    except (OSError, SourceError):
        return False
    return any(name.startswith("tfmot") for name in names)


def _is_model(path: Path) -> bool:
    """Whether a model is in the file, by its name; a folder is a SavedModel's."""
    if path.is_dir():
        return (path / "saved_model.pb").exists()
    known = path.suffix in _MODEL_FILES
    if known and not path.exists():
        raise QlspError(f"{path}: no such file")
    return known


def _argument(text: str) -> tuple[str, object]:
    key, separator, value = text.partition("=")
    if not separator or not key.isidentifier():
        raise QlspError(f"--set {text}: write KEY=VALUE")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _shape(text: str) -> tuple[int | None, ...]:
    try:
        return tuple(
            None if part.strip() in ("?", "None") else int(part) for part in text.split(",")
        )
    except ValueError:
        raise QlspError(f"--input {text}: write the sizes with commas, as in 1,96,96,3") from None


def interpreter_for(python: str | None, folder: Path) -> Interpreter:
    """The interpreter asked for, or that of the project around `folder`. Raises `QlspError`."""
    return find_interpreter(python, folder) or Interpreter(
        Path(sys.executable), "the Python that runs qlsp"
    )


def stdout_console() -> Console:
    """A console as wide as the terminal; wider for pipes, where lines need not fit."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def memory_limit(text: str | None) -> int:
    """Bytes of a size such as `800M`; 0 for None. Raises `QlspError`."""
    if text is None:
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)", text)
    unit = _UNITS.get(match[2].upper()) if match else None
    if match is None or unit is None or not float(match[1]):
        raise QlspError(f"--memory {text}: write a size, as in 800M or 4G")
    return int(float(match[1]) * unit)


def check_output(file: Path | None, option: str) -> None:
    """Raise `QlspError` now rather than after minutes of work if `file` can't be there."""
    if file is not None and not file.absolute().parent.is_dir():
        raise QlspError(f"{option} {file}: no such folder")


def write_output(file: Path, content: bytes, option: str) -> None:
    """Write a file that was asked for with `option`, whole or not at all. Raises `QlspError`."""
    try:
        if file.exists() and not file.is_file():
            file.write_bytes(content)  # a pipe or a device
            return
        write_whole(file, content, mode=0o666 & ~_umask())
    except OSError as error:
        raise QlspError(f"{option} {file}: {error.strerror or error}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def terminated() -> Iterator[None]:
    """Let an end by SIGTERM clean up as one by an exception does."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Show on standard error what is being done."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda doing: click.echo(f"{doing} …", err=True)
        return
    with console.status("starting") as status:
        yield lambda doing: status.update(doing)
