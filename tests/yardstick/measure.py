"""Runs in an interpreter with TensorFlow: the layer graphs that Keras really builds.

    python measure.py PACKAGE OUTPUT.json [NAME …] < jobs.json

`PACKAGE` is the Keras that the models are made of (`tf_keras`, `keras`); a job is
`{"name": …, "module": …, "builder": …, "kwargs": {…}}`. A `NAME` is a module that is imported but
not needed for building: an empty one stands in for it.

The output holds, by name, `layers`: a list of `[class, name, applications]` in the model's own
order, where an application is the list of the layers (by position) that it takes its inputs from;
or `error`. Weights are never allocated, so that the largest models cost no memory.
"""

import contextlib
import importlib
import json
import math
import os
import sys
import types
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def without_weights(keras):
    """A context in which variables have a shape and no value."""
    if keras.__version__[0] == "3":
        from keras.src.backend.common.stateless_scope import StatelessScope

        return StatelessScope(initialize_variables=False)
    import tensorflow as tf
    from tensorflow.python.ops.resource_variable_ops import UninitializedVariable

    def create(next_creator, **kwargs):
        shape, dtype = kwargs.get("shape"), kwargs.get("dtype")
        # Small ones are made: `Normalization` computes with its statistics while building.
        if shape is None or dtype is None or math.prod(shape) <= 16:
            return next_creator(**kwargs)
        return UninitializedVariable(
            shape=shape, dtype=dtype, trainable=kwargs.get("trainable"), name=kwargs.get("name")
        )

    return tf.variable_creator_scope(create)


class Anything(type):
    """A class of which every attribute is another such class."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything(name, (), {"__init__": lambda self, *args, **kwargs: None})


class StandIn(types.ModuleType):
    """A module of which every attribute is a class."""

    __path__ = ()

    def __getattr__(self, name):
        return getattr(Anything("absent", (), {}), name)


def describe(model):
    """The model's layers with class, name and producers of each application."""
    layers = list(getattr(model, "operations", None) or model.layers)
    position = {id(layer): index for index, layer in enumerate(layers)}
    network = {id(node) for nodes in model._nodes_by_depth.values() for node in nodes}
    described = []
    for layer in layers:
        applications = []
        for node in layer._inbound_nodes:
            if id(node) in network:
                tensors = node.input_tensors if hasattr(node, "arguments") else node.keras_inputs
                tensors = tensors if isinstance(tensors, (list, tuple)) else [tensors]
                producers = [] if node.is_input else [id(t._keras_history[0]) for t in tensors]
                applications.append([position[producer] for producer in producers])
        described.append([type(layer).__name__, layer.name, applications])
    return described


def measure(keras, job):
    function = importlib.import_module(job["module"])
    for part in job["builder"].split("."):
        function = getattr(function, part)
    kwargs = job["kwargs"]
    for key, value in kwargs.items():
        if isinstance(value, dict) and list(value) == ["module"]:
            kwargs[key] = importlib.import_module(value["module"])
    keras.backend.clear_session()
    with without_weights(keras), contextlib.redirect_stdout(sys.stderr):
        return describe(function(**kwargs))


def main():
    package, output, *absent = sys.argv[1:]
    keras = importlib.import_module(package)
    for name in absent:
        sys.modules.setdefault(name, StandIn(name))
    results = {}
    for job in json.load(sys.stdin):
        try:
            results[job["name"]] = {"layers": measure(keras, job)}
        except Exception as error:  # whatever a builder raises is its result
            results[job["name"]] = {"error": f"{type(error).__name__}: {error}"[:300]}
    Path(output).write_text(json.dumps(results))


if __name__ == "__main__":
    main()
