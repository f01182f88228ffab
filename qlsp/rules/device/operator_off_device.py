"""QL501 operator-off-device."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.rules import layers
from qlsp.rules.consequence import Fate, consequence
from qlsp.rules.device.devices import Device, device
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule
from qlsp.trace.graph import Node


class OperatorOffDevice(Rule):
    """A layer becomes an operator that the project's device does not run.

    ## What it does
    Where `[tool.qlsp]` names a `device`, finds layers with an integer operator that the device has
    no kernel for.

    ## Why it matters
    Vela, the compiler for Ethos-U, leaves an operator that the NPU does not run to the processor
    beside it, and cuts the model in two there: the feature map is handed over twice. On a
    microcontroller, the processor may lack the kernel as well. TensorFlow Lite Micro stops with
    `Didn't find op for builtin opcode` when the model is loaded.

    | `device` | operators from |
    |---|---|
    | `ethos-u55`, `ethos-u65` | 55, Vela 5.2.0 (`vela --supported-ops-report`) |
    | `ethos-u85` | 74, the same report |
    | `tflm` | 100, the kernels in the Python package tflite-micro of 2026-10-23 |
    | `edgetpu` | 35, from two copies of Coral's table, neither with a date |

    The Edge TPU compiler is not at hand, and Coral's table only in copies: that of Axis (the Edge
    TPU in ARTPEC-7) is whole from `Add` to `ResizeBilinear`, and behind that there is one of 2019.
    So an operator behind `RESIZE_BILINEAR` in the alphabet (`RSQRT`, `SUM`, `TRANSPOSE`,
    `TRANSPOSE_CONV`, …) is not reported. That compiler places on the device only what comes
    before the first operator that it does not map: everything behind it runs on the processor.

    The name may tell the size too, as in Vela (`ethos-u55-128`).

    ## How to fix it
    Use a layer with an operator that is there, or cut the model so that the operator is its first
    or last.

    ## When it does not apply
    Only the operator's name is compared. An operator that the NPU runs may miss one of its
    constraints (sizes, strides, constant operands); Vela reports those. Operators in float are
    reported by other rules. A model converted with a batch of unknown size gets operators that a
    fixed one does not have: see [dynamic-batch](dynamic-batch.md).

    ## References
    - [Vela](https://pypi.org/project/ethos-u-vela/),
      [TensorFlow Lite Micro](https://github.com/tensorflow/tflite-micro),
      [Axis: operators of ARTPEC-7](https://developer.axis.com/computer-vision/on-device/system-on-chip/artpec-7/supported-ops/),
      [Coral: models on the Edge TPU](https://coral.ai/docs/edgetpu/models-intro/)
    """

    code = "QL501"
    name = "operator-off-device"
    applicability = None
    workflows = ("ptq", "qat")
    bad = (
        Case(
            "an activation that Vela leaves to the processor",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.Activation("softsign")(x)
            """,
            workflows=("ptq",),
            device="ethos-u55-128",
        ),
        Case(
            "an activation without a kernel",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.Activation("gelu")(x)
            """,
            workflows=("ptq",),
            device="tflm",
        ),
        Case(
            "an activation that the Edge TPU compiler does not map",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.LeakyReLU()(x)
            """,
            workflows=("ptq",),
            device="edgetpu",
        ),
    )
    good = (
        Case(
            "the same on an NPU that runs it",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.Activation("gelu")(x)
            """,
            workflows=("ptq",),
            device="ethos-u55-128",
        ),
        Case(
            "an operator of which it is not known whether the Edge TPU runs it",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.Permute((2, 1, 3))(x)
            """,
            workflows=("ptq",),
            device="edgetpu",
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer with an operator that the device lacks."""
        target = None if model.device is None else device(model.device)
        if target is None:
            return
        for node in model.flat.nodes:
            found = consequence(_off(model, node, target))
            if found is None or node in model.mended_by_static_batch:
                continue
            what = layers.label_with_activation(node) if node.kind == "layer" else node.cls
            why = (
                f"an operator that {target.title} leaves to the processor"
                if target.has_processor
                else f"an operator for which {target.title} has no kernel"
            )
            yield Finding(node, f"{what} becomes {why}: {found.text}", found)


def _off(model: LoweredGraph, node: Node, target: Device) -> Fate:
    """What becomes of a layer, as if the operators that the device lacks were all of it."""
    found = {}
    for cell, layer in model.fate(node).items():
        off = tuple(op for op in layer.ops if op.type != "FLOAT32" and target.lacks(op.name))
        outcome = Outcome.EXTRA_OPS if off else Outcome.OWN_OP
        found[cell] = layer._replace(outcome=outcome, ops=off)
    return found
