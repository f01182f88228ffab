"""Rules about calls: what a program does with converters, tfmot and built models."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import Version

from qlsp.diagnostic import Applicability, Related, Severity
from qlsp.rules.cells import Cell
from qlsp.rules.consequence import Consequence, clauses_of, hint
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite.statements import Change
from qlsp.rules.rule import Finding, Rule
from qlsp.source.document import Document
from qlsp.source.span import Site
from qlsp.source.syntax import Place
from qlsp.toolchain import Toolchain, Workflow
from qlsp.trace.program import Call


@dataclass(frozen=True)
class Usage:
    """The calls of one root, with what decides what they lead to."""

    calls: tuple[Call, ...]
    document: Document
    toolchains: tuple[Toolchain, ...]
    imports_tfmot: bool
    outer: tuple[Call, ...] = ()
    """What the module's body does before, where this is not it."""

    @property
    def with_tfmot(self) -> tuple[Toolchain, ...]:
        """The toolchains that have tfmot, with the Keras that it takes."""
        return tuple(each for each in self.toolchains if each.tfmot and each.keras == 2)

    def source(self, site: Site | None) -> Document | None:
        """The document that `site` stands in, if it is the one that is judged."""
        return self.document if site is not None and site.path == self.document.path else None

    def stays_local(self, made: Call, used: Call) -> bool:
        """Whether nothing but what is followed can change an object between two calls.

        One that is kept in an attribute may be changed by any method of its owner, unless it is
        made and used in one function.
        """
        places = [
            Place.find(self.document, call.site.span)
            for call in (made, used)
            if call.site is not None and call.site.path == self.document.path
        ]
        match places:
            case [Place() as one, Place(node=ast.Call(func=ast.Attribute(value=held))) as other]:
                return not isinstance(held, ast.Attribute) or one.scope is other.scope
        return False

    def before(self, call: Call) -> Sequence[Call]:
        """The calls that are made before `call`."""
        return (*self.outer, *self.calls[: _index(self.calls, call)])

    def after(self, call: Call) -> Sequence[Call]:
        """The calls that are made after `call`."""
        return self.calls[_index(self.calls, call) + 1 :]


def _index(calls: Sequence[Call], call: Call) -> int:
    return next(index for index, each in enumerate(calls) if each is call)


@dataclass(frozen=True, slots=True)
class CallRewrite:
    """One way to mend a fault; the linter takes the first that leaves fewer faults."""

    title: str
    applicability: Applicability
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class CallFinding:
    """A fault at one call."""

    call: Call
    message: str
    consequence: Consequence
    site: Site | None = None
    """The place to mark, where it is not the call."""
    related: tuple[Related, ...] = ()
    rewrites: tuple[CallRewrite, ...] = ()

    @property
    def place(self) -> Site | None:
        """What to mark."""
        return self.site or self.call.site


class CallRule(Rule):
    """A rule that judges calls, not layers."""

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Nothing: a layer graph holds no calls."""
        yield from ()

    @abstractmethod
    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """The faults of one root."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call leads to under one toolchain."""

    text: str
    severity: Severity = Severity.WARNING


def raises(text: str) -> Effect:
    """The call, or a later one, raises."""
    return Effect(text, Severity.ERROR)


def told(
    toolchains: Sequence[Toolchain],
    effect: Effect | Callable[[Toolchain], Effect | None],
    workflow: Workflow = "ptq",
) -> Consequence | None:
    """What `effect` is over all toolchains, in words; None if it is nothing anywhere.

    As severe as the mildest, and information where some toolchains have no such effect.
    """
    effects: Mapping[Toolchain, Effect | None] = {
        each: effect if isinstance(effect, Effect) else effect(each) for each in toolchains
    }
    bad = {toolchain: found for toolchain, found in effects.items() if found is not None}
    if not bad:
        return None
    severity = min((found.severity for found in bad.values()), key=lambda each: each.rank)
    where: dict[str, list[Toolchain]] = {}
    for toolchain, found in bad.items():
        where.setdefault(found.text, []).append(toolchain)
    pins: dict[str, None] = {}
    message = "; ".join(clauses_of(where, toolchains, workflow, pins))
    if len(bad) < len(effects):
        severity = Severity.INFORMATION
        message += hint(pins)
    return Consequence(severity, message, frozenset(Cell(workflow, each) for each in bad))


def since(toolchain: Toolchain, version: str) -> bool:
    """Whether the toolchain's TensorFlow is `version` or later."""
    return Version(toolchain.tensorflow) >= Version(version)
