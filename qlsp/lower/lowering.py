"""The lowering: what the converter makes of a layer graph, predicted or measured."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from qlsp.toolchain import Toolchain, Workflow


class Outcome(Enum):
    """What becomes of one layer."""

    FUSED = "fused"
    """Part of another layer's op: `LayerLowering.into` says whose."""
    OWN_OP = "own op"
    """Exactly the op (or ops) this layer is there for."""
    EXTRA_OPS = "extra ops"
    """Integer, but ops that a better form of the source would not have."""
    FLOAT_ISLAND = "float island"
    """Computes in float within a quantized model."""
    RAISES = "raises"
    """Conversion or `quantize_model` fails because of this layer."""
    REMOVED = "removed"
    """Leaves nothing in the converted model (Dropout, linear activations)."""
    UNKNOWN = "unknown"
    """Not predicted: no evidence, or the layer's arguments are not decided."""

    __hash__ = object.__hash__  # Enum's own is computed in Python


class Op(NamedTuple):
    """One operator of the converted model, written `CONV_2D+RELU6:INT8`."""

    name: str
    activation: str | None = None
    type: str = "FLOAT32"

    def __str__(self) -> str:
        fused = f"+{self.activation}" if self.activation else ""
        return f"{self.name}{fused}:{self.type}"

    @classmethod
    def parse(cls, text: str) -> Op:
        """The inverse of `str`. Raises `ValueError`."""
        name, type_ = text.split(":")
        name, _, activation = name.partition("+")
        return cls(name, activation or None, type_)


class LayerLowering(NamedTuple):
    """What becomes of one node of the (flattened) layer graph."""

    node: int
    """Index in the lowered graph's nodes."""
    outcome: Outcome
    ops: tuple[Op, ...] = ()
    """The ops this layer owns; empty when fused, removed or raising."""
    into: int | None = None
    """For `FUSED`, the node in whose op it is."""
    reason: str = ""
    """Why, in one sentence without version numbers, for every outcome but the expected ones."""


@dataclass(frozen=True, slots=True)
class ConversionError:
    """An exception of `quantize_model` or of the converter."""

    type: str
    message: str
    node: int | None = None
    """The layer that causes it, where one does."""
    stage: str = "convert"
    """`build`, `quantize` or `convert`."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """A whole graph under one workflow and toolchain."""

    workflow: Workflow
    toolchain: Toolchain
    layers: tuple[LayerLowering, ...]
    """One per node of the graph, in its order."""
    ops: tuple[Op, ...] = ()
    """The converted model's ops in execution order; empty after an error."""
    error: ConversionError | None = None
    sources: tuple[tuple[int, ...], ...] = ()
    """Per op the nodes that it was made of, in the order of the graph; empty for casts."""
