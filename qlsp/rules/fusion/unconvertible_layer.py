"""QL115 unconvertible-layer."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.lower import Outcome
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule

_NOT_BUILT = "this Keras"
"""How the reasons begin for which a model is not even built."""
_RAISES = frozenset({Outcome.RAISES})


class UnconvertibleLayer(Rule):
    """The converter has no op for this layer.

    ## What it does
    Finds layers that the converter refuses, such as three-dimensional pooling, and recurrent
    layers that it can't quantize.

    ## Why it matters
    The conversion fails: `'tf.MaxPool3D' op is neither a custom op nor a flex op`. Allowing
    `SELECT_TF_OPS` makes it pass, but then the application has to carry TensorFlow's own kernels,
    which no microcontroller and no accelerator runs.

    ## How to fix it
    Use layers that are made of built-in ops: pool over two axes at a time with `Reshape` around
    `MaxPooling2D`, or a convolution with strides.

    ## When it does not apply
    A layer that is only refused for a batch of unknown size is reported as `dynamic-batch`.
    """

    code = "QL115"
    name = "unconvertible-layer"
    applicability = None
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "a pooling over three axes",
            """
            x = layers.Reshape((32, 32, 3, 1))(x)
            x = layers.MaxPooling3D()(x)
            """,
            workflows=("ptq",),
        ),
    )
    good = (
        Case(
            "a pooling over two axes",
            """
            x = layers.MaxPooling2D()(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer without which the model could be converted."""
        for node in model.flat.nodes:
            if (
                node.kind != "layer"
                or node in model.mended_by_static_batch
                or node.attr("training") is True
            ):
                continue
            if "activation" in node.attrs or "fused" in node.attrs:
                continue
            fate = {
                cell: layer
                for cell, layer in model.fate(node).items()
                if cell.workflow != "qat" and not layer.reason.startswith(_NOT_BUILT)
            }
            found = consequence(fate, _RAISES)
            if found is not None and node not in model.mended_by_static_batch:
                reason = next(fate[cell].reason for cell in reversed(fate) if cell in found.bad)
                yield Finding(
                    node, f"{node.cls} does not convert, as {reason}: {found.text}", found
                )
