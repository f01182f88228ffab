"""What converters make of their settings: the cases that are measured, and how they are read.

`python -m qlsp.evidence.settings TOOLCHAIN INTERPRETER` measures one toolchain and rewrites its
column of `data/settings.json`.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from qlsp.evidence.toolchains import setup
from qlsp.verify.flatbuffer import Subgraph, read_model

_OPTIMIZE = "converter.optimizations = [tf.lite.Optimize.DEFAULT]\n"
_DATA = "converter.representative_dataset = data\n"
_INT8 = "converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n"
_OPS = "converter.target_spec.supported_ops = [{}]\n"
_IN = "converter.inference_input_type = tf.int8\n"
_OUT = "converter.inference_output_type = tf.int8\n"
_FULL = _OPTIMIZE + _DATA + _INT8 + _IN + _OUT
_TYPES = "converter.target_spec.supported_types = [{}]\n"
_X = "np.ones((1, 16, 16, 8), np.float32)"
_YIELD = """def given():
    for _ in range(4):
        yield {}
converter.representative_dataset = given
"""


def _ops(*names: str) -> str:
    return _OPS.format(", ".join(f"tf.lite.OpsSet.{name}" for name in names))


_INT16 = _ops("EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8")


def _given(value: str) -> str:
    return _OPTIMIZE + _INT8 + _YIELD.format(value)


CASES: Mapping[str, tuple[str, str]] = {
    "nothing": ("plain", ""),
    "optimize": ("plain", _OPTIMIZE),
    "optimize, small weights": ("small", _OPTIMIZE),
    "optimize for size": (
        "plain",
        "converter.optimizations = [tf.lite.Optimize.OPTIMIZE_FOR_SIZE]\n",
    ),
    "optimize for latency": (
        "plain",
        "converter.optimizations = [tf.lite.Optimize.OPTIMIZE_FOR_LATENCY]\n",
    ),
    "sparsity": (
        "plain",
        "converter.optimizations = [tf.lite.Optimize.EXPERIMENTAL_SPARSITY]\n" + _DATA,
    ),
    "data": ("plain", _DATA),
    "int8 ops": ("plain", _INT8),
    "optimize, int8 ops": ("plain", _OPTIMIZE + _INT8),
    "data, int8 ops": ("plain", _DATA + _INT8),
    "optimize, data": ("plain", _OPTIMIZE + _DATA),
    "optimize, data, int8 ops": ("plain", _OPTIMIZE + _DATA + _INT8),
    "optimize, data, builtin ops": ("plain", _OPTIMIZE + _DATA + _ops("TFLITE_BUILTINS")),
    "optimize, data, int8 io": ("plain", _OPTIMIZE + _DATA + _IN + _OUT),
    "full": ("plain", _FULL),
    "full, uint8 io": ("plain", _FULL.replace("tf.int8\n", "tf.uint8\n")),
    "full, int8 input only": ("plain", _OPTIMIZE + _DATA + _INT8 + _IN),
    "full, float operator": ("elu", _FULL),
    "int8 io": ("plain", _IN + _OUT),
    "optimize, int8 io": ("plain", _OPTIMIZE + _IN + _OUT),
    "data, int8 io": ("plain", _DATA + _IN + _OUT),
    "data, int8 ops, int8 io": ("plain", _DATA + _INT8 + _IN + _OUT),
    "int8 ops, int8 io": ("plain", _INT8 + _IN + _OUT),
    "optimize, int8 ops, int8 io": ("plain", _OPTIMIZE + _INT8 + _IN + _OUT),
    "full, numpy io": ("plain", _FULL.replace("= tf.int8\n", "= np.int8\n")),
    "float16": ("plain", _OPTIMIZE + _TYPES.format("tf.float16")),
    "float16, data": ("plain", _OPTIMIZE + _DATA + _TYPES.format("tf.float16")),
    "float16 without optimize": ("plain", _TYPES.format("tf.float16")),
    "int8 types": ("plain", _OPTIMIZE + _TYPES.format("tf.int8")),
    "int8 types, data": ("plain", _OPTIMIZE + _DATA + _TYPES.format("tf.int8")),
    "int16": ("plain", _OPTIMIZE + _DATA + _INT16),
    "int16, no data": ("plain", _OPTIMIZE + _INT16),
    "int16, int8 io": ("plain", _OPTIMIZE + _DATA + _INT16 + _IN + _OUT),
    "optimizations not a list": (
        "plain",
        _DATA + "converter.optimizations = tf.lite.Optimize.DEFAULT\n",
    ),
    "optimizations of True": ("plain", _DATA + "converter.optimizations = [True]\n"),
    "optimizations of str": ("plain", _DATA + "converter.optimizations = ['DEFAULT']\n"),
    "ops not a list": (
        "plain",
        _OPTIMIZE
        + _DATA
        + "converter.target_spec.supported_ops = tf.lite.OpsSet.TFLITE_BUILTINS_INT8\n",
    ),
    "old converter": ("plain", _FULL + "converter.experimental_new_converter = False\n"),
    "old quantizer": ("plain", _FULL + "converter.experimental_new_quantizer = False\n"),
    "per tensor": ("plain", _FULL + "converter._experimental_disable_per_channel = True\n"),
    "resource variables": (
        "plain",
        _FULL + "converter.experimental_enable_resource_variables = True\n",
    ),
    "allow custom ops": ("plain", _FULL + "converter.allow_custom_ops = True\n"),
    "misspelt optimisations": ("plain", "converter.optimisations = [tf.lite.Optimize.DEFAULT]\n"),
    "misspelt data": ("plain", _OPTIMIZE + "converter.representative_data = data\n"),
    "ops on converter": (
        "plain",
        _OPTIMIZE + _DATA + "converter.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n",
    ),
    "target_ops": (
        "plain",
        _OPTIMIZE + _DATA + "converter.target_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n",
    ),
    "post_training_quantize": ("plain", "converter.post_training_quantize = True\n"),
    "inference_type": ("plain", _OPTIMIZE + _DATA + "converter.inference_type = tf.int8\n"),
    "default_ranges_stats": ("plain", "converter.default_ranges_stats = (0, 6)\n"),
    "quantized_input_stats": (
        "plain",
        _OPTIMIZE + "converter.quantized_input_stats = {'image': (128, 127)}\n",
    ),
    "full, select": (
        "plain",
        _OPTIMIZE + _DATA + _ops("TFLITE_BUILTINS_INT8", "SELECT_TF_OPS") + _IN + _OUT,
    ),
    "full, select, float operator": (
        "elu",
        _OPTIMIZE + _DATA + _ops("TFLITE_BUILTINS_INT8", "SELECT_TF_OPS") + _IN + _OUT,
    ),
    "select only": ("plain", _OPTIMIZE + _DATA + _ops("SELECT_TF_OPS")),
    "qat": ("qat", ""),
    "qat, optimize": ("qat", _OPTIMIZE),
    "qat, optimize, int8 io": ("qat", _OPTIMIZE + _IN + _OUT),
    "qat, int8 io": ("qat", _IN + _OUT),
    "qat, data": ("qat", _DATA),
    "qat, int8 ops": ("qat", _INT8),
    "qat, optimize, int8 ops": ("qat", _OPTIMIZE + _INT8),
    "qat, optimize, int8 ops, int8 io": ("qat", _OPTIMIZE + _INT8 + _IN + _OUT),
    "qat, optimize, data": ("qat", _OPTIMIZE + _DATA),
    "qat, full": ("qat", _FULL),
    "annotated": ("annotated", ""),
    "annotated, optimize": ("annotated", _OPTIMIZE),
    "annotated, full": ("annotated", _FULL),
    "list of array": ("plain", _given(f"[{_X}]")),
    "array": ("plain", _given(_X)),
    "tensor": ("plain", _given(f"tf.constant({_X})")),
    "list of tensor": ("plain", _given(f"[tf.constant({_X})]")),
    "tuple of array": ("plain", _given(f"({_X},)")),
    "dict by name": ("plain", _given(f"{{'image': {_X}}}")),
    "array without batch": ("plain", _given("[np.ones((16, 16, 8), np.float32)]")),
    "other height": ("plain", _given("[np.ones((1, 8, 16, 8), np.float32)]")),
    "other channels": ("plain", _given("[np.ones((1, 16, 16, 3), np.float32)]")),
    "batch of four": ("plain", _given("[np.ones((4, 16, 16, 8), np.float32)]")),
    "float64": ("plain", _given("[np.ones((1, 16, 16, 8))]")),
    "uint8": ("plain", _given("[np.ones((1, 16, 16, 8), np.uint8)]")),
    "nested list": ("plain", _given(f"[{_X}.tolist()]")),
    "two for one": ("plain", _given(f"[{_X}, {_X}]")),
    "one for two": ("two", _given(f"[{_X}]")),
    "two for two": ("two", _given(f"[{_X}, {_X}]")),
    "image and label": ("plain", _given(f"({_X}, np.ones((1,)))")),
    "generator object": (
        "plain",
        _OPTIMIZE + _INT8 + "converter.representative_dataset = data()\n",
    ),
    "list": ("plain", _OPTIMIZE + _INT8 + f"converter.representative_dataset = [[{_X}]]\n"),
    "array itself": ("plain", _OPTIMIZE + _INT8 + f"converter.representative_dataset = {_X}\n"),
    "returns list": (
        "plain",
        _OPTIMIZE + _INT8 + f"converter.representative_dataset = lambda: [[{_X}]]\n",
    ),
    "returns None": (
        "plain",
        _OPTIMIZE + _INT8 + "converter.representative_dataset = lambda: None\n",
    ),
    "yields nothing": (
        "plain",
        _OPTIMIZE + _INT8 + "converter.representative_dataset = lambda: iter(())\n",
    ),
    "takes an argument": (
        "plain",
        _OPTIMIZE + _INT8 + f"converter.representative_dataset = lambda images: [[{_X}]]\n",
    ),
    "dataset itself": (
        "plain",
        _OPTIMIZE
        + _INT8
        + f"converter.representative_dataset = tf.data.Dataset.from_tensors({_X})\n",
    ),
    "RepresentativeDataset": (
        "plain",
        _OPTIMIZE
        + _INT8
        + "converter.representative_dataset = tf.lite.RepresentativeDataset(data)\n",
    ),
    "TF 1: nothing": ("v1", ""),
    "TF 1: optimize": ("v1", _OPTIMIZE),
    "TF 1: optimize, data": ("v1", _OPTIMIZE + _DATA),
    "TF 1: full": ("v1", _FULL),
    "TF 1: post_training_quantize": ("v1", "converter.post_training_quantize = True\n"),
    "TF 1: target_ops": (
        "v1",
        _OPTIMIZE + _DATA + "converter.target_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n",
    ),
    "TF 1: inference_type": (
        "v1",
        "converter.inference_type = tf.uint8\n"
        "converter.quantized_input_stats = {'image': (128, 127)}\n",
    ),
    "TF 1: inference_type, no input stats": ("v1", "converter.inference_type = tf.uint8\n"),
    "TF 1: dummy": (
        "v1",
        "converter.inference_type = tf.uint8\n"
        "converter.quantized_input_stats = {'image': (128, 127)}\n"
        "converter.default_ranges_stats = (0, 6)\n",
    ),
    "TF 1: dummy int8": (
        "v1",
        "converter.inference_type = tf.int8\n"
        "converter.quantized_input_stats = {'image': (0, 127)}\n"
        "converter.default_ranges_stats = (0, 6)\n",
    ),
    "TF 1: default ranges only": ("v1", "converter.default_ranges_stats = (0, 6)\n"),
    "TF 1: dummy, old converter": (
        "v1",
        "converter.inference_type = tf.uint8\n"
        "converter.quantized_input_stats = {'image': (128, 127)}\n"
        "converter.default_ranges_stats = (0, 6)\n"
        "converter.experimental_new_converter = False\n",
    ),
    "TF 1: nothing, old converter": ("v1", "converter.experimental_new_converter = False\n"),
}
"""By name the kind of model and what is set on its converter."""

_FILE = "settings.json"
_LENGTH = 200
"""Characters kept of a message."""


@cache
def load() -> Mapping[str, Mapping[str, str]]:
    """By case, and by toolchain as it is named on the command line: what comes out.

    `int8 io=INT8,INT8`, `float`, `dynamic range`, `mixed io=...` or `raises TYPE: MESSAGE`.
    """
    data: dict[str, dict[str, str]] = json.loads(
        (files("qlsp.evidence") / "data" / _FILE).read_text(encoding="utf-8")
    )
    return data


def describe(content: bytes) -> str:
    """What kind of model came out, with the operators that tell."""
    graph = read_model(content).main
    ops = [op for each in graph.operators for op in [each.op] if op.name not in _CASTS]
    types = {op.type for op in ops}
    kind = _kind(graph, types)
    io = ",".join(graph.tensors[index].type for index in (*graph.inputs[:1], *graph.outputs[:1]))
    names = " ".join(f"{op.name}:{op.type}" for op in ops)
    return f"{kind} io={io} ops={names}"


_CASTS = frozenset({"QUANTIZE", "DEQUANTIZE", "FAKE_QUANT"})


def _kind(graph: Subgraph, types: set[str]) -> str:
    weights = {
        tensor.type
        for tensor in graph.tensors
        if tensor.data is not None and tensor.elements >= 64 and tensor.type != "INT32"
    }
    if types <= {"INT8", "UINT8", "INT16", "INT32"}:
        return "int16" if "INT16" in types else "uint8" if "UINT8" in types else "int8"
    if types & {"INT8", "INT16", "UINT8"}:
        return "mixed"
    if "INT8" in weights or "UINT8" in weights:
        return "dynamic range" if "FLOAT32" in types else "int8 weights"
    return "float16 weights" if "FLOAT16" in weights else "float"


def measure(name: str, interpreter: str, folder: str | None = None) -> dict[str, str]:
    """What every case gives on the toolchain `name`; `folder` has its tfmot, if any apart."""
    chosen = setup(name)
    environment = {
        **os.environ,
        **chosen.environment,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        # The old converter is a program beside the interpreter.
        "PATH": os.pathsep.join([str(Path(interpreter).parent), os.environ.get("PATH", "")]),
    }
    if folder:
        environment["PYTHONPATH"] = folder
    jobs = [
        {"name": case, "model": model, "source": source}
        for case, (model, source) in CASES.items()
        if chosen.flavour != "tf1" or model.startswith("v1")
        if chosen.flavour != "keras3" or not model.startswith(("qat", "annotated"))
    ]
    found: dict[str, str] = {}
    runner = str(Path(__file__).with_name("runner_settings.py"))
    while jobs:
        with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as journal:
            subprocess.run(
                [interpreter, runner, journal.name],
                input=json.dumps(jobs),
                text=True,
                env=environment,
                capture_output=True,
                check=False,
            )
            begun = ""
            for line in map(json.loads, journal.read().splitlines()):
                begun = line.get("begin", begun)
                if "begin" not in line:
                    found[line["name"]] = _outcome(line)
        if begun and begun not in found:
            found[begun] = "raises: the process dies"
        left = [job for job in jobs if job["name"] not in found]
        if len(left) == len(jobs):
            raise SystemExit(f"nothing can be measured with {interpreter}")
        jobs = left
    return found


def _outcome(line: Mapping[str, Any]) -> str:
    if "error" in line:
        kind, message = line["error"]
        return f"raises {kind}: {_shortened(message)}"
    return describe(base64.b64decode(line["model"]))


def _shortened(message: str) -> str:
    """The end of a long message, which is where a stack of notes tells the cause."""
    if message.startswith("You need to provide"):
        return message.partition(".")[0]
    return message if len(message) <= _LENGTH else "..." + message[-_LENGTH:]


def _rows(found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for case in CASES:
        row = json.dumps(dict(sorted(found.get(case, {}).items())), ensure_ascii=False)
        yield f"{json.dumps(case)}: {row}"


def main(name: str, interpreter: str, folder: str | None = None) -> None:
    """Measure a toolchain and write its column."""
    path = Path(str(files("qlsp.evidence") / "data" / _FILE))
    known: dict[str, dict[str, str]] = {}
    if path.exists():
        known = json.loads(path.read_text(encoding="utf-8"))
    for case, outcome in measure(name, interpreter, folder).items():
        known.setdefault(case, {})[name] = outcome
    path.write_text("{\n" + ",\n".join(_rows(known)) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
