"""One form of a layer that is other ops under other versions or shapes."""

from __future__ import annotations

from dataclasses import dataclass

from qlsp.lower.behaviour import Version
from qlsp.lower.expansion import Expansion


@dataclass(frozen=True, slots=True)
class Case:
    """The ops of a layer, in the notation of `programs.py`, and when they hold."""

    program: str | None
    """None: it has not been measured."""
    keras: int | None = None
    static: bool | None = None
    """Whether the batch axis has a fixed size."""
    constants_first: bool | None = None
    """See `Expansion.constants_first`."""
    ranks: tuple[int, ...] = ()
    """Ranks of the input; empty for any."""
    since: Version = (0, 0)
    until: Version = (99, 0)
    refusal: tuple[str, str] | None = None
    """Type and message of the exception that it raises instead."""
    lacks: str = ""
    """The TensorFlow op that the converter can't convert."""
    calibrated: bool | None = None
    """Whether the converter gets representative data."""

    where: tuple[tuple[str, object], ...] = ()
    """Values of arguments, defaults included, with which alone it is known."""
    below: tuple[str, float, float] | None = None
    """An argument, its default, and what it has to be less than."""

    def holds(self, expansion: Expansion) -> bool:
        """Whether the current layer is of this case."""
        return (
            self.keras in {None, expansion.keras}
            and self.static in {None, expansion.static_batch}
            and (self.constants_first is None or self.constants_first == expansion.constants_first)
            and (not self.ranks or expansion.rank() in self.ranks)
            and self.since <= expansion.behaviour.tensorflow <= self.until
            and self.calibrated in {None, expansion.calibrated}
            and all(expansion.attr(key, value) == value for key, value in self.where)
            and (self.below is None or expansion.attr(*self.below[:2]) < self.below[2])
        )
