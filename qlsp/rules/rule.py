"""What a rule is."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from qlsp.diagnostic import Applicability, Related
from qlsp.rules.consequence import Consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import Operation
from qlsp.source.span import Site
from qlsp.toolchain import MEASURED, Toolchain, Workflow
from qlsp.trace.graph import Node


@dataclass(frozen=True, slots=True)
class Case:
    """Source that shows a rule at work: a test, and an example in the documentation.

    The source starts below `HEADER`; a model's input is called `x`.
    """

    title: str
    source: str
    fixed: str | None = None
    """What the fixes make of it; None where there is none."""
    workflows: tuple[Workflow, ...] = ("ptq", "qat")
    toolchains: tuple[Toolchain, ...] = (MEASURED[-2],)
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One way to mend a fault; the linter takes the first of a finding's that lowers better."""

    title: str
    applicability: Applicability
    operations: tuple[Operation, ...]
    lowered: bool = False
    """Whether the rule has lowered the outcome: if only shown, it is not traced once more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault at one node of a flat graph."""

    node: Node
    message: str
    consequence: Consequence
    """Where the fault does harm; a rewrite has to make it better there."""
    argument: str | None = None
    """The constructor argument that is the fault, where it is one."""
    related: tuple[Related, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()


def related(*nodes: tuple[Node, str]) -> tuple[Related, ...]:
    """Where other layers that have part in a finding are written, each place once."""
    found: dict[Site, Related] = {}
    for node, message in nodes:
        site = node.construct or node.call
        if site is not None:
            found.setdefault(site, Related(site, message))
    return tuple(found.values())


class Rule(ABC):
    """A cause worth telling the user about. A subclass's docstring is its documentation.

    The first line is the summary; then follow the sections `## What it does`,
    `## Why it matters` and `## When it does not apply` in Markdown.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    applicability: ClassVar[Applicability | None]
    """The best its fixes can be."""
    workflows: ClassVar[tuple[Workflow, ...]]
    """Those in which it can find anything."""
    blames_others: ClassVar[bool] = False
    """Whether what it finds is about the related layers, and not the one that it marks."""
    bad: ClassVar[tuple[Case, ...]]
    good: ClassVar[tuple[Case, ...]]

    @classmethod
    def summary(cls) -> str:
        """The first line of the documentation."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    @classmethod
    def body(cls) -> str:
        """The documentation after its first line."""
        return (inspect.getdoc(cls) or "").partition("\n")[2].strip()

    @abstractmethod
    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """The faults of one graph."""
