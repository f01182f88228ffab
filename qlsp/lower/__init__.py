"""Layer graph to lowering: fusion patterns and support tables, as data per toolchain."""

from qlsp.lower.behaviour import Behaviour, behaviour
from qlsp.lower.lower import lower
from qlsp.lower.lowering import ConversionError, LayerLowering, Lowering, Op, Outcome

__all__ = [
    "Behaviour",
    "ConversionError",
    "LayerLowering",
    "Lowering",
    "Op",
    "Outcome",
    "behaviour",
    "lower",
]
