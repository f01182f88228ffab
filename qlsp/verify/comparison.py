"""Two builds of a model: what changed in the conversion, and in the function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.lower.lowering import Op
from qlsp.settings import Settings
from qlsp.toolchain import Workflow
from qlsp.verify.channel import Progress
from qlsp.verify.measurement import Measurement
from qlsp.verify.mend import Mended, mend
from qlsp.verify.process import Limits
from qlsp.verify.quality import Latency
from qlsp.verify.session import Difference, Session, Weights
from qlsp.verify.target import Target
from qlsp.verify.verify import Report, verify

_TOLERANCE: Final = 1e-5
"""Largest difference of two equal functions, in terms of the output's magnitude: float32 sums
in another order differ by about 1e-7 per step."""


@dataclass(frozen=True)
class Comparison:
    """A model as it was, and as it is or would be."""

    before: Report
    after: Report
    differences: tuple[Difference, ...]
    """Per output, on random inputs with the same weights, in float."""
    incomparable: str = ""
    """Why the function could not be compared: which weights have no place in the other model."""
    mended: Mended | None = None
    """The fixes that lead from one to the other, if fixes do."""
    against: str = ""
    """How the user called the model as it was, e.g. `HEAD~1`, if fixes don't."""

    @property
    def latencies(self) -> tuple[tuple[Latency | None, Latency | None], ...]:
        """Per workflow before and after, measured interleaved; empty if not asked for."""
        return tuple(zip(self.before.latencies, self.after.latencies, strict=True))

    @property
    def same_function(self) -> bool:
        """Whether both compute the same, as far as random inputs tell."""
        return not self.incomparable and all(
            each.largest <= _TOLERANCE * max(each.magnitude, 1.0) for each in self.differences
        )

    @property
    def broken(self) -> bool:
        """Whether a fix that promised the same function did not keep it."""
        return self.mended is not None and not self.mended.unsafe and not self.same_function


@dataclass(frozen=True, slots=True)
class Surroundings:
    """In what both models are verified."""

    workflows: tuple[Workflow, ...]
    interpreter: Interpreter
    limits: Limits
    progress: Progress
    measure: bool = False
    """Whether noise and latency are measured too."""


def compare(before: Target, after: Target, surroundings: Surroundings) -> Comparison:
    """Verify two models, the second one also with the weights of the first.

    Raises `QlspError` if one of them can't be built.
    """
    weights: list[Weights] = []
    first = _verify(before, surroundings, " before", lambda session: weights.append(session.save()))
    return _against(first, weights[-1], after, surroundings)


def compare_fixed(
    target: Target, surroundings: Surroundings, settings: Settings, *, unsafe: bool
) -> tuple[Comparison | Report, Mended]:
    """Verify, fix in memory, and verify again with the same weights. Raises `QlspError`.

    Fixes are chosen for the workflows and the toolchain in which the model is verified. Just the
    report where none of them applies.
    """
    weights: list[Weights] = []
    before = _verify(target, surroundings, "", lambda session: weights.append(session.save()))
    assert before.toolchain is not None
    chosen = replace(settings, workflows=surroundings.workflows, toolchains=(before.toolchain,))
    mended = mend(target, before.model, chosen, unsafe=unsafe)
    if not mended.documents:
        return before, mended
    fixed = replace(target, texts={**target.texts, **mended.texts})
    return replace(_against(before, weights[-1], fixed, surroundings), mended=mended), mended


def _against(
    before: Report, weights: Weights, after: Target, surroundings: Surroundings
) -> Comparison:
    differences: list[tuple[Difference, ...]] = []
    reasons: list[str] = []

    def take_over(session: Session) -> None:
        try:
            differences.append(session.compare(weights))
        except QlspError as error:
            if session.over:
                raise
            reasons.append(str(error))

    report = _verify(after, surroundings, " after", take_over, before.measurements)
    count = len(before.measurements)
    return Comparison(
        replace(before, latencies=report.latencies[:count]),
        replace(report, latencies=report.latencies[count:]),
        differences[-1] if differences else (),
        reasons[-1] if reasons else "",
    )


def _verify(
    target: Target,
    surroundings: Surroundings,
    suffix: str,
    built: Callable[[Session], None],
    beside: Sequence[Measurement] = (),
) -> Report:
    return verify(
        target,
        surroundings.workflows,
        surroundings.interpreter,
        surroundings.limits,
        lambda doing: surroundings.progress(doing + suffix),
        built,
        measure=surroundings.measure,
        beside=beside,
    )


def changed_ops(before: Sequence[Op], after: Sequence[Op]) -> Mapping[str, int]:
    """By op as it is written, how many more there are after; those without change left out."""
    counts = Counter(map(str, after))
    counts.subtract(Counter(map(str, before)))
    return {name: count for name, count in sorted(counts.items()) if count}
