"""The rules about TensorFlow 1 say of every measured graph what TOCO said of it."""

from __future__ import annotations

import pytest

from qlsp.diagnostic import Diagnostic, Severity
from qlsp.evidence.table import Cell, load
from qlsp.evidence.tf1 import source
from qlsp.settings import Settings
from qlsp.toolchain import MEASURED
from tests.rules.support import found

_TF1 = Settings(workflows=("tf1",), toolchains=(MEASURED[0],))
_FREEZE = "    tf.graph_util.convert_variables_to_constants(None, None, ['output'])\n"
CELLS = [cell for cell in load(MEASURED[0]).cells.values() if cell.workflow == "tf1"]
UNJUDGED = {"graph > conv > bias > relu6"}
"""Nothing says that the graph is meant for 8 bits."""


def diagnostics(cell: Cell) -> list[Diagnostic]:
    text = source(cell.pattern)
    return found(text.replace("    return image", f"{_FREEZE}    return image"), _TF1)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.pattern)
def test_says_what_toco_said(cell: Cell) -> None:
    errors = [each for each in diagnostics(cell) if each.severity is Severity.ERROR]
    if cell.pattern not in UNJUDGED:
        assert bool(errors) == (cell.error is not None)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.pattern)
def test_ops_that_stay(cell: Cell) -> None:
    """An activation or bias that is kept from fusing is told, and only such a one."""
    if cell.error is None:
        splits = any(text in cell.pattern for text in ("conv > fq > bias", "bias > fq > relu"))
        assert {each.code for each in diagnostics(cell)} == ({"QL401"} if splits else set())
        assert not splits or any(each.op.name in {"RELU6", "ADD"} for each in cell.ops)
