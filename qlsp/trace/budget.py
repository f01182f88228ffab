"""Limits that keep a trace bounded in time and memory, whatever the source is."""

from __future__ import annotations

from dataclasses import dataclass


class OutOfFuelError(Exception):
    """The root may not go on; what was found so far stands."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a program is followed."""

    fuel: int = 150_000
    """Steps (statements, calls, loop turns, items made) per root: four times what the largest
    published architecture takes, and one or two seconds."""
    total: int = 450_000
    """Steps per document."""
    finish: int = 30_000
    """Steps more for turning what a root made into graphs, once it has run out."""
    patience: int = 2_500
    """Steps that a root may go on without making a layer: 2.5 times the longest way between two
    layers in the published architectures."""
    calls: int = 60
    """Depth of calls interpreted in place."""
    turns: int = 5_000
    """Turns of one loop."""
    nodes: int = 20_000
    """Layer applications per root."""
    items: int = 100_000
    """Length of a string, list or number of bits that an operation may make."""
    options: int = 6
    """Alternatives kept for one value; more become unknown."""
    variants: int = 1_000
    """Builders traced of those that differ in nothing but numbers and names."""


class Budget:
    """The steps a root may still make."""

    __slots__ = ("_found", "_kept", "found", "fuel", "left", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.total
        self.fuel = 0
        """Steps until the next look at what was made."""
        self._kept = 0
        """Steps of the root after that."""
        self.found = 0
        """Layers made and applied, and calls of converters and tfmot, so far."""
        self._found = 0

    def begin(self, patience: int | None = None) -> None:
        """Start a root; `patience` is another than that of the limits."""
        granted = min(self.limits.fuel, self.left)
        self.left -= granted
        self.fuel = min(patience or self.limits.patience, granted)
        self._kept = granted - self.fuel
        self._found = self.found

    @property
    def patience(self) -> int | None:
        """What is left to a root that has made nothing; None for the whole, as it has."""
        return None if self.found > self._found else max(self.fuel, 1)

    def end(self) -> None:
        """Give back what a root did not use; what is made of it has an allowance of its own."""
        self.left += max(self.fuel, 0) + self._kept
        self.fuel, self._kept = self.limits.finish, 0

    def spend(self, steps: int = 1) -> None:
        """Take `steps`; raises `OutOfFuelError` when none are left."""
        self.fuel -= steps
        if self.fuel < 0:
            self._go_on()

    def _go_on(self) -> None:
        """Grant more steps if layers were made with the last."""
        if self._kept and self.found > self._found:
            granted = min(self.limits.patience, self._kept)
            self._kept -= granted
            self.fuel += granted
            self._found = self.found
        if self.fuel < 0:
            raise OutOfFuelError
