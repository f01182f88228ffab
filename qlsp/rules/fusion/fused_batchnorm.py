"""QL103 fused-batchnorm."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Applicability
from qlsp.rules import layers
from qlsp.rules.consequence import consequence
from qlsp.rules.lowered import BAD, LoweredGraph
from qlsp.rules.rewrite import Operation, RemoveArgument, SetArgument
from qlsp.rules.rule import Case, Finding, Rewrite, Rule, related
from qlsp.toolchain import Toolchain
from qlsp.trace.graph import Node

_KERAS_3 = Toolchain("2.21.0", 3, "0.8.1")


class FusedBatchnorm(Rule):
    """BatchNormalization has a form that breaks the model in this toolchain.

    ## What it does
    Finds a batch normalization with `fused=` under Keras 3, and in TensorFlow 1 graphs one with
    `fused=False`, or behind a convolution with a bias, that TOCO can't convert.

    ## Why it matters
    `fused` chose an implementation in Keras 2, by default the fast one wherever it can be used.
    Keras 3 has no such argument: `Unrecognized keyword arguments passed to BatchNormalization`.

    In TensorFlow 1, `contrib.quantize` folds a normalization only in certain forms, and puts
    ranges only where it has folded; TOCO then stops with `is lacking min/max data, which is
    necessary for quantization`. Measured with TensorFlow 1.15.5: `tf.layers` and `tf.keras`
    fold when fused and behind a convolution *without* a bias; with `fused=False`, or with a bias,
    they do not. slim folds in both forms.

    In Keras 2 with TensorFlow 2 `fused` makes no difference to the converted model: the op lists
    are the same for `True`, `False` and `None` from TensorFlow 2.1 to 2.21, so nothing is reported.

    ## How to fix it
    Leave the argument out: Keras 2 and TensorFlow 1 then choose the fast form, which computes the
    same up to rounding, so the fix is safe. A bias before a normalization is redundant,
    as that has an offset of its own; but without it the model has one weight less and has to be
    trained again, so that fix is unsafe.

    ## References
    - [tensorflow #25301](https://github.com/tensorflow/tensorflow/issues/25301),
      [tensorflow #28515](https://github.com/tensorflow/tensorflow/issues/28515)
    """

    code = "QL103"
    name = "fused-batchnorm"
    applicability = Applicability.SAFE
    workflows = ("float", "ptq", "qat", "tf1")
    bad = (
        Case(
            "under Keras 3",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization(fused=True)(x)
            """,
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization()(x)
            """,
            workflows=("ptq",),
            toolchains=(_KERAS_3,),
        ),
    )
    good = (
        Case(
            "under Keras 2, where it changes nothing",
            """
            x = layers.Conv2D(8, 3)(x)
            x = layers.BatchNormalization(fused=True)(x)
            """,
        ),
    )

    def check(self, model: LoweredGraph) -> Iterator[Finding]:
        """Every batch normalization that ends badly for its form."""
        is_tf1 = any(cell.workflow == "tf1" for cell in model.cells)
        for node in model.flat.nodes:
            if not layers.is_batchnorm(node):
                continue
            found = _of_argument(model, node) or (_of_folding(model, node) if is_tf1 else None)
            if found is not None:
                yield found


def _of_argument(model: LoweredGraph, node: Node) -> Finding | None:
    """`fused=` where Keras has no such argument."""
    if "fused" not in node.attrs:
        return None
    found = consequence(model.fate_of_argument(node, "fused"))
    if found is None:
        return None
    return Finding(
        node,
        f"BatchNormalization does not take `fused` here: {found.text}",
        found,
        argument="fused",
        rewrites=(Rewrite("Remove fused=", Applicability.SAFE, (RemoveArgument(node, "fused"),)),),
    )


def _of_folding(model: LoweredGraph, node: Node) -> Finding | None:
    """A form that `contrib.quantize` does not fold."""
    layer = layers.producer(model.flat, node)
    if layer is None or layer.cls not in layers.WEIGHTED or not layers.is_linear(layer):
        return None
    fate = {
        cell: each for cell, each in model.worst_fate(layer, node).items() if cell.workflow == "tf1"
    }
    found = consequence(fate)
    if found is None:
        return None
    fused = {key: value for key, value in node.attrs.items() if key != "fused"}
    bare = {**layer.attrs, "use_bias": False}
    drop, unbias = RemoveArgument(node, "fused"), SetArgument(layer, "use_bias", False)
    forms: list[tuple[str, Applicability, dict[Node, dict[str, object]], tuple[Operation, ...]]] = [
        ("Remove fused=", Applicability.SAFE, {node: fused}, (drop,)),
        ("Use use_bias=False", Applicability.UNSAFE, {layer: bare}, (unbias,)),
        (
            "Remove fused= and use use_bias=False",
            Applicability.UNSAFE,
            {node: fused, layer: bare},
            (drop, unbias),
        ),
    ]
    for title, applicability, changes, operations in forms:
        if node in changes and "fused" not in node.attrs:
            continue
        other = model.with_attrs(changes)
        one, two = other.flat.nodes[layer.index], other.flat.nodes[node.index]
        if any(other.worst_fate(one, two)[cell].outcome in BAD for cell in found.bad):
            continue
        cause = [
            *(["fused=False"] if node in changes else []),
            *(["the bias before it"] if layer in changes else []),
        ]
        return Finding(
            node,
            f"BatchNormalization does not fold into {layer.cls} for {' and '.join(cause)}: "
            f"{found.text}",
            found,
            related=related((layer, f"the {layer.cls}")),
            rewrites=(Rewrite(title, applicability, operations),),
        )
    return None
