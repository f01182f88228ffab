"""QL116 tiled-upsampling."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.lower import Outcome
from qlsp.rules.consequence import Fate, consequence
from qlsp.rules.lowered import LoweredGraph
from qlsp.rules.rewrite import SetArgument
from qlsp.rules.rule import Case, Finding, Rewrite, Rule
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import Node

_UPSAMPLING = frozenset({"UpSampling2D", "UpSampling3D"})
_KERAS_3 = Toolchain("2.21.0", 3, "0.8.1")


class TiledUpsampling(Rule):
    """Nearest upsampling becomes a chain of copies instead of one resize, under Keras 3.

    ## What it does
    Finds `UpSampling2D` and `UpSampling3D` where they are converted to `TILE`.

    ## Why it matters
    Keras 2 upsamples by resizing the image, which is one operator, `RESIZE_NEAREST_NEIGHBOR`.
    Keras 3 repeats the tensor axis by axis, each time reshaping it. Measured with TensorFlow 2.21
    and int8:

    | | Keras 2 | Keras 3 |
    |---|---|---|
    | a batch of one | `RESIZE_NEAREST_NEIGHBOR` | `RESHAPE` `TILE` `RESHAPE` `TILE` `RESHAPE` |
    | of unknown size | the same | these, with `SHAPE` `STRIDED_SLICE` `CONCATENATION`, twice |

    Each of these reads and writes the feature map.

    ## How to fix it
    Build the model with `tf_keras`, or use `interpolation="bilinear"`, which is one
    `RESIZE_BILINEAR` in both. That is another function: train again.

    ## When it does not apply
    Under Keras 2.

    ## References
    - `keras/src/layers/reshaping/up_sampling2d.py`
    """

    code = "QL116"
    name = "tiled-upsampling"
    applicability = Applicability.DISPLAY
    workflows = ("float", "ptq")
    bad = (
        Case(
            "nearest, under Keras 3",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.UpSampling2D()(x)
            """,
            workflows=("ptq",),
            toolchains=(_KERAS_3,),
        ),
    )
    good = (
        Case(
            "bilinear",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.UpSampling2D(interpolation="bilinear")(x)
            """,
            workflows=("ptq",),
            toolchains=(_KERAS_3,),
        ),
        Case(
            "under Keras 2",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.UpSampling2D()(x)
            """,
            workflows=("ptq",),
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every upsampling that is tiled."""
        for node in model.flat.nodes:
            if node.kind != "layer" or node.cls not in _UPSAMPLING:
                continue
            found = consequence(_tiled(model, node))
            if found is None:
                continue
            rewrites: tuple[Rewrite, ...] = ()
            if node.cls == "UpSampling2D":
                bilinear = SetArgument(node, "interpolation", "bilinear")
                title = "Use interpolation='bilinear'"
                rewrites = (Rewrite(title, Applicability.DISPLAY, (bilinear,)),)
            yield Finding(
                node, f"{node.cls} is a chain of copies: {found.text}", found, rewrites=rewrites
            )


def _tiled(model: LoweredGraph, node: Node) -> Fate:
    return {
        cell: layer._replace(
            outcome=Outcome.EXTRA_OPS
            if any(op.name == "TILE" for op in layer.ops)
            else Outcome.OWN_OP,
        )
        for cell, layer in model.fate(node).items()
    }
