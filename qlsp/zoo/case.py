"""What a run is made of: cases, and the jobs that they are run in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from qlsp.discovery.interpreter import Interpreter
from qlsp.toolchain import Workflow
from qlsp.verify.target import Target


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table: a model by one workflow in one toolchain."""

    model: str
    """Its name in `[tool.qlsp.models]`."""
    workflow: Workflow | None
    """None for a model file: by what it is."""
    toolchain: str
    """Its name in `[tool.qlsp.toolchains]`, or what is installed."""
    target: Target
    interpreter: Interpreter
    installed: str = ""
    """Digest of the interpreter and its packages; empty where they can't be told."""
    depends_on: tuple[Path, ...] = ()
    """Files and folders that the model depends on besides those it is seen to read."""

    def __str__(self) -> str:
        return " ".join(each for each in (self.model, self.workflow, self.toolchain) if each)


@dataclass(frozen=True, slots=True)
class Job:
    """Cases of one model in one toolchain: imported and built once for all of them."""

    cases: tuple[Case, ...]

    @property
    def name(self) -> str:
        """The model and the toolchain."""
        return f"{self.cases[0].model} {self.cases[0].toolchain}"


def jobs_of(cases: Sequence[Case]) -> tuple[Job, ...]:
    """The jobs for `cases`, which are in order of model and toolchain."""
    groups = groupby(cases, key=lambda case: (case.model, case.toolchain))
    return tuple(Job(tuple(group)) for _, group in groups)
