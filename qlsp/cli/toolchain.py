"""`qlsp toolchain`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from qlsp.cli.options import format_option
from qlsp.config import Config, find_config
from qlsp.discovery.discover import Discovery, discover
from qlsp.discovery.fact import Fact
from qlsp.discovery.interpreter import Interpreter, find_interpreter
from qlsp.error import QlspError
from qlsp.evidence.table import file_stem, load
from qlsp.settings import Settings
from qlsp.toml import shown
from qlsp.toolchain import Toolchain, Workflow

VERSION = 1
"""Of the JSON form, which `docs/toolchain.md` describes."""


@click.command("toolchain")
@click.argument("path", default=".", type=click.Path(path_type=Path))
@format_option()
@click.option("--python", metavar="INTERPRETER", help="The project's Python, or its environment.")
def command(path: Path, form: str, python: str | None) -> None:
    """Print which versions the project at PATH uses, how that was found, and what stands for them.

    Told, from the strongest: [tool.qlsp], packages installed in the project's environment, exact
    pins, ranges. Of each package only the strongest kind counts.
    """
    if not path.exists():
        raise QlspError(f"{path}: no such file or directory")
    found = _Found.of(path if path.is_dir() else path.parent, python)
    click.echo(json.dumps(found.plain(), indent=2) if form == "json" else "\n".join(found.lines()))


@dataclass(frozen=True)
class _Found:
    """What is printed."""

    config: Config
    interpreter: Interpreter | None
    discovery: Discovery

    @classmethod
    def of(cls, folder: Path, python: str | None) -> _Found:
        config = find_config(folder)
        interpreter = find_interpreter(python, config.root)
        return cls(config, interpreter, discover(config, python))

    @property
    def workflows(self) -> tuple[Workflow, ...]:
        """Those of a file that is not TF1 code and does not import tfmot."""
        settings = Settings(workflows=self.config.workflows, uses_tfmot=self.discovery.uses_tfmot)
        return settings.workflows_for(imports_tfmot=False, is_tf1=False)

    @property
    def why(self) -> str:
        """Where the workflows come from."""
        if self.config.workflows is not None:
            return "set"
        return {
            True: "tfmot is a dependency",
            False: "tfmot is not a dependency; qat too in files that import it",
            None: "nothing is known about the dependencies",
        }[self.discovery.uses_tfmot]

    def counts(self, fact: Fact) -> bool:
        """Whether a fact is of the strongest kind there is about its package."""
        return fact in self.discovery.about(fact.package)

    def lines(self) -> Iterator[str]:
        """For people."""
        settings = shown(self.config.file) if self.config.file else "none"
        yield f"project      {self.config.root}"
        yield f"settings     {settings}"
        if self.interpreter is None:
            yield "environment  none found"
        else:
            yield f"environment  {self.interpreter.path} ({self.interpreter.origin})"
        yield f"workflows    {', '.join(self.workflows)} ({self.why})"
        yield "\nversions"
        yield from _table([self._row(fact) for fact in self.discovery.facts])
        if not self.discovery.facts:
            yield "  nothing is told anywhere: the whole measured range counts"
        yield "\nevidence"
        yield from _table(
            [
                (str(toolchain), "for TensorFlow " + _minors(releases))
                if releases
                else (str(toolchain), "the closest that was measured")
                for toolchain, releases in self.discovery.served.items()
            ]
        )

    def _row(self, fact: Fact) -> tuple[str, ...]:
        overruled = "" if self.counts(fact) else "overruled"
        return fact.package, str(fact.versions) or "any", fact.kind, fact.origin, overruled

    def plain(self) -> dict[str, object]:
        """For programs."""
        return {
            "version": VERSION,
            "root": str(self.config.root),
            "settings": self.config.file and str(self.config.file),
            "interpreter": self.interpreter
            and {"path": str(self.interpreter.path), "origin": self.interpreter.origin},
            "workflows": list(self.workflows),
            "uses_tfmot": self.discovery.uses_tfmot,
            "facts": [
                {
                    "package": fact.package,
                    "versions": str(fact.versions),
                    "kind": fact.kind,
                    "origin": fact.origin,
                    "counts": self.counts(fact),
                }
                for fact in self.discovery.facts
            ],
            "toolchains": [
                _toolchain(toolchain, releases)
                for toolchain, releases in self.discovery.served.items()
            ],
        }


def _toolchain(toolchain: Toolchain, releases: Sequence[str]) -> dict[str, object]:
    return {
        "tensorflow": toolchain.tensorflow,
        "keras": toolchain.keras,
        "tfmot": toolchain.tfmot,
        "stands_for": list(releases),
        "evidence": {"name": file_stem(toolchain), "cells": len(load(toolchain).cells)},
    }


def _minors(releases: Sequence[str]) -> str:
    """`2.12 to 2.15`."""
    first, last = (release.rpartition(".")[0] for release in (releases[0], releases[-1]))
    return first if first == last else f"{first} to {last}"


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield ("  " + "  ".join(cells)).rstrip()
