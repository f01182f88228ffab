"""What activation functions are made of, in TFLite ops."""

from __future__ import annotations

from qlsp.lower.behaviour import Behaviour, Version

_PREFIXES = (
    "tf.nn.",
    "tf.keras.activations.",
    "keras.activations.",
    "keras.backend.",
    "keras.ops.",
    "tf.math.",
    "tf.",
)

_NAMES: dict[str, str] = {
    "silu": "swish",
    "hard_swish": "hard_silu",
    "LeakyReLU": "leaky_relu",
    "exp": "exponential",
}
"""Other names of a function; `__name__` is the one on the right."""

PROGRAMS: dict[str, str] = {
    "linear": "",
    "relu": "RELU!(x)",
    "relu6": "RELU6!(x)",
    "sigmoid": "LOGISTIC(x)",
    "tanh": "TANH(x)",
    "softmax": "SOFTMAX(x)",
    "log_softmax": "LOG_SOFTMAX(x)",
    "elu": "ELU(x)",
    "exponential": "EXP(x)",
    "leaky_relu": "LEAKY_RELU(x)",
    "gelu": "GELU(x)",
    "swish": "LOGISTIC(x) MUL(x, _)",
    "softplus": "EXP(x) ADD(_, c) LOG(_)",
    "softsign": "ABS(x) ADD(_, c) DIV(x, _)",
    "mish": "EXP(x) ADD(_, c) LOG(_) TANH(_) MUL(x, _)",
    "selu": "GREATER(x, c) MUL(x, c) EXP(x) SUB(_, c) MUL(_, c) SELECT_V2(0, 1, 4)",
    "hard_sigmoid": "MUL(x, c) ADD(_, c) MINIMUM(_, c) RELU(_)",
    "hard_silu": "HARD_SWISH(x)",
}
"""By `__name__`, in the notation of `programs.py`."""

_KERAS3: dict[str, str] = {
    "hard_sigmoid": "ADD(x, c) RELU6(_) MUL(_, c)",
}
"""Where Keras 3 composes a function in another way."""

_SOFTMAX_OF_IMAGES: Version = (2, 5)
"""The release whose Keras 2 first leaves softmax of other than vectors to TensorFlow."""
_SOFTMAX = "REDUCE_MAX(x) SUB(x, _) EXP(_) SUM(_) DIV(2, 3)"

_STRINGS_SINCE: dict[str, Version] = {
    "gelu": (2, 4),
    "relu6": (2, 8),
    "silu": (2, 8),
    "swish": (2, 2),
    "mish": (2, 13),
    "leaky_relu": (2, 8),
    "log_softmax": (2, 8),
}
"""The TensorFlow release whose Keras 2 first knows a name as a string."""

_OWN_SINCE: dict[str, Version] = {"log_softmax": (2, 15)}
"""The release whose Keras 2 first has a function itself; before, the name stands for TensorFlow's,
which calls itself otherwise and is not found again."""

_KERAS3_STRINGS = frozenset(
    {
        *("hard_silu", "hard_swish", "celu", "glu", "hard_tanh", "hard_shrink", "log_sigmoid"),
        *("soft_shrink", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh_shrink"),
        *("sparsemax", "threshold"),
    }
)
"""Names that only Keras 3 knows."""

_UNSUPPORTED: dict[str, tuple[Version, Version, str]] = {
    "gelu": ((2, 0), (2, 8), "Erf"),
    "softsign": ((2, 0), (2, 15), "Softsign"),
    "selu": ((2, 0), (2, 5), "Selu"),
    "softplus": ((2, 0), (2, 2), "Softplus"),
}
"""TensorFlow ops that the converter of some releases (first, last) can't convert."""


def function_name(value: object) -> str | None:
    """`__name__` of the function that `activation=value` gives; None if that is not decided."""
    if value is None:
        return "linear"
    text = value if isinstance(value, str) else getattr(value, "name", None)
    if text is None:
        return None
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return _NAMES.get(text, text) if "." not in text else None


def program(name: str, behaviour: Behaviour, rank: int | None) -> str | None:
    """The ops of the activation `name` on a tensor of `rank`; None if it is not known."""
    if behaviour.keras == 3 and name in _KERAS3:
        return _KERAS3[name]
    if name == "softmax" and rank != 2 and behaviour.tensorflow < _SOFTMAX_OF_IMAGES:
        return _SOFTMAX
    return PROGRAMS.get(name)


def knows(text: str, behaviour: Behaviour) -> bool:
    """Whether Keras takes the string `text` for an activation."""
    if behaviour.keras == 3:
        return True
    return text not in _KERAS3_STRINGS and behaviour.tensorflow >= _STRINGS_SINCE.get(text, (0, 0))


def deserializes(value: object, behaviour: Behaviour) -> bool:
    """Whether Keras, given the name of the function `value`, finds it again."""
    name = function_name(value)
    if behaviour.keras == 2 and behaviour.tensorflow < _OWN_SINCE.get(name or "", (0, 0)):
        return False
    return isinstance(value, str) or name is None or knows(name, behaviour)


def unsupported(name: str, behaviour: Behaviour) -> str | None:
    """The TensorFlow op that the converter can't convert, if there is one."""
    first, last, op = _UNSUPPORTED.get(name, ((99, 0), (0, 0), ""))
    return op if first <= behaviour.tensorflow <= last else None
