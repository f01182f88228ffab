"""What Keras makes of a function or operator on symbolic tensors.

Keras 2 wraps each TensorFlow op in a `TFOpLambda` layer named after it (`x * 2` is
`tf.math.multiply`), and functions of `keras.backend` and `keras.activations` leave the ops they
are made of. Keras 3 makes an Operation that is no layer (`Multiply`), and refuses `tf.*`.
"""

from __future__ import annotations

from typing import Literal

from qlsp.trace.keras.data import load


def made(symbol: str, keras: Literal[2, 3]) -> tuple[str, ...] | None:
    """The ops (Keras 2: TensorFlow's names) or Operation classes (Keras 3), inputs first.

    `symbol` is as in `Node.cls`: `operator.add`, `tf.nn.relu6`, `keras.ops.mean`. None if Keras
    was not seen to take it. Default arguments are assumed: `keras.backend.mean` of a bool tensor
    also casts.
    """
    section: Literal["keras2", "keras3"] = "keras2" if keras == 2 else "keras3"
    found: str | None = load(section)["made"].get(symbol)
    if found is not None:
        return tuple(found.split())
    if keras == 2 and symbol.startswith("tf."):
        return (symbol,)
    return None


def reported_class(symbol: str, keras: Literal[2, 3]) -> str | None:
    """The class name that Keras reports for an op node, None as in `made`."""
    ops = made(symbol, keras)
    if ops is None:
        return None
    if keras == 3:
        return ops[-1]
    return "SlicingOpLambda" if ops[-1] == "tf.__operators__.getitem" else "TFOpLambda"
