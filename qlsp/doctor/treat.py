"""Mend a graph, measuring in the user's TensorFlow what only data can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from qlsp.discovery.interpreter import Interpreter
from qlsp.doctor.examine import Examination
from qlsp.doctor.graphdef import Graph
from qlsp.error import QlspError
from qlsp.lower.tf1.graph import Range
from qlsp.verify.channel import Progress
from qlsp.verify.process import Limits
from qlsp.verify.session import Session
from qlsp.verify.target import Target

RANDOM: Final = "random"
"""`--data random`: inputs that are uniform from -1 to 1."""


@dataclass(frozen=True)
class Treatment:
    """A mended graph, and the ranges that were put into it."""

    graph: Graph
    derived: Mapping[str, Range]
    """Per node a range that follows from a fake-quantization in the graph."""
    measured: Mapping[str, Range]
    """Per node a range that was measured."""
    inputs: Mapping[str, Range]
    """What the data fed; empty if nothing was measured."""
    examples: int
    random: bool


def treat(
    examination: Examination,
    data: str,
    interpreter: Interpreter,
    limits: Limits,
    progress: Progress,
    *,
    trust: bool = False,
) -> Treatment:
    """Mend what can be mended. Raises `QlspError`.

    `data` is representative data as of `Target`, `RANDOM`, or empty: then no range may be missing.
    """
    plan = examination.plan
    if plan is None:
        raise QlspError(f"{examination.file.name}: nothing of it can be mended")
    names = plan.unmeasured
    if not names:
        return Treatment(plan.mended({}), plan.known, {}, {}, 0, False)
    if not data:
        raise QlspError(
            f"{len(names)} ranges have to be measured, the first that of '{names[0]}': give "
            "inputs with --data FILE, or --data random to try it out"
        )
    with Session(interpreter, limits, progress) as session:
        if session.start() is None:
            raise QlspError(session.without("tensorflow"))
        file = session.folder / examination.file.name
        file.write_bytes(plan.view.graph.serialize())
        view = plan.view
        session.build(Target(file, "", inputs=view.inputs, outputs=view.outputs, trust=trust))
        answer = session.ranges(file, names, "" if data == RANDOM else data)
    measured = {name: usable(name, *ends) for name, ends in answer["ranges"].items()}
    inputs = {name: (ends[0], ends[1]) for name, ends in answer["inputs"].items()}
    return Treatment(
        plan.mended(measured), plan.known, measured, inputs, answer["examples"], data == RANDOM
    )


def usable(name: str, low: float, high: float) -> Range:
    """The range with 0 in it, as every quantized one has. Raises `QlspError` if it is only 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        raise QlspError(f"'{name}' is 0 on all of the data: its range can't be measured with it")
    return low, high
