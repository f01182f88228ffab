"""Write where each Keras release defines its layer classes, as error messages show it.

Stands alone and runs in an interpreter with TensorFlow (Python 3.7 or newer), once per release:

    python qlsp/lower/keras/introspect.py [tf_keras]

It adds the release to `modules.json` beside this file, e.g. `"2.8": {"keras.layers.core.dense":
["Dense"]}`.
"""

import inspect
import json
import os
import sys
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "modules.json")  # noqa: PTH100, PTH118, PTH120


def main(arguments: "list[str]") -> None:
    """Introspect `tf.keras`, or the package that the argument names."""
    import tensorflow as tf

    if arguments == ["tf_keras"]:
        import tf_keras as keras
    else:
        keras = tf.keras
    modules: dict[str, list[str]] = {}
    members = [cls for _, cls in inspect.getmembers(keras.layers, inspect.isclass)]
    for cls in [*members, *_op_layers(keras)]:
        names = modules.setdefault(cls.__module__, [])
        if cls.__name__ not in names:
            names.append(cls.__name__)
    try:
        with open(_FILE, encoding="utf-8") as stream:  # noqa: PTH123
            releases = json.load(stream)
    except OSError:
        releases = {}
    release = ".".join(tf.__version__.split(".")[:2])
    releases[release] = {module: sorted(names) for module, names in sorted(modules.items())}
    ordered = {key: releases[key] for key in sorted(releases, key=lambda key: key.split("."))}
    with open(_FILE, "w", encoding="utf-8") as stream:  # noqa: PTH123
        json.dump(ordered, stream, indent=1)
        stream.write("\n")


def _op_layers(keras: Any) -> "list[Any]":
    """The layers that functions on tensors become, which are not public."""
    package = keras.layers.Lambda.__module__.split(".layers.")[0]
    found = []
    for name in ("TensorFlowOpLayer", "TFOpLambda", "SlicingOpLambda"):
        for path, module in list(sys.modules.items()):
            cls = getattr(module, name, None) if path.startswith(package) else None
            if inspect.isclass(cls) and cls not in found:
                found.append(cls)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
