"""Linting and fixing of short sources."""

from __future__ import annotations

import importlib.util
import os
import sys
import textwrap

import pytest

from qlsp.diagnostic import Diagnostic
from qlsp.linter import fix, lint
from qlsp.settings import Settings
from qlsp.source.document import Document
from qlsp.toolchain import Toolchain, Workflow

NEWEST = Toolchain("2.21.0", 2, "0.8.1")
KERAS_3 = Toolchain("2.21.0", 3, "0.8.1")
TFMOT_05 = Toolchain("2.5.3", 2, "0.5.0")
TFMOT_06 = Toolchain("2.5.3", 2, "0.6.0")


def settings(
    rule: str = "ALL",
    *toolchains: Toolchain,
    workflows: tuple[Workflow, ...] = ("ptq", "qat"),
) -> Settings:
    """One rule, under the newest toolchain unless others are given."""
    return Settings(select=(rule,), workflows=workflows, toolchains=toolchains or (NEWEST,))


def dedent(source: str) -> str:
    return textwrap.dedent(source).lstrip("\n")


def found(source: str, chosen: Settings) -> list[Diagnostic]:
    return lint(Document("model.py", dedent(source)), chosen, fixes=False)


def fixed(source: str, chosen: Settings, *, unsafe: bool = True) -> str:
    """The fixed source; what is left has no fix that is applied."""
    result = fix(Document("model.py", dedent(source)), chosen, unsafe=unsafe)
    again = fix(Document("model.py", result.text), chosen, unsafe=unsafe)
    assert again.text == result.text
    assert not again.applied
    return result.text


def tensorflow_python() -> str:
    """An interpreter with TensorFlow: this one, or that of `$QLSP_TEST_PYTHON`."""
    if importlib.util.find_spec("tensorflow"):
        return sys.executable
    other = os.environ.get("QLSP_TEST_PYTHON")
    if other is None:
        pytest.skip("no TensorFlow: set QLSP_TEST_PYTHON to an interpreter that has it")
    return other
