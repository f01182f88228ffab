"""A graph of TensorFlow 1 ops, as far as the rewriter and the converter look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Range = tuple[float, float]

UNDECIDED = "?"


@dataclass(eq=False)
class TfOp:
    """One op; constants and variables are left out of `inputs`."""

    type: str
    """The GraphDef's op type (`Conv2D`, `FusedBatchNormV3`), `?` if not known."""
    name: str
    inputs: list[TfOp]
    node: int
    """The layer that it belongs to."""
    constants: int = 0
    """How many of its operands are constants or variables."""
    given: Range | None = None
    """What a fake-quantization was told."""
    range: Range | None = None
    """The range of its output, once the converter knows one."""
    activation: str | None = None
    fused: TfOp | None = None
    """The op that it became a part of."""
    group: str | None = None
    """Scope of the unfused batch normalization of slim that it scales for."""
    undecided: str = ""
    """Why its type isn't known."""

    @property
    def scope(self) -> str:
        """The name scope that it stands in, as `contrib.quantize` takes it from its name."""
        return self.name.rpartition("/")[0]


@dataclass
class TfGraph:
    """Ops in the order in which they were made."""

    ops: list[TfOp] = field(default_factory=list)
    outputs: list[TfOp] = field(default_factory=list)
    _used: dict[str, int] = field(default_factory=dict)

    def add(self, type_: str, name: str, *inputs: TfOp, node: int, constants: int = 0) -> TfOp:
        """Append an op."""
        made = TfOp(type_, name, list(inputs), node, constants)
        self.ops.append(made)
        return made

    def unique(self, name: str) -> str:
        """`name`, or `name_1` and so on if it is taken."""
        count = self._used.get(name, 0)
        self._used[name] = count + 1
        return f"{name}_{count}" if count else name

    def consumers(self, op: TfOp) -> list[TfOp]:
        """The ops that take the output of `op`, once each."""
        return [each for each in self.ops if op in each.inputs]

    def reroute(self, old: TfOp, new: TfOp, consumers: Sequence[TfOp]) -> None:
        """Let `consumers` take `new` where they took `old`."""
        for each in consumers:
            each.inputs = [new if source is old else source for source in each.inputs]
