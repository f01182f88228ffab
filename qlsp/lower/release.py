"""A TensorFlow release that remembers what it was asked.

What is computed of a release by comparing it alone holds for every other one that compares the
same. So a graph is lowered once for all the releases between which its ops don't differ.
"""

from __future__ import annotations

Version = tuple[int, int]


class Release(tuple[int, int]):
    """A version (major, minor); each comparison narrows `since` and `before`.

    Any other use of it, as a key or by its numbers, narrows them to itself.
    """

    since: Version
    """The first release that would have compared the same."""
    before: Version
    """The first one after those."""

    @classmethod
    def of(cls, version: Version) -> Release:
        """A release that was not asked anything yet."""
        release = cls(version)
        release.since, release.before = (0, 0), (1000, 0)
        return release

    def __ge__(self, other: tuple[int, ...]) -> bool:
        boundary = other[0], other[1]
        if tuple.__ge__(self, boundary):
            if boundary > self.since:
                self.since = boundary
            return True
        if boundary < self.before:
            self.before = boundary
        return False

    def __gt__(self, other: tuple[int, ...]) -> bool:
        return self >= (other[0], other[1] + 1)

    def __lt__(self, other: tuple[int, ...]) -> bool:
        return not self >= other

    def __le__(self, other: tuple[int, ...]) -> bool:
        return not self > other

    def __eq__(self, other: object) -> bool:
        self._pin()
        return tuple.__eq__(self, other)

    def __hash__(self) -> int:
        self._pin()
        return tuple.__hash__(self)

    def __getitem__(self, index: object) -> int:  # type: ignore[override]
        self._pin()
        return tuple.__getitem__(self, index)  # type: ignore[call-overload, no-any-return]

    def _pin(self) -> None:
        major, minor = tuple.__iter__(self)
        self.since, self.before = (major, minor), (major, minor + 1)
