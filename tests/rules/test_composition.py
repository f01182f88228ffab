"""The fixes of all rules together, on the examples: they end, and nothing gets worse."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from benchmarks.precision.fixes import check
from qlsp.source.document import Document
from qlsp.trace import Project

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.py")), ids=lambda file: file.stem)
def test_fixes_end_and_nothing_lowers_worse(file: Path) -> None:
    applied: Counter[str] = Counter()
    assert list(check(Document.read(str(file)), Project(EXAMPLES), applied)) == []
    assert applied or file.stem in {"segmentation_clean", "mobilenet_v1"}
