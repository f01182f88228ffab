"""The toolchains that are measured, and what each of them needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qlsp.error import QlspError
from qlsp.evidence.table import Measurement, file_stem
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import Flavour


@dataclass(frozen=True, slots=True)
class Setup:
    """How a toolchain is installed and through which package its patterns are written."""

    toolchain: Toolchain
    python: str
    """The Python version that its wheels are for."""
    pins: str
    """The file of exact versions in `constraints/`, tfmot apart."""
    flavour: Flavour
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that it is run with."""

    @property
    def name(self) -> str:
        """The name on the command line and of the data file: `tf2.5.3-keras2-tfmot0.6.0`."""
        return file_stem(self.toolchain)

    @property
    def workflows(self) -> tuple[Measurement, ...]:
        """What is measured on it."""
        if self.flavour == "tf1":
            return ("tf1",)
        return ("float", "ptq", "qat", "qat_data")


_LEGACY = {"TF_USE_LEGACY_KERAS": "1"}
"""What tfmot sets from 0.8.0 on, which works on `tf_keras` then."""

SETUPS = (
    Setup(Toolchain("2.21.0", 2, "0.8.1"), "3.11", "tf221.txt", "tf_keras", _LEGACY),
    Setup(Toolchain("2.21.0", 3, "0.8.1"), "3.11", "tf221.txt", "keras3"),
    Setup(Toolchain("2.15.1", 2, "0.8.0"), "3.11", "tf215.txt", "tf_keras", _LEGACY),
    Setup(Toolchain("2.8.4", 2, "0.7.5"), "3.10", "tf28.txt", "tf.keras"),
    Setup(Toolchain("2.8.4", 2, "0.7.0"), "3.10", "tf28.txt", "tf.keras"),
    Setup(Toolchain("2.5.3", 2, "0.6.0"), "3.9", "tf25.txt", "tf.keras"),
    Setup(Toolchain("2.5.3", 2, "0.5.0"), "3.9", "tf25.txt", "tf.keras"),
    Setup(Toolchain("2.1.4", 2, "0.3.0"), "3.7", "tf21.txt", "tf.keras"),
    Setup(Toolchain("1.15.5", 2, None), "3.7", "tf115.txt", "tf1"),
)
"""Newest first."""


def setup(name: str) -> Setup:
    """The setup of that name. Raises `QlspError`."""
    for candidate in SETUPS:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in SETUPS)
    raise QlspError(f"no toolchain '{name}' is known; known are {known}")
