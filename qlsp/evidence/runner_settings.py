"""Measures converter settings within a toolchain's own interpreter (Python 3.7 and later).

Run as a script with a file to append to; the cases come as JSON on standard input, each a
`{name, model, source}` whose source is executed with the names `tf`, `np`, `converter` and `data`;
for `v1 file` and `v1 transformed` it makes the converter itself, of `session`, `image` and `output`
or of the file `path`.
One line is written when a case begins and one when it ends, so that the caller knows which case
took the process down.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(journal: str) -> None:
    """Convert one model for each case of standard input."""
    import numpy as np
    import tensorflow as tf

    cases = json.load(sys.stdin)
    models: dict[str, Any] = {}
    with Path(journal).open("a", encoding="utf-8") as stream:
        for case in cases:
            stream.write(json.dumps({"begin": case["name"]}) + "\n")
            stream.flush()
            line = {"name": case["name"], "tensorflow": tf.__version__}
            try:
                content = convert(tf, np, case, models)
                line["model"] = base64.b64encode(content).decode("ascii")
            except Exception as error:
                line["error"] = [type(error).__name__, " ".join(str(error).split())]
            stream.write(json.dumps(line) + "\n")
            stream.flush()


def convert(tf: Any, np: Any, case: dict[str, Any], models: dict[str, Any]) -> bytes:
    """What `converter.convert()` gives under the case's settings."""
    kind = case["model"]
    names: dict[str, Any] = {"tf": tf, "np": np}
    if kind == "v1":
        names["converter"] = frozen(tf, np)
    elif kind.startswith("v1 "):
        session, image, output = graph(tf, np)
        path = Path(tempfile.mkdtemp(), "graph.pb")
        path.write_bytes(session.graph.as_graph_def().SerializeToString())
        names.update(session=session, image=image, output=output, path=str(path))
    else:
        if kind not in models:
            models[kind] = build(tf, np, kind)
        names["converter"] = tf.lite.TFLiteConverter.from_keras_model(models[kind])

    def data() -> Any:
        rng = np.random.RandomState(0)
        shapes = [(1, 16, 16, 8)] * (2 if kind == "two" else 1)
        for _ in range(8):
            yield [rng.normal(size=shape).astype(np.float32) for shape in shapes]

    names["data"] = data
    exec(case["source"], names)
    result: bytes = names["converter"].convert()
    return result


def build(tf: Any, np: Any, kind: str) -> Any:
    """A small model with weights as after training."""
    keras = tf.keras
    keras.backend.clear_session()
    inputs = keras.layers.Input((16, 16, 8), name="image")
    x = keras.layers.Conv2D(4 if kind == "small" else 32, 3, activation="relu")(inputs)
    given = [inputs]
    if kind == "elu":
        x = keras.layers.ELU()(x)
        x = keras.layers.Conv2D(8, 1)(x)
    elif kind == "two":
        second = keras.layers.Input((16, 16, 8), name="mask")
        given.append(second)
        x = keras.layers.Add()([x, keras.layers.Conv2D(32, 3)(second)])
    if kind != "small":
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Dense(64)(x)
    model = keras.Model(given if len(given) > 1 else inputs, x)
    rng = np.random.RandomState(1)
    model.set_weights([rng.normal(0, 0.3, w.shape).astype(w.dtype) for w in model.get_weights()])
    if kind in ("qat", "annotated"):
        import tensorflow_model_optimization as tfmot

        quantization = tfmot.quantization.keras
        if kind == "annotated":
            return quantization.quantize_annotate_model(model)
        model = quantization.quantize_model(model)
        model.compile("sgd", "mse")
        images = rng.normal(size=(4, 16, 16, 8)).astype(np.float32)
        model.fit(images, rng.normal(size=(4, 64)).astype(np.float32), verbose=0)
    return model


def graph(tf: Any, np: Any) -> Any:
    """A TF 1 graph of a convolution, ReLU, and matrix product; its session, input and output."""
    v1 = tf.compat.v1
    made = tf.Graph()
    rng = np.random.RandomState(1)
    with made.as_default():
        x = v1.placeholder(tf.float32, [1, 16, 16, 8], name="image")
        weights = tf.constant(rng.normal(0, 0.3, (3, 3, 8, 32)).astype(np.float32))
        y = v1.nn.conv2d(x, weights, [1, 1, 1, 1], "SAME")
        y = tf.nn.relu(y)
        y = tf.identity(y, name="output")
    return v1.Session(graph=made), x, y


def frozen(tf: Any, np: Any) -> Any:
    """A TF 1 converter."""
    session, x, y = graph(tf, np)
    return tf.compat.v1.lite.TFLiteConverter.from_session(session, [x], [y])


if __name__ == "__main__":
    main(*sys.argv[1:])
