"""One lowering serves every release that compares the same."""

from __future__ import annotations

import pytest

from qlsp.evidence.patterns import patterns
from qlsp.lower import lower
from qlsp.lower.release import Release
from qlsp.source.document import Document
from qlsp.toolchain import MEASURED, Workflow
from qlsp.trace import LayerGraph, trace_builder
from qlsp.trace.graph import Flavour

TOOLCHAINS = [each for each in MEASURED if each.tensorflow.startswith("2")]


@pytest.mark.parametrize(
    ("ask", "since", "before"),
    [
        (lambda release: release >= (2, 5), (2, 5), (1000, 0)),
        (lambda release: release >= (2, 15), (0, 0), (2, 15)),
        (lambda release: (2, 5) <= release <= (2, 8), (2, 5), (2, 9)),
        (lambda release: release < (2, 8), (2, 8), (1000, 0)),
        (lambda release: release > (2, 5), (2, 6), (1000, 0)),
        (lambda release: release == (2, 5), (2, 8), (2, 9)),
        (lambda release: release[1], (2, 8), (2, 9)),
        (lambda release: hash(release), (2, 8), (2, 9)),
    ],
)
def test_release_remembers(ask, since, before) -> None:  # type: ignore[no-untyped-def]
    release = Release.of((2, 8))
    assert ask(release) == ask((2, 8))
    assert (release.since, release.before) == (since, before)


@pytest.mark.parametrize("workflow", ["float", "ptq", "qat"])
@pytest.mark.parametrize("flavour", ["tf.keras", "keras3"])
def test_shared_lowerings_are_those_of_each_release(workflow: Workflow, flavour: Flavour) -> None:
    for pattern in patterns(flavour)[::12]:
        text = pattern.source(flavour)
        shared = _graph(text)
        for toolchain in TOOLCHAINS:
            found = lower(shared, workflow, toolchain)
            assert found == lower(_graph(text), workflow, toolchain), (pattern.name, toolchain)


def _graph(text: str) -> LayerGraph:
    return trace_builder(Document("pattern.py", text), "build")
