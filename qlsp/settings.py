"""What decides which diagnostics a file gets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qlsp.patterns import Patterns
from qlsp.toolchain import MEASURED, Toolchain, Workflow

ALL = "ALL"
_PREFIX = re.compile(r"[A-Z]+[0-9]*")
_SELECTOR = re.compile(r"[A-Z]+[0-9]*|[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one project asks for; plain data, so it can be sent to another process and hashed.

    A selector is a code (`QL101`), a prefix of codes (`QL1`), a rule's name
    (`fused-batchnorm`) or `ALL`. As in ruff, the more specific of two selectors wins, and
    `ignore` wins a draw.
    """

    root: Path = Path()
    """The folder that patterns in `per_file_ignores` are relative to."""
    select: tuple[str, ...] = (ALL,)
    ignore: tuple[str, ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Pairs of a glob pattern (`tests/**`, `legacy.py`) and selectors."""
    workflows: tuple[Workflow, ...] | None = None
    """The workflows asked for; None lets `workflows_for` decide per file."""
    toolchains: tuple[Toolchain, ...] = MEASURED
    """The measured toolchains that the project's versions admit, oldest first."""
    uses_tfmot: bool | None = None
    """Whether tfmot is among the project's dependencies; None if it has none that are known."""
    device: str | None = None

    def selects(self, code: str, name: str, path: str) -> bool:
        """Whether a rule is reported in the file at `path`."""
        chosen = max((specificity(each, code, name) for each in self.select), default=0)
        ignored = max((specificity(each, code, name) for each in self.ignore), default=0)
        return chosen > ignored and not any(
            any(specificity(each, code, name) for each in selectors)
            and _patterns(self.root, pattern).match(os.path.abspath(path))  # noqa: PTH100
            for pattern, selectors in self.per_file_ignores
        )

    def workflows_for(self, *, imports_tfmot: bool, is_tf1: bool) -> tuple[Workflow, ...]:
        """The workflows a file is judged under.

        Those asked for; else `tf1` alone for TF1 code, and `ptq`, with `qat` where tfmot is
        imported, is a dependency, or where nothing is known about the dependencies.
        """
        if self.workflows is not None:
            return self.workflows
        if is_tf1:
            return ("tf1",)
        if imports_tfmot or self.uses_tfmot is not False:
            return ("ptq", "qat")
        return ("ptq",)


def is_selector(text: str) -> bool:
    """Whether `text` has the form of a selector; which rules there are is the linter's to know."""
    return _SELECTOR.fullmatch(text) is not None


def specificity(selector: str, code: str, name: str) -> int:
    """How exactly `selector` names the rule; 0 if it does not."""
    if selector in {code, name}:
        return 100
    if selector == ALL:
        return 1
    if _PREFIX.fullmatch(selector) and code.startswith(selector):
        return 1 + len(selector)
    return 0


@cache
def _patterns(root: Path, pattern: str) -> Patterns:
    return Patterns(root, [pattern])
