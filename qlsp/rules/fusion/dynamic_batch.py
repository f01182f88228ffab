"""QL111 dynamic-batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qlsp.diagnostic import Applicability, Related
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph, has_dynamic_batch
from qlsp.rules.rewrite import SetArgument
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.trace.graph import LayerGraph, Node, Style

_PLACES = 8
"""How many of the layers' places are told."""


class DynamicBatch(Rule):
    """Layers need extra ops, or can't be converted, because the batch has no fixed size.

    ## What it does
    Finds models whose input has a batch of unknown size where that costs something: `Reshape`,
    `Conv2DTranspose`, dilated convolutions, recurrent layers, and under Keras 3 `Flatten` and
    `UpSampling2D`.

    ## Why it matters
    A device runs one image at a time, but the converter does not know that. Where a layer needs the
    size of the batch it computes it at run time, with `SHAPE`, `STRIDED_SLICE` and `PACK`,
    which many accelerators refuse. A dilated convolution is wrapped in `SPACE_TO_BATCH_ND` and
    `BATCH_TO_SPACE_ND`, behind which a normalization does not fold. A recurrent layer becomes a
    loop that can't be converted to built-in ops at all:
    `TensorListReserve requires element_shape to be static`.

    ## How to fix it
    Convert a model whose input has a batch of one. Weights do not depend on it: build the model
    for training as it is, build it again with `batch_size=1`, and `set_weights` before the
    conversion. The fix is only shown, as training needs larger batches.

    ## When it does not apply
    Where the batch is fixed already, as in `Input(shape, batch_size=1)`, or when the model is
    converted from a concrete function with a fixed signature.

    ## References
    - [tensorflow #62849](https://github.com/tensorflow/tensorflow/issues/62849),
      [tensorflow #50286](https://github.com/tensorflow/tensorflow/issues/50286),
      [tensorflow #50172](https://github.com/tensorflow/tensorflow/issues/50172)
    """

    code = "QL111"
    name = "dynamic-batch"
    applicability = Applicability.DISPLAY
    workflows = ("float", "ptq", "qat")
    blames_others = True
    bad = (
        Case(
            "a dilated convolution",
            """
            x = layers.Conv2D(8, 3, dilation_rate=2)(x)
            x = layers.BatchNormalization()(x)
            x = layers.ReLU()(x)
            """,
            workflows=("ptq",),
        ),
    )
    good = (
        Case(
            "layers that do not need the size of the batch",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.ReLU()(x)
            x = layers.Flatten()(x)
            x = layers.Dense(3)(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """At most one finding per model, at its input."""
        source = next((node for node in model.graph.nodes if has_dynamic_batch(node)), None)
        if source is None or not _is_model(model.graph, source):
            return
        fate, blamed = model.fate_of_dynamic_batch
        found = consequence(fate)
        if found is None:
            return
        names = ", ".join(dict.fromkeys(node.cls for node in blamed))
        rewrites: tuple[Rewrite, ...] = ()
        if (
            source.style is not Style.IMPLICIT
            and source.cls == "InputLayer"
            and source.shape is not None  # else no lowering tells that it helps
            and model.is_better_with_static_batch(found.bad)
        ):
            fixed = SetArgument(source, "batch_size", 1)
            title = "Convert with a batch of one"
            rewrites = (Rewrite(title, Applicability.DISPLAY, (fixed,), lowered=True),)
        yield Finding(
            source if source.call is not None else blamed[0],
            f"A batch of unknown size costs {names} extra: {found.text}",
            found,
            related=tuple(dict.fromkeys(_blamed(model, blamed)))[:_PLACES],
            rewrites=rewrites,
        )


def _blamed(model: LoweredGraph, blamed: Sequence[Node]) -> Iterator[Related]:
    """The layers that need the size of the batch, and what stays in float with them."""
    yield from related(*((node, f"the {node.cls}") for node in blamed))
    for node in blamed:
        yield from layers.in_float_with(model, node)


def _is_model(graph: LayerGraph, source: Node) -> bool:
    """Whether the graph is a model, or the part of one that begins at a written `Input`."""
    if graph.kind == "fragment":
        return source.cls == "InputLayer" and source.style is not Style.IMPLICIT
    return graph.kind != "subclassed"
