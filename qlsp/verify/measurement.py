"""What one workflow made of a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from qlsp.lower.lowering import ConversionError, Op
from qlsp.toolchain import Toolchain, Workflow
from qlsp.verify.flatbuffer import FlatModel, read_model
from qlsp.verify.macs import macs
from qlsp.verify.mapping import CASTS, MappedOperator, map_operators
from qlsp.verify.memory import peak_activations
from qlsp.verify.model import BuiltModel
from qlsp.verify.session import Conversion

_FLOATS: Final = frozenset({"FLOAT32", "FLOAT16", "FLOAT64", "BFLOAT16"})


@dataclass(frozen=True)
class Measurement:
    """A workflow's result: the converted model, or the error."""

    workflow: Workflow
    toolchain: Toolchain
    model: BuiltModel
    flat: FlatModel | None
    operators: tuple[MappedOperator, ...]
    error: ConversionError | None
    integer_io: bool
    seconds: float
    content: bytes | None = None
    """The model file."""
    calibrated: bool = False
    """Whether a `qat` model with float islands has none with representative data."""

    @classmethod
    def of(cls, conversion: Conversion, model: BuiltModel, toolchain: Toolchain) -> Measurement:
        """Read what was converted. Raises `ModelFileError`."""
        flat = None if conversion.content is None else read_model(conversion.content)
        return cls(
            conversion.workflow,
            toolchain,
            model,
            flat,
            () if flat is None else map_operators(flat.main, model, conversion.aliases),
            conversion.error,
            conversion.integer_io,
            conversion.seconds,
            conversion.content,
        )

    @property
    def ops(self) -> tuple[Op, ...]:
        """The ops in execution order; empty after an error."""
        return () if self.flat is None else self.flat.ops

    @property
    def size(self) -> int:
        """Bytes of the model file."""
        return 0 if self.flat is None else self.flat.size

    @cached_property
    def activations(self) -> int:
        """Bytes of activations alive at once: no arena can be smaller."""
        return 0 if self.flat is None else peak_activations(self.flat.main)

    @property
    def coverage(self) -> tuple[int, int]:
        """How many operators compute in integers, and how many compute at all (casts don't)."""
        computing = [op for op in self.ops if op.name not in CASTS]
        return sum(op.type not in _FLOATS for op in computing), len(computing)

    @cached_property
    def macs(self) -> tuple[int, ...]:
        """Multiply-accumulates per operator."""
        if self.flat is None:
            return ()
        graph = self.flat.main
        return tuple(macs(graph, operator) for operator in graph.operators)

    @property
    def mac_coverage(self) -> tuple[int, int]:
        """How many multiply-accumulates are computed in integers, and how many there are."""
        pairs = list(zip(self.ops, self.macs, strict=True))
        return sum(count for op, count in pairs if op.type not in _FLOATS), sum(self.macs)

    @property
    def traced(self) -> tuple[int, int]:
        """How many operators were traced to a line of source, and how many there are."""
        layers = self.model.layers
        found = [any(layers[each].site for each in mapped.layers) for mapped in self.operators]
        return sum(found), len(found)

    @cached_property
    def islands(self) -> tuple[tuple[int, ...], ...]:
        """Groups of connected operators that compute in float in a quantized model."""
        if self.flat is None or self.workflow == "float":
            return ()
        graph = self.flat.main
        group: dict[int, int] = {}
        for index, operator in enumerate(graph.operators):
            if operator.op.name in CASTS or operator.op.type not in _FLOATS:
                continue
            group[index] = index
            sources = {graph.producer.get(tensor) for tensor in operator.inputs}
            joined = {group[source] for source in sources if source is not None and source in group}
            _join(group, joined, index)
        members: dict[int, list[int]] = {}
        for index, head in group.items():
            members.setdefault(head, []).append(index)
        return tuple(tuple(each) for each in members.values())


def _join(group: dict[int, int], heads: set[int], head: int) -> None:
    for index, old in group.items():
        if old in heads:
            group[index] = head
