"""The versions on the road to the converted model."""

from __future__ import annotations

from typing import Literal, NamedTuple

Workflow = Literal["float", "ptq", "qat", "tf1"]
WORKFLOWS: tuple[Workflow, ...] = ("float", "ptq", "qat", "tf1")


class Toolchain(NamedTuple):
    """One exact combination of versions.

    `keras` is the flavour that builds the model: 2 for tf.keras up to TF 2.15 and for
    tf_keras, 3 for Keras 3. `tfmot` is None where it is not installed.
    """

    tensorflow: str
    keras: Literal[2, 3]
    tfmot: str | None

    def __str__(self) -> str:
        tfmot = f", tfmot {self.tfmot}" if self.tfmot else ""
        return f"TF {self.tensorflow}, Keras {self.keras}{tfmot}"


MEASURED: tuple[Toolchain, ...] = (
    Toolchain("1.15.5", 2, None),
    Toolchain("2.1.4", 2, "0.3.0"),
    Toolchain("2.5.3", 2, "0.5.0"),
    Toolchain("2.5.3", 2, "0.6.0"),
    Toolchain("2.8.4", 2, "0.7.0"),
    Toolchain("2.8.4", 2, "0.7.5"),
    Toolchain("2.15.1", 2, "0.8.0"),
    Toolchain("2.21.0", 2, "0.8.1"),
    Toolchain("2.21.0", 3, "0.8.1"),
)
"""The toolchains with evidence, oldest first."""
