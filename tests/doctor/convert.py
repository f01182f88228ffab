"""Runs and converts frozen graphs: `python convert.py JOBS.json`, an answer per job and line.

A job has `graph`, `inputs`, `outputs` and, where the result is to be compared, `reference`, another
graph. It is converted to 8 bits, and the answer has `error`, or `model` (the flatbuffer in base
64), `steps` (how far it is from the graph itself, in quantization steps) and `decibels` (how far it
is from the reference).
With `tensors` it is not converted: the answer has `ranges`, what these nodes give on random inputs.
TOCO may end the process, so it runs in a forked child.
"""

import base64
import importlib
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1
OLD = tf.__version__.startswith("1.")
SAID = re.compile(r"(?:\.cc:\d+\] |Exception: |error: )((?!Some|Here)[A-Z'][^\n]{20,})")


def load(file):
    definition = v1.GraphDef()
    definition.ParseFromString(Path(file).read_bytes())
    return definition


def converter(job):
    definition = load(job["graph"])
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    ends = [
        [graph.get_tensor_by_name(name + ":0") for name in job[each]]
        for each in ("inputs", "outputs")
    ]
    made = v1.lite.TFLiteConverter(definition, *ends)
    made.inference_type = tf.uint8 if OLD else tf.int8
    stats = (128.0, 127.0) if OLD else (0.0, 127.0)
    made.quantized_input_stats = dict.fromkeys(job["inputs"], stats)
    return made


def in_child(work):
    toco = importlib.import_module("tensorflow.lite.python.convert")
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), 2)
            try:
                toco._toco_from_proto_bin = ""  # call TOCO, don't start it
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
        said.seek(0)
        if status:
            raise RuntimeError(said.read().decode("utf-8", "replace"))
    return result


def run(file, job, examples):
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(load(file), name="")
        names = [name + ":0" for name in job["outputs"]]
        keys = [name + ":0" for name in job["inputs"]]
        return [session.run(names, dict(zip(keys, example))) for example in examples]


def interpret(model, examples):
    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    found = []
    for example in examples:
        for details, array in zip(interpreter.get_input_details(), example):
            scale, zero = details["quantization"]
            limits = np.iinfo(details["dtype"])
            array = np.clip(np.round(array / scale) + zero, limits.min, limits.max)
            interpreter.set_tensor(details["index"], array.astype(details["dtype"]))
        interpreter.invoke()
        outputs = interpreter.get_output_details()
        found.append(
            [
                (interpreter.get_tensor(each["index"]).astype("float32") - each["quantization"][1])
                * (each["quantization"][0] or 1.0)
                for each in outputs
            ]
        )
    return found, [each["quantization"][0] for each in interpreter.get_output_details()]


def ranges(job):
    random = np.random.RandomState(0)
    examples = [[random.uniform(-1, 1, (1, 8, 8, 4)).astype("float32")] for _ in range(64)]
    found = run(job["graph"], {**job, "outputs": job["tensors"]}, examples)
    return {
        name: [float(min(values.min() for values in each)), float(max(v.max() for v in each))]
        for name, each in zip(job["tensors"], zip(*found))
    }


def answer(job):
    if "tensors" in job:
        return {"ranges": ranges(job)}
    try:
        made = converter(job)
        model = in_child(made.convert) if OLD else bytes(made.convert())
    except Exception as error:
        lines = SAID.findall(str(error)) or str(error).strip().splitlines()[-1:]
        return {"error": lines[-1][:400]}
    found = {"model": base64.b64encode(model).decode()}
    if "reference" in job:
        random = np.random.RandomState(1)
        # On levels of the 8-bit input, so that only the graph's own rounding counts.
        grid = np.round(random.uniform(-1, 1, (16, 1, 8, 8, 4)) * 127) / 127
        examples = [[array.astype("float32")] for array in grid]
        itself, reference = (run(job[each], job, examples) for each in ("graph", "reference"))
        try:
            ours, scales = interpret(model, examples)
        except RuntimeError as error:  # what was converted doesn't run
            return {"error": str(error)}
        found["steps"] = max(
            float(np.abs(one - other).max() / (scale or 1.0))
            for each, expected in zip(ours, itself)
            for one, other, scale in zip(each, expected, scales)
        )
        noise = sum(float(np.square(a[0] - b[0]).sum()) for a, b in zip(ours, reference))
        signal = sum(float(np.square(b[0]).sum()) for b in reference)
        found["decibels"] = 10 * np.log10(signal / max(noise, 1e-12))
    return found


def main(jobs):
    for job in json.loads(Path(jobs).read_text()):
        print(json.dumps(answer(job)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
