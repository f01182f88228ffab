"""Runs in an interpreter with TensorFlow: order and names of layers in small models.

    python measure_graphs.py tf_keras|keras < cases.json

A case is {"nodes": [[class, producers, layer], ...], "outputs": [...], "inputs": [...]}: a node
applies layer number `layer` (made on first sight) or, for a class with a dot, a function. The
answer holds class, name and node numbers of each layer, in the model's order.
"""

import importlib
import json
import operator
import sys


def build(keras, case):
    made, tensors, owners = {}, [], {}
    for cls, producers, layer in case["nodes"]:
        given = [tensors[producer] for producer in producers]
        if cls == "InputLayer":
            tensors.append(keras.Input((4,)))
        elif cls.startswith("operator."):
            tensors.append(getattr(operator, cls[9:])(*given, *([2.0] if len(given) == 1 else [])))
        else:
            if layer not in made:
                made[layer] = {
                    "Dense": lambda: keras.layers.Dense(4),
                    "ReLU": lambda: keras.layers.ReLU(),
                    "Add": lambda: keras.layers.Add(),
                    "SeparableConv1D": lambda: keras.layers.SeparableConv1D(4, 1),
                }[cls]()
            tensors.append(made[layer](given[0] if len(given) == 1 else given))
        history = tensors[-1]._keras_history
        owners.setdefault(id(history[0]), layer)
    model = keras.Model(
        [tensors[node] for node in case["inputs"]], [tensors[node] for node in case["outputs"]]
    )
    listed = model.operations if hasattr(model, "operations") else model.layers
    return [[type(item).__name__, item.name, owners[id(item)]] for item in listed]


def main():
    keras = importlib.import_module(sys.argv[1])
    answers = []
    for case in json.load(sys.stdin):
        keras.backend.clear_session()
        answers.append(build(keras, case))
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
