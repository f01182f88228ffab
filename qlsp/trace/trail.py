"""The log of changes that lets an arm of an unknown condition be taken back.

Every change of a variable, attribute, list or dict goes through the trail. While a segment is open
the old value is kept, so that the arm can be undone and the other arm run from the same state.
"""

from __future__ import annotations

from typing import Any

from qlsp.trace.values import MISSING

_WHOLE = "<whole list>"
_ATTRIBUTE = "<attribute>"

Place = tuple[int, Any]
"""Identity of a place that can change: a container and a key in it."""


class Change:
    """What stands at one place."""

    __slots__ = ("container", "key", "value")

    def __init__(self, container: Any, key: Any, value: Any) -> None:
        self.container = container
        self.key = key
        self.value = value

    def apply(self) -> None:
        """Put the value at its place."""
        container, key, value = self.container, self.key, self.value
        if type(container) is list:
            container[:] = value
        elif type(container) is dict:
            if value is MISSING:
                container.pop(key, None)
            else:
                container[key] = value
        else:
            setattr(container, key[1], value)

    def current(self) -> Change:
        """What stands there now."""
        container, key = self.container, self.key
        if type(container) is list:
            value: Any = container.copy()
        elif type(container) is dict:
            value = container.get(key, MISSING)
        else:
            value = getattr(container, key[1])
        return Change(container, key, value)


Delta = dict[Place, Change]
"""What an arm left at the places it changed."""


class Trail:
    """Open segments, innermost last; each maps the places changed in it to their old values."""

    __slots__ = ("_born", "segments")

    def __init__(self) -> None:
        self.segments: list[Delta] = []
        self._born: list[set[int]] = []

    def born(self, container: dict[Any, Any]) -> None:
        """Announce a container made just now: taking back its changes can't matter to anyone."""
        if self._born:
            self._born[-1].add(id(container))

    def set(self, container: dict[Any, Any], key: Any, value: Any) -> None:
        """`container[key] = value`."""
        if self.segments:
            place = (id(container), key)
            segment = self.segments[-1]
            if place not in segment and place[0] not in self._born[-1]:
                segment[place] = Change(container, key, container.get(key, MISSING))
        container[key] = value

    def delete(self, container: dict[Any, Any], key: Any) -> None:
        """`container.pop(key, None)`."""
        if self.segments:
            place = (id(container), key)
            segment = self.segments[-1]
            if place not in segment:
                segment[place] = Change(container, key, container.get(key, MISSING))
        container.pop(key, None)

    def touch(self, items: list[Any]) -> None:
        """Announce a change of a list."""
        if self.segments:
            place = (id(items), _WHOLE)
            segment = self.segments[-1]
            if place not in segment:
                segment[place] = Change(items, _WHOLE, items.copy())

    def attribute(self, target: Any, name: str, value: Any) -> None:
        """`target.name = value` for a field of one of the tracer's own values."""
        if self.segments:
            key = (_ATTRIBUTE, name)
            place = (id(target), key)
            segment = self.segments[-1]
            if place not in segment:
                segment[place] = Change(target, key, getattr(target, name))
        setattr(target, name, value)

    def begin(self) -> None:
        """Open a segment."""
        self.segments.append({})
        self._born.append(set())

    def undo(self) -> None:
        """Close the last segment and take its changes back."""
        segment = self.segments.pop()
        self._born.pop()
        for old in segment.values():
            old.apply()

    def keep(self, position: int = -1) -> None:
        """Close a segment (the last one): its changes become changes of the one before."""
        segment = self.segments.pop(position)
        born = self._born.pop(position)
        before = position - 1 if position >= 0 else len(self.segments) - 1
        if before >= 0:
            outer = self.segments[before]
            for place, old in segment.items():
                outer.setdefault(place, old)
            self._born[before] |= born

    def write(self, change: Change) -> None:
        """Put a value at its place as a change of the open segment."""
        container, key, value = change.container, change.key, change.value
        if type(container) is list:
            self.touch(container)
            container[:] = value
        elif type(container) is dict:
            if value is MISSING:
                self.delete(container, key)
            else:
                self.set(container, key, value)
        else:
            self.attribute(container, key[1], value)
