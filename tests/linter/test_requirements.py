"""Code is held only against toolchains that have what it imports."""

from __future__ import annotations

import pytest

from qlsp.linter.requirements import able_to_run
from qlsp.toolchain import MEASURED, Toolchain

OLD = Toolchain("2.5.3", 2, "0.6.0")
LAST_KERAS_2 = Toolchain("2.15.1", 2, "0.8.0")
NEW_KERAS_2 = Toolchain("2.21.0", 2, "0.8.1")
KERAS_3 = Toolchain("2.21.0", 3, "0.8.1")
ALL = (OLD, LAST_KERAS_2, NEW_KERAS_2, KERAS_3)


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ((), ALL),
        (("keras.layers", "numpy"), ALL),
        (("keras.src.layers",), ALL[1:]),
        (("keras.ops",), ALL[3:]),
        (("keras.ops.relu", "keras.src"), ALL[3:]),
        (("keras.opsomething",), ALL),
    ],
)
def test_toolchains_without_what_is_imported_are_left_out(
    imports: tuple[str, ...], expected: tuple[Toolchain, ...]
) -> None:
    assert tuple(able_to_run(ALL, imports)) == expected


def test_pins_are_believed() -> None:
    assert tuple(able_to_run((OLD,), ("keras.ops",))) == (OLD,)


def test_some_measured_toolchain_has_each() -> None:
    for name in ("keras.src", "keras.ops"):
        assert 0 < len(able_to_run(MEASURED, (name,))) < len(MEASURED)
