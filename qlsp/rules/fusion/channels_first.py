"""QL112 channels-first."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rule import Case, Finding, Rule


class ChannelsFirst(Rule):
    """Layers with the channels first are transposed back and forth in the converted model.

    ## What it does
    Finds layers with `data_format="channels_first"`.

    ## Why it matters
    TensorFlow Lite knows only channels last. The converter puts a `TRANSPOSE` before and behind
    the layer, each of which reads and writes the whole feature map, and the one behind keeps what
    follows from fusing.

    ## How to fix it
    Build the model with channels last; weights have the same shapes in both formats. Data that
    comes with the channels first is best transposed once, before the model. There is no automatic
    fix, as the shapes of all inputs change.

    ## References
    - [Layout in TensorFlow Lite](https://www.tensorflow.org/lite/guide/ops_compatibility)
    """

    code = "QL112"
    name = "channels-first"
    applicability = None
    workflows = ("float", "ptq", "qat")
    bad = (
        Case(
            "a convolution",
            """
            x = layers.Conv2D(8, 3, data_format="channels_first")(x)
            """,
        ),
    )
    good = (
        Case(
            "the default",
            """
            x = layers.Conv2D(8, 3)(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every layer whose format costs something."""
        for node in model.flat.nodes:
            if node.kind != "layer" or node.attr("data_format") != "channels_first":
                continue
            found = consequence(model.fate_of_argument(node, "data_format"))
            if found is None:
                continue
            yield Finding(
                node,
                f"{node.cls} with the channels first needs transposing: {found.text}",
                found,
                argument="data_format",
            )
