"""`BatchNormalization(fused=…)` exists in Keras 2 only; rule QL103 relies on it."""

from __future__ import annotations

from qlsp.lower import Outcome, lower
from qlsp.toolchain import Toolchain
from tests.lower.test_lower import CONV, chain


def test_keras_3_refuses_fused() -> None:
    graph = chain(CONV, ("BatchNormalization", {"fused": True}))
    lowering = lower(graph, "ptq", Toolchain("2.21.0", 3, "0.8.1"))
    assert lowering.error is not None
    assert lowering.error.message == (
        "Unrecognized keyword arguments passed to BatchNormalization: {'fused': True}"
    )
    assert lowering.layers[2].outcome is Outcome.RAISES
    assert lower(graph, "ptq", Toolchain("2.21.0", 2, "0.8.1")).error is None
