"""Static output shapes of layers and ops, tolerant of what is not known.

`output_shape` is right or silent: an axis that can't be decided is `UNKNOWN`, a rank that can't be
decided makes the whole shape None. `sliced` and `broadcast` serve indexing and operators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qlsp.trace.graph import Shape
from qlsp.trace.keras.shapes import convolution, layers, ops, wrappers
from qlsp.trace.keras.shapes.axes import Result, broadcast, sliced

__all__ = ["Result", "broadcast", "output_shape", "sliced"]


def output_shape(
    cls: str,
    attrs: Mapping[str, object],
    inputs: Sequence[Shape | None],
    data_format: str = "channels_last",
) -> Result:
    """What comes out of a layer (`Conv2D`) or op (`tf.reshape`, `operator.add`).

    `attrs` are those of `signatures.bind` without the tensors; `inputs` the shapes of the tensors
    it is applied to, in order; `data_format` is what applies where `attrs` has none. A wrapper's
    inner layer (`TimeDistributed`, `Bidirectional`) is found in `attrs["layer"]` if that has `cls`
    and `attrs` itself. None for a class or op that is not known here.
    """
    if cls in wrappers.RULES:
        inner = wrappers.inner_layer(attrs)
        if inner is None:
            return None
        return wrappers.RULES[cls](
            attrs, inputs, lambda shapes: output_shape(*inner, shapes, data_format)
        )
    rule = convolution.RULES.get(cls) or layers.RULES.get(cls) or ops.rule(cls)
    if rule is None:
        return None
    return rule(attrs, inputs, data_format)
