"""Runs in an interpreter with TensorFlow: the output shapes that Keras gives to the cases.

    python measure_shapes.py tf_keras|keras < cases.json

A case is [class or function, arguments, input shapes]; the answer a shape, a list of shapes, or
null where this Keras has no such thing.
"""

import importlib
import json
import sys


def locate(keras, symbol):
    import tensorflow

    first, *rest = symbol.split(".") if "." in symbol else ["keras", "layers", symbol]
    found = {"keras": keras, "tf": tensorflow}[first]
    for part in rest:
        found = getattr(found, part)
    return found


def shape_of(result):
    if isinstance(result, (list, tuple)):
        return [list(item.shape) for item in result]
    return list(result.shape)


def measure(keras, symbol, attrs, shapes):
    try:
        function = locate(keras, symbol)
    except AttributeError:
        return None
    integers = symbol in ("Embedding", "keras.ops.one_hot")
    dtype = "int32" if integers else "float32"
    tensors = [keras.Input(batch_shape=tuple(shape), dtype=dtype) for shape in shapes]
    if "." in symbol:
        if keras.__version__[0] == "3" and not symbol.startswith("keras."):
            return None
        return shape_of(function(*tensors, **attrs))
    if "layer" in attrs:
        attrs["layer"] = getattr(keras.layers, attrs["layer"]["cls"])(**attrs["layer"]["attrs"])
    layer = function(**attrs)
    if symbol == "MultiHeadAttention":
        return shape_of(layer(*tensors))
    return shape_of(layer(tensors if len(tensors) > 1 else tensors[0]))


def main():
    keras = importlib.import_module(sys.argv[1])
    json.dump([measure(keras, *case) for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
