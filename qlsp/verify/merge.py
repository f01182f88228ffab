"""Give a model in fusable form what the same model has learned in an unfusable one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from packaging.version import Version

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.lower.lowering import ConversionError
from qlsp.settings import Settings
from qlsp.toolchain import Toolchain
from qlsp.verify.channel import Progress
from qlsp.verify.findings import Finding, findings
from qlsp.verify.measurement import Measurement
from qlsp.verify.mend import mend
from qlsp.verify.messages import last_line
from qlsp.verify.model import BuiltModel
from qlsp.verify.process import Limits
from qlsp.verify.session import Conversion, Session
from qlsp.verify.target import Target
from qlsp.verify.verify import open_model

_QUANTIZES_BEHIND_RELU: Final = "0.6.0"
"""The first tfmot that quantizes what comes out of a ReLU, and not what goes in."""
STEP: Final = 1.001
"""Largest difference that counts as one quantization step, floats being rounded."""


@dataclass(frozen=True, slots=True)
class Range:
    """The range of one quantizer of the merged model."""

    name: str
    low: float
    high: float
    source: str
    """The trained quantizer that learned it; `weights` or `data` where it was computed."""
    steps: float
    """Largest difference from the trained model's quantized values in quantization steps, all
    layers before being as in the trained model.
    """


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far an output of the converted merged model is from the converted trained one."""

    steps: float
    """Largest difference, in quantization steps."""
    outside: int
    """Elements that are more than one step apart."""
    elements: int
    own_steps: float
    """Largest difference of the converted trained model from itself in training."""


@dataclass(frozen=True)
class Merge:
    """A trained model, merged and converted."""

    target: Target
    toolchain: Toolchain
    notes: tuple[str, ...]
    """What was done besides copying weights."""
    ranges: tuple[Range, ...]
    trained: Measurement
    merged: Measurement
    content: bytes
    """The merged model's `.tflite` file."""
    examples: int
    """On how many inputs the agreement was measured."""
    agreement: tuple[Agreement, ...]
    """Per output; empty if the trained model can't be converted."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is still worse than it has to be."""
        return findings(self.merged)

    @property
    def agrees(self) -> bool:
        """Whether every layer computes what the trained one does, up to a quantization step."""
        return all(each.steps <= STEP for each in self.ranges)


@dataclass(frozen=True, slots=True)
class Trained:
    """What was trained."""

    file: Path
    """`.h5`, `.keras` or a SavedModel's folder; weights only where there is a `builder`."""
    builder: Target | None = None
    """The model, before `quantize_model`, whose weights the file holds."""
    trust: bool = False
    """Whether code in the file may run."""


def merge(
    trained: Trained,
    target: Target,
    interpreter: Interpreter,
    limits: Limits,
    progress: Progress,
    *,
    data: Path | None = None,
    settings: Settings | None = None,
) -> Merge:
    """Merge what was trained into the model of `target`, and convert. Raises `QlspError`.

    With `settings`, `target` is the model as it was trained, and qlsp's fixes are applied to it.
    `data` is a file of representative inputs.
    """
    restored = None if trained.builder is None else _restore(trained, interpreter, limits, progress)
    if settings is not None:
        target = _fixed(target, interpreter, limits, progress, settings)
    with Session(interpreter, limits, progress) as session:
        versions, model = open_model(session, target, interpreter)
        if versions.tfmot is None:
            raise QlspError(session.without("tensorflow-model-optimization"))
        toolchain = Toolchain(versions.tensorflow, model.keras, versions.tfmot)
        file = trained.file
        if restored is not None:
            file = session.folder / "trained.h5"
            file.write_bytes(restored)
        answer = session.merge(file, trust=trained.trust or restored is not None, data=data)
        before, after = (_measured(each, model, toolchain) for each in answer["models"])
        if after.error is not None:
            raise QlspError(
                f"the converter raises {after.error.type} on the merged model: "
                + last_line(after.error.message)
            )
        return Merge(
            target,
            toolchain,
            tuple(answer["notes"]),
            tuple(Range(**each) for each in answer["ranges"]),
            before,
            after,
            Path(answer["models"][1]["file"]).read_bytes(),
            answer["examples"],
            tuple(Agreement(**each) for each in answer.get("outputs", ())),
        )


def _restore(
    trained: Trained, interpreter: Interpreter, limits: Limits, progress: Progress
) -> bytes:
    assert trained.builder is not None
    with Session(interpreter, limits, progress) as session:
        open_model(session, trained.builder, interpreter)
        return session.restore(trained.file)


def _fixed(
    target: Target,
    interpreter: Interpreter,
    limits: Limits,
    progress: Progress,
    settings: Settings,
) -> Target:
    """`target` with the safe fixes for its toolchain, in memory."""
    with Session(interpreter, limits, progress) as session:
        versions, model = open_model(session, target, interpreter)
    # Merging leaves the output before a ReLU unquantized, as tfmot does from 0.6 on.
    tfmot = versions.tfmot or _QUANTIZES_BEHIND_RELU
    tfmot = max(tfmot, _QUANTIZES_BEHIND_RELU, key=Version)
    toolchain = Toolchain(versions.tensorflow, model.keras, tfmot)
    chosen = replace(settings, workflows=("qat",), toolchains=(toolchain,))
    mended = mend(target, model, chosen, unsafe=False)
    made = {(Path(place.file), place.line) for layer in model.layers for place in layer.site}
    if not any(
        (Path(each.path), line) in made
        for each in mended.applied
        for line in range(each.span.line, each.span.end_line + 1)
    ):
        raise QlspError(f"{target}: no safe fix applies to it with {toolchain}")
    return replace(target, texts={**target.texts, **mended.texts})


def _measured(answer: Mapping[str, Any], model: BuiltModel, toolchain: Toolchain) -> Measurement:
    failure = answer.get("failure")
    error = failure and ConversionError(failure["type"], failure["message"], None, failure["stage"])
    content = Path(answer["file"]).read_bytes() if answer["file"] else None
    aliases = answer.get("aliases", {})
    return Measurement.of(Conversion("qat", content, error, True, aliases, 0.0), model, toolchain)
