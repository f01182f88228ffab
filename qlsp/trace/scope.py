"""Modules and scopes: where names live."""

from __future__ import annotations

import ast
import re
from bisect import bisect, bisect_left
from dataclasses import dataclass, field

from qlsp.source.document import Document
from qlsp.trace.values import Class, Value


@dataclass(slots=True, eq=False)
class Module:
    """A file of the program and what its body has bound so far."""

    name: str
    """Dotted name as the program imports it, `__main__` for the traced document."""
    document: Document
    package: str
    """The package that relative imports start from."""
    names: dict[str, Value] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    """Dotted paths outside the project whose names were imported with `*`."""
    state: str = "new"
    """`new`, `running` (its body is being run) or `done`."""

    _yields: list[int] | None = None
    """Lines that hold the word."""

    @property
    def path(self) -> str:
        """The document's path."""
        return self.document.path

    def may_yield(self, node: ast.stmt) -> bool:
        """Whether there is a `yield` in the lines of a statement."""
        if self._yields is None:
            found = re.finditer("yield", self.document.text)
            self._yields = [bisect(self.document.line_starts, each.start()) for each in found]
        at = bisect_left(self._yields, node.lineno)
        return at < len(self._yields) and self._yields[at] <= (node.end_lineno or node.lineno)


@dataclass(slots=True, eq=False)
class Scope:
    """The names of one function call, class body, comprehension or module."""

    names: dict[str, Value]
    module: Module
    parent: Scope | None = None
    function: str = ""
    """Qualified name of the function or class whose body this is."""
    owner: Class | None = None
    receiver: Value = None
    """First argument of the method that runs here, for `super()`."""
    shared: dict[str, Scope] | None = None
    """Names declared `global` or `nonlocal`, and where they live."""
    is_class: bool = False
    yields: list[Value] | None = None
    """What a generator gave so far."""

    def binding(self, name: str) -> dict[str, Value]:
        """The names into which an assignment to `name` goes."""
        if self.shared is not None and name in self.shared:
            return self.shared[name].names
        return self.names

    def closure(self) -> Scope:
        """The scope that functions defined here see: class bodies are not visible to them."""
        scope = self
        while scope.is_class and scope.parent is not None:
            scope = scope.parent
        return scope

    def outermost(self) -> Scope:
        """The module's scope."""
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope
