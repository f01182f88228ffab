"""Published models: what was measured of them is predicted, layer by layer."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from benchmarks.applications import comparisons
from benchmarks.published.models import MODELS, Published
from benchmarks.published.store import Store
from qlsp.source.document import Document
from qlsp.trace import Project, trace_builder


def _packages() -> Path | None:
    found = importlib.util.find_spec("tf_keras")
    return Path(found.origin).parents[1] if found and found.origin else None


PACKAGES = _packages()
PROJECT = Project(str(PACKAGES))
STORE = Store()
MEASURED = [model for model in MODELS if model.package == "tf_keras" and STORE.read(model)]


@pytest.mark.slow
@pytest.mark.skipif(PACKAGES is None, reason="tf_keras is not installed")
@pytest.mark.parametrize("model", MEASURED, ids=lambda model: model.title)
def test_layers_are_as_predicted(model: Published) -> None:
    record = STORE.read(model)
    assert record is not None
    graph = trace_builder(Document("published.py", model.source), "build", PROJECT)
    for comparison in comparisons(model, record, graph):
        assert comparison.right >= 0.99 * comparison.layers, comparison.wrong


def test_the_store_gives_back_what_it_got(tmp_path: Path) -> None:
    record = STORE.read(MEASURED[0])
    assert record is not None
    Store(tmp_path).write(MEASURED[0], record)
    assert Store(tmp_path).read(MEASURED[0]) == record
