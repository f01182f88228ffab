"""Build a model in the user's interpreter and measure what each workflow makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.lower.lowering import Outcome
from qlsp.toolchain import Toolchain, Workflow
from qlsp.verify.channel import Progress
from qlsp.verify.findings import Finding, findings
from qlsp.verify.flatbuffer import Subgraph, read_model
from qlsp.verify.measurement import Measurement
from qlsp.verify.model import BuiltModel, Input, Layer
from qlsp.verify.prediction import Prediction, predict
from qlsp.verify.process import LimitError, Limits
from qlsp.verify.quality import Latency, Noise, latencies, noise
from qlsp.verify.session import Conversion, Session, Versions
from qlsp.verify.target import Target
from qlsp.verify.vela import Placement

_OLDEST = (1, 15)
_ELSEWHERE: Final = Toolchain("", 2, None)
"""Of a model that was converted before it came here."""


class WorkflowError(QlspError):
    """One workflow can't be had, through no fault of the converter; others may well be."""

    def __init__(self, workflow: Workflow, message: str, limit: str = "") -> None:
        super().__init__(message)
        self.workflow = workflow
        self.limit = limit
        """The limit that it went over, if that was it: a field of `Limits`."""


@dataclass(frozen=True)
class Report:
    """Everything measured about one model."""

    target: Target
    interpreter: Interpreter | None
    """None for a model that was converted elsewhere, and so are the versions."""
    versions: Versions | None
    model: BuiltModel
    measurements: tuple[Measurement, ...]
    """One per workflow asked for, in that order."""
    prediction: Prediction
    seconds: Mapping[str, float]
    """Time spent, by what was done."""
    noises: tuple[Noise | None, ...] = ()
    """Per measurement, where that was asked for; None for what was not quantized."""
    latencies: tuple[Latency | None, ...] = ()
    """Per measurement, all of them interleaved, where that was asked for."""
    placements: tuple[Placement | None, ...] = ()
    """Per measurement what Vela makes of it, where a device was named."""

    @property
    def toolchain(self) -> Toolchain | None:
        """The exact toolchain the model was built and converted with."""
        return None if self.versions is None else _toolchain(self.versions, self.model)

    @cached_property
    def findings(self) -> tuple[tuple[Finding, ...], ...]:
        """Per measurement what is worse than it has to be."""
        return tuple(findings(measurement) for measurement in self.measurements)

    @property
    def worse(self) -> bool:
        """Whether any workflow has an op that should have fused, a float island or an error."""
        return any(self.findings)

    def count(self, index: int, outcome: Outcome) -> int:
        """How many findings of a kind the measurement at `index` has."""
        return sum(finding.outcome is outcome for finding in self.findings[index])


def verify(
    target: Target,
    workflows: Sequence[Workflow],
    interpreter: Interpreter,
    limits: Limits,
    progress: Progress,
    built: Callable[[Session], None] = lambda session: None,
    *,
    measure: bool = False,
    beside: Sequence[Measurement] = (),
    measured: Callable[[Report], None] | None = None,
) -> Report:
    """Build `target` and convert it by each workflow. Raises `QlspError`.

    Without workflows a model file is converted as its kind asks for. A workflow in which the
    converter raises, or ends the process, is a measurement too. `built` is called when the model
    is there and not yet converted. With `measure` also noise and latency, interleaved with that of
    the measurements `beside`, whose latencies come first. `measured` is given each workflow's part
    of the report as soon as there is one.
    """
    measurements: list[Measurement] = []
    seconds: Counter[str] = Counter()
    while True:
        with Session(interpreter, limits, progress) as session:
            versions, model = open_model(session, target, interpreter)
            workflows = workflows or _natural(target, model)
            if "qat" in workflows and not model.quantized and versions.tfmot is None:
                missing = session.without("tensorflow-model-optimization")
                raise WorkflowError("qat", missing + "; or leave qat out with --workflow")
            built(session)
            toolchain = _toolchain(versions, model)
            for workflow in workflows[len(measurements) :]:
                measurement = _measure(session, workflow, model, toolchain)
                measurements.append(measurement)
                if measured is not None:
                    alone = predict(target, (workflow,), toolchain)
                    measured(
                        Report(target, interpreter, versions, model, (measurement,), alone, {})
                    )
                if session.over:
                    break
            noises: tuple[Noise | None, ...] = ()
            times: tuple[Latency | None, ...] = ()
            if measure and not session.over:
                noises = _noises(session, measurements, model, toolchain)
                times = latencies(session, [*beside, *measurements])
            seconds.update(session.seconds)
        if len(measurements) == len(workflows):
            prediction = predict(target, workflows, toolchain)
            return Report(
                target,
                interpreter,
                versions,
                model,
                tuple(measurements),
                prediction,
                seconds,
                noises,
                times,
            )


def _noises(
    session: Session, measurements: Sequence[Measurement], model: BuiltModel, toolchain: Toolchain
) -> tuple[Noise | None, ...]:
    plain = [each for each in measurements if each.workflow == "float"]
    reference = plain[0] if plain else Measurement.of(session.convert("float"), model, toolchain)
    return tuple(
        None if each.workflow == "float" else noise(session, each, reference)
        for each in measurements
    )


def read_file(target: Target) -> Report:
    """A `.tflite` model, as some converter left it. Raises `QlspError`."""
    try:
        content = target.file.read_bytes()
    except OSError as error:
        raise QlspError(f"{target.file}: {error.strerror or error}") from None
    flat = read_model(content)
    inputs = tuple(
        Input(
            tensor.name, tuple(None if size < 0 else size for size in tensor.signature), tensor.type
        )
        for tensor in (flat.main.tensors[index] for index in flat.main.inputs if index >= 0)
    )
    root = Layer(0, None, target.file.stem, "Graph", "", (), 0)
    model = BuiltModel(target.file.stem, 2, inputs, (root,), {}, 0)
    workflow: Workflow = "ptq" if any("INT8" in op.type for op in flat.ops) else "float"
    conversion = Conversion(workflow, content, None, _integer_io(flat.main), {}, 0.0)
    measurement = Measurement.of(conversion, model, _ELSEWHERE)
    prediction = predict(target, (), _ELSEWHERE)
    return Report(target, None, None, model, (measurement,), prediction, {})


def _integer_io(graph: Subgraph) -> bool:
    ends = [graph.tensors[index] for index in (*graph.inputs, *graph.outputs) if index >= 0]
    return all(tensor.type != "FLOAT32" for tensor in ends)


def _measure(
    session: Session, workflow: Workflow, model: BuiltModel, toolchain: Toolchain
) -> Measurement:
    try:
        conversion = session.convert(workflow)
    except LimitError as error:
        raise WorkflowError(workflow, str(error), error.limit) from None
    found = Measurement.of(conversion, model, toolchain)
    if workflow != "qat" or not found.islands or session.over:
        return found
    again = session.convert(workflow, representative=True)
    calibrated = Measurement.of(again, model, toolchain)
    return replace(found, calibrated=calibrated.error is None and not calibrated.islands)


def _natural(target: Target, model: BuiltModel) -> tuple[Workflow, ...]:
    if not model.quantized:
        return ("ptq",)
    return ("tf1",) if target.file.suffix == ".pb" else ("qat",)


def open_model(
    session: Session, target: Target, interpreter: Interpreter
) -> tuple[Versions, BuiltModel]:
    """Start the session and build the model. Raises `QlspError`."""
    versions = session.start()
    if versions is not None:
        numbers = tuple(int(part) for part in versions.tensorflow.split(".")[:2])
        if numbers < _OLDEST:
            raise QlspError(
                f"{interpreter.path} has TensorFlow {versions.tensorflow}; "
                "1.15 is the oldest that can be verified; choose another interpreter with --python"
            )
    model = session.build(target)
    if versions is None:
        raise QlspError(session.without("tensorflow"))
    return versions, model


def _toolchain(versions: Versions, model: BuiltModel) -> Toolchain:
    return Toolchain(versions.tensorflow, model.keras, versions.tfmot)
