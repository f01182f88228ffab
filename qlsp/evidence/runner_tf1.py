"""The part of the runner for TF 1.15: converts a graph with TOCO.

TOCO aborts where it can't go on, so TensorFlow runs it as a program of its own, which takes ten
seconds to start. Here it runs in a forked child instead; what it says is the same.
"""

from __future__ import annotations

import base64
import importlib
import os
import tempfile
from typing import Any, Callable  # noqa: UP035 (Python 3.7)

import numpy as np
import tensorflow as tf

_TOCO: Any = importlib.import_module("tensorflow.lite.python.convert")


def measure(job: dict[str, Any], write: Any) -> None:
    """Build and convert the job's graph, by its fake-quantization to uint8."""
    for workflow in job["workflows"]:
        write({"begin": [job["pattern"], workflow]})
        line = {"pattern": job["pattern"], "workflow": workflow, "digest": job["digest"]}
        names: dict[str, Any] = {}
        stage = "build"
        try:
            exec(compile(job["source"], "pattern.py", "exec"), names)
            with tf.Graph().as_default(), tf.compat.v1.Session() as session:
                tf.compat.v1.set_random_seed(0)
                tf.keras.backend.set_session(session)
                image, output = names["build"]()
                session.run(tf.compat.v1.global_variables_initializer())
                randomize(session)
                stage = "convert"
                model = convert(session, image, output)
            line["model"] = base64.b64encode(model).decode("ascii")
        except Exception as error:
            line["error"] = [type(error).__name__, stage, str(error)]
        write(line)


def randomize(session: Any) -> None:
    """Move variables that start at zeros or ones to values as after training."""
    generator = np.random.RandomState(0)
    for variable in tf.compat.v1.global_variables():
        value = session.run(variable)
        if np.ndim(value) == 0 or not np.isin(value, (0.0, 1.0)).all():
            continue  # scalars are the learned ranges and their counters
        low = 0.5 if "variance" in variable.name or "gamma" in variable.name else -0.3
        variable.load(generator.uniform(low, low + 1.0, value.shape), session)


def convert(session: Any, image: Any, output: Any) -> bytes:
    """Freeze the session's graph and convert it."""
    converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [image], [output])
    converter.inference_type = tf.uint8
    converter.quantized_input_stats = {"image": (128.0, 127.0)}
    return _in_child(converter.convert)


def _in_child(work: Callable[[], bytes]) -> bytes:
    """What `work` returns in a forked child. Raises `ConverterError` with what it said if none."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), 2)
            try:
                _TOCO._toco_from_proto_bin = ""  # call TOCO, don't start it
                with os.fdopen(writing, "wb") as stream:
                    stream.write(work())
                os._exit(0)
            except BaseException as error:
                os.write(2, str(error).encode())
                os._exit(1)
        os.close(writing)
        with os.fdopen(reading, "rb") as stream:
            result = stream.read()
        _, status = os.waitpid(child, 0)
        if status:
            said.seek(0)
            raise _TOCO.ConverterError(said.read().decode("utf-8", "replace"))
    return result
