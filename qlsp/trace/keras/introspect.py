"""Write what Keras and TensorFlow say about their own callables, as data for the tracer.

This program stands alone and runs in an interpreter that has TensorFlow, not in qlsp's:

    python qlsp/trace/keras/introspect.py keras2 keras3 tf    # TF 2.21, tf_keras 2.21, Keras 3.15
    python qlsp/trace/keras/introspect.py tf1                 # TF 1.15 (Python 3.7)

It rewrites `data/<section>.json`: `package` (what was introspected), `signatures` (parameters as
Python text, in positional order, by canonical name), and per section `bases` (Keras base classes),
`aliases` (other public spellings), `made` (the layers or operations that a function or an operator
makes of a symbolic tensor, inputs first: op names in Keras 2, class names in Keras 3).
"""

# mypy: disable-error-code="import-untyped,import-not-found"
from __future__ import annotations

import importlib
import inspect
import json
import operator
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

_TF_NAMESPACES = ("", "math", "nn", "image", "linalg", "signal", "quantization", "keras.backend")
_TF1_NAMESPACES = ("", "math", "nn", "image", "layers", "quantization", "contrib.quantize")
_OPERATORS = (
    *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "neg", "abs"),
    *("eq", "ne", "lt", "le", "gt", "ge", "and_", "or_", "xor", "invert"),
)
_PLAIN = (bool, int, float, str, type(None))


def _text(value: object) -> str:
    """A default as Python: a literal, a function's dotted name, or `...` for all else."""
    if inspect.isfunction(value):
        from tensorflow.python.util import tf_export

        canonical = tf_export.get_canonical_name_for_symbol(value)
        return "tf." + canonical if canonical else "..."
    if isinstance(value, (tuple, list)) and all(isinstance(item, _PLAIN) for item in value):
        return repr(tuple(value))
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return "..."
    return repr(value) if isinstance(value, _PLAIN) else "..."


def _signature(function: Callable[..., object], skip_self: bool = False) -> str:
    """The parameter list as text, e.g. `filters, kernel_size, strides=(1, 1), **kwargs`."""
    parameters = list(inspect.signature(function).parameters.values())
    if skip_self:
        parameters = parameters[1:]
    parts, keyword_only = [], False
    for parameter in parameters:
        if parameter.kind is parameter.VAR_POSITIONAL:
            parts.append("*" + parameter.name)
            keyword_only = True
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            parts.append("**" + parameter.name)
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        default = parameter.default
        given = "" if default is parameter.empty else "=" + _text(default)
        parts.append(parameter.name + given)
    return ", ".join(parts)


def _keras(module_name: str) -> dict[str, object]:
    """Layer classes, models and functions of one Keras package."""
    keras = importlib.import_module(module_name)
    signatures: dict[str, str] = {}
    classes_: dict[str, type] = {}
    aliases: dict[str, str] = {}
    classes = {id(keras.Model): "Model", id(keras.Sequential): "Sequential"}
    found = [(name, getattr(keras.layers, name)) for name in dir(keras.layers)]
    found += [("Model", keras.Model), ("Sequential", keras.Sequential)]
    # The class's own name first, so that `AvgPool2D` becomes an alias and not the name.
    found.sort(key=lambda pair: pair[0] != getattr(pair[1], "__name__", None))
    for name, value in found:
        if not inspect.isclass(value):
            if inspect.isfunction(value) and not name.startswith("_"):
                signatures["keras.layers." + name] = _signature(value)
        elif classes.setdefault(id(value), name) != name:
            aliases[name] = classes[id(value)]
        else:
            signatures[name] = _signature(value.__init__, skip_self=True)
            classes_[name] = value
    kept = {id(value): name for name, value in classes_.items()}
    bases = {
        name: [kept[id(base)] for base in inspect.getmro(value)[1:] if id(base) in kept]
        for name, value in classes_.items()
    }
    functions: dict[str, Callable[..., object]] = {
        "operator." + name: getattr(operator, name) for name in _OPERATORS
    }
    functions["operator.getitem"] = lambda tensor: tensor[:, 0]
    made: dict[str, str] = {}
    for section in ("activations", "applications", "backend", "ops", "ops.image", "utils"):
        module = keras
        try:
            for part in section.split("."):
                module = getattr(module, part)
        except AttributeError:
            continue
        for name in dir(module):
            function = getattr(module, name)
            if inspect.isfunction(function) and not name.startswith("_"):
                symbol = f"keras.{section}.{name}"
                signatures[symbol] = _signature(function)
                operation = _operation(function) if section.startswith("ops") else None
                if operation:
                    made[symbol] = operation
                else:
                    functions[symbol] = function
    signatures["keras.Input"] = _signature(keras.Input)
    return {
        "package": f"{module_name} {keras.__version__}",
        "signatures": signatures,
        "bases": bases,
        "aliases": aliases,
        "made": {**made, **_made(keras, functions)},
    }


def _made(keras: Any, functions: dict[str, Callable[..., object]]) -> dict[str, str]:
    """What each function leaves in a functional model when it is called on symbolic tensors."""
    made = {}
    for symbol, function in sorted(functions.items()):
        if symbol.startswith(("keras.applications", "keras.utils")):
            continue
        for count in (1, 2):
            inputs = [keras.Input((4, 4, 4)) for _ in range(count)]
            try:
                output = function(*inputs)
                model = keras.Model(inputs, output)
            except Exception:  # whatever a function does that isn't meant for tensors
                continue
            if keras.__version__[0] == "3":
                names = [type(layer).__name__ for layer in model.operations]
            else:
                names = [re.sub(r"_\d+$", "", layer.name) for layer in model.layers]
            names = [name for name in names if not name.startswith(("Input", "input"))]
            if names:
                made[symbol] = " ".join(names)
                break
    return made


def _operation(function: Callable[..., object]) -> str | None:
    """The Operation class whose `symbolic_call` a `keras.ops` function returns."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        return None
    made = re.findall(r"(\w+)\((?:[^()]|\([^()]*\))*\)\.symbolic_call", source)
    return str(made[-1]) if made else None


def _tensorflow(namespaces: Sequence[str]) -> dict[str, Any]:
    """TensorFlow's functions on tensors, and which public names are the same function."""
    import tensorflow as tf
    from tensorflow.python.util import tf_export

    signatures: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for namespace in namespaces:
        module = tf
        for part in filter(None, namespace.split(".")):
            module = getattr(module, part)
        for name in dir(module):
            function = getattr(module, name)
            if name.startswith("_") or not inspect.isroutine(function):
                continue
            symbol = ".".join(filter(None, ("tf", namespace, name)))
            try:
                canonical = tf_export.get_canonical_name_for_symbol(function)
                text = _signature(function)
            except (ValueError, TypeError, AttributeError):
                continue
            canonical = "tf." + canonical if canonical else symbol
            if canonical != symbol:
                aliases[symbol] = canonical
            signatures[canonical] = text
    return {
        "package": "tensorflow " + tf.__version__,
        "signatures": signatures,
        "aliases": aliases,
    }


def _tensorflow1() -> dict[str, Any]:
    """The functions of TensorFlow 1, with slim's layers (also `tf.contrib.layers`)."""
    data = _tensorflow(_TF1_NAMESPACES)
    from tensorflow.contrib import layers, slim

    for module in (layers, slim):
        for name in dir(module):
            function = getattr(module, name)
            if not name.startswith("_") and inspect.isroutine(function):
                data["signatures"]["slim." + name] = _signature(function)
    return data


def main(sections: Sequence[str]) -> None:
    """Rewrite the data of the given sections."""
    folder = Path(__file__).resolve().parent / "data"
    for section in sections:
        if section == "keras2":
            data = _keras("tf_keras")
        elif section == "keras3":
            data = _keras("keras")
        elif section == "tf":
            data = _tensorflow(_TF_NAMESPACES)
        else:
            data = _tensorflow1()
        text = json.dumps(data, indent=0, sort_keys=True) + "\n"
        (folder / f"{section}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
