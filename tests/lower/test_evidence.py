"""The tables are accepted when they reproduce the evidence, all but the cells that are listed."""

from __future__ import annotations

import pytest

from qlsp.evidence.toolchains import SETUPS, Setup
from tests.lower.acceptance import has_evidence, is_accepted, listed, verdicts

MEASURED = [setup for setup in SETUPS if has_evidence(setup)]


@pytest.mark.parametrize("setup", MEASURED, ids=lambda setup: setup.name)
def test_measured_cells_are_reproduced(setup: Setup) -> None:
    if not is_accepted(setup):
        pytest.skip("not accepted yet: run python -m tests.lower.acceptance")
    admitted = listed().get(setup.name, set())
    wrong = {each.name: each for each in verdicts(setup) if not each.agrees}
    unexpected = [wrong[name] for name in sorted(wrong.keys() - admitted)]
    report = "\n".join(f"{v.name}\n  got  {v.predicted}\n  want {v.measured}" for v in unexpected)
    assert not unexpected, report
    assert not admitted - wrong.keys(), "reproduced now: run python -m tests.lower.acceptance"


def test_admitted_cells_exist() -> None:
    cells = {setup.name: {each.name for each in verdicts(setup)} for setup in MEASURED}
    assert all(names <= cells.get(toolchain, set()) for toolchain, names in listed().items())
