"""Safe fixes in every style, and the proof by real Kerases that they change nothing."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.rules.styles import SAFE, Fixed
from tests.rules.support import fixed, tensorflow_python


@pytest.mark.parametrize("case", SAFE, ids=str)
def test_fixed_in_every_style(case: Fixed) -> None:
    assert fixed(case.before, case.settings, unsafe=False) == case.after


REFUSED = (
    "A KerasTensor cannot be used as input to a TensorFlow function",
    "Unrecognized keyword arguments passed to BatchNormalization",
)
"""What Keras 3 says to sources that a fix makes work, and so have nothing to compare with."""
ROUNDING = {"QL103 functional, the slow form": 1e-4}
"""Another kernel computes the same in another order; values are in the tens."""


@pytest.mark.slow
@pytest.mark.parametrize("legacy", ["1", "0"], ids=["tf_keras", "keras3"])
def test_computes_the_same(legacy: str) -> None:
    program = Path(__file__).with_name("same_function.py")
    pairs = [(case.before, case.after) for case in SAFE]
    result = subprocess.run(
        [tensorflow_python(), str(program)],
        input=json.dumps(pairs),
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "TF_USE_LEGACY_KERAS": legacy, "CUDA_VISIBLE_DEVICES": ""},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    differences = dict(zip(map(str, SAFE), json.loads(result.stdout), strict=True))
    if legacy == "0":
        differences = {
            name: found
            for name, found in differences.items()
            if not (isinstance(found, str) and any(text in found for text in REFUSED))
        }
        assert len(differences) > len(SAFE) / 2
    changed = {
        name: found
        for name, found in differences.items()
        if isinstance(found, str) or found > ROUNDING.get(name, 0)
    }
    assert changed == {}
