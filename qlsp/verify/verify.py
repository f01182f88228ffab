"""Build a model in the user's interpreter and measure what each workflow makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.lower.lowering import Outcome
from qlsp.toolchain import Toolchain, Workflow
from qlsp.verify.findings import Finding, findings
from qlsp.verify.measurement import Measurement
from qlsp.verify.model import BuiltModel
from qlsp.verify.prediction import Prediction, predict
from qlsp.verify.process import Limits
from qlsp.verify.session import Progress, Session, Target, Versions

_OLDEST = (2, 1)


@dataclass(frozen=True)
class Report:
    """Everything measured about one model."""

    target: Target
    interpreter: Interpreter
    versions: Versions
    model: BuiltModel
    measurements: tuple[Measurement, ...]
    """One per workflow asked for, in that order."""
    prediction: Prediction
    seconds: Mapping[str, float]
    """Time spent, by what was done."""

    @property
    def toolchain(self) -> Toolchain:
        """The exact toolchain the model was built and converted with."""
        return _toolchain(self.versions, self.model)

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
) -> Report:
    """Build `target` and convert it by each workflow. Raises `QlspError`.

    A workflow in which the converter raises, or ends the process, is a measurement too. `built`
    is called when the model is there and not yet converted.
    """
    measurements: list[Measurement] = []
    seconds: Counter[str] = Counter()
    while True:
        with Session(interpreter, limits, progress) as session:
            versions, model = open_model(session, target, interpreter)
            if "qat" in workflows and versions.tfmot is None:
                raise QlspError(
                    session.without("tensorflow-model-optimization")
                    + "; or leave qat out with --workflow"
                )
            built(session)
            toolchain = _toolchain(versions, model)
            for workflow in workflows[len(measurements) :]:
                measurements.append(_measure(session, workflow, model, toolchain))
                if session.over:
                    break
            seconds.update(session.seconds)
        if len(measurements) == len(workflows):
            prediction = predict(target, workflows, toolchain)
            return Report(
                target, interpreter, versions, model, tuple(measurements), prediction, seconds
            )


def _measure(
    session: Session, workflow: Workflow, model: BuiltModel, toolchain: Toolchain
) -> Measurement:
    found = Measurement.of(session.convert(workflow), model, toolchain)
    if workflow != "qat" or not found.islands or session.over:
        return found
    again = session.convert(workflow, representative=True)
    calibrated = Measurement.of(again, model, toolchain)
    return replace(found, calibrated=calibrated.error is None and not calibrated.islands)


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
                "2.1 is the oldest that can be verified"
            )
    model = session.build(target)
    if versions is None:
        raise QlspError(session.without("tensorflow"))
    return versions, model


def _toolchain(versions: Versions, model: BuiltModel) -> Toolchain:
    return Toolchain(versions.tensorflow, model.keras, versions.tfmot)
