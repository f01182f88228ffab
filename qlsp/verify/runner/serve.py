"""The commands that qlsp gives the runner, one after the other."""

from __future__ import annotations

import contextlib
import importlib.util
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from . import provenance, reading
from .channel import Channel, Message
from .loading import BuilderError, build, custom_objects, load, overlay


def serve(folder: str) -> None:
    """Answer commands until qlsp ends."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # an aborting converter leaves no core
    channel = Channel(folder)
    channel.send({"python": platform.python_version()})
    runner = Runner(channel, Path(folder))
    for command in channel.commands():
        started = time.time()
        answer = runner.answer(command)
        answer["seconds"] = time.time() - started
        channel.send(answer)


class Runner:
    """The state between commands: the model built, and the examples it is converted with."""

    def __init__(self, channel: Channel, folder: Path) -> None:
        self._channel = channel
        self._folder = folder
        self._model: Any = None
        self._specs: list[Any] = []
        self._examples: list[list[Any]] = []
        self._objects: dict[str, Any] = {}

    def answer(self, command: Message) -> Message:
        """The result of a command, or its error: kind `builder` or `exception`."""
        try:
            handler = getattr(self, "do_" + command.pop("do"))
            return {"result": handler(**command)}
        except BuilderError as error:
            return {"error": {"kind": "builder", "message": str(error)}}
        except BaseException as error:  # user code may raise SystemExit too
            return {
                "error": {
                    "kind": "exception",
                    "type": type(error).__name__,
                    "message": str(error),
                    "module": getattr(error, "name", None),
                    "trace": _user_trace(error),
                }
            }

    def _stage(self, name: str) -> None:
        self._channel.send({"stage": name})

    def do_start(self) -> Message:
        """Import TensorFlow, where there is one."""
        if importlib.util.find_spec("tensorflow") is None:
            return {"tensorflow": None}
        provenance.record()
        reading.record()
        import tensorflow as tf

        reading.watch()
        from .conversion import tfmot_version

        return {"tensorflow": tf.__version__, "tfmot": tfmot_version()}

    def do_build(
        self,
        file: str,
        builder: str,
        roots: list[str],
        arguments: Message,
        overlays: dict[str, str],
        shapes: list[list[int | None]] | None = None,
        examples: int = 8,
    ) -> Message:
        """Import the user's file, call its builder, and describe the model."""
        eager()
        texts = {path: Path(text).read_bytes() for path, text in overlays.items()}
        module = load(file, roots, overlay(texts))
        self._stage("build")
        if "tensorflow" in sys.modules:
            from .data import seed_everything

            seed_everything()
        model = build(module, builder, arguments)
        self._objects = custom_objects(module)
        from .data import input_specs, randomize, sample
        from .describe import describe

        self._specs = input_specs(model, shapes)
        self._examples = sample(self._specs, examples)
        if not getattr(model, "inputs", None):
            from .conversion import call

            call(model, self._examples[0])
        changed = randomize(model)
        self._model = model
        return {"model": describe(model), "randomized": len(changed)}

    def do_open(
        self,
        file: str,
        trust: bool,
        inputs: list[str],
        outputs: list[str],
        shapes: list[list[int | None]] | None = None,
        examples: int = 8,
    ) -> Message:
        """Load a model file, and describe the model."""
        from .data import input_specs, sample
        from .describe import describe, describe_graph
        from .graphs import GraphModel
        from .opening import open_model

        if not file.endswith(".pb"):
            eager()
        model = open_model(Path(file), trust, inputs, outputs)
        self._model = model
        is_graph = isinstance(model, GraphModel)
        self._specs = model.specs if is_graph else input_specs(model, shapes)
        self._examples = sample(self._specs, examples)
        return {"model": (describe_graph if is_graph else describe)(model), "randomized": 0}

    def do_data(self, data: str) -> int:
        """Use the user's examples from now on."""
        from .examples import load_examples

        self._examples = load_examples(data, self._specs)
        return len(self._examples)

    def do_convert(self, workflow: str, representative: bool = False) -> Message:
        """Convert the model; the flatbuffer is left in a file."""
        from .conversion import convert
        from .describe import aliases

        converted = convert(self._model, workflow, self._examples, representative)
        name = None
        if converted.content is not None:
            file = self._folder / (workflow + ("_representative" * representative) + ".tflite")
            file.write_bytes(converted.content)
            name = str(file)
        failure = converted.failure
        return {
            "file": name,
            "integer_io": converted.integer_io,
            "failure": None if failure is None else vars(failure),
            "aliases": aliases(converted.quantized) if converted.quantized is not None else {},
        }

    def do_ranges(self, file: str, tensors: list[str], data: str | None) -> Message:
        """Least and largest values of tensors of the frozen graph that was opened from `file`."""
        from .ranges import measure_ranges

        return measure_ranges(self._model, file, tensors, data)

    def do_ratios(self, file: str) -> list[float]:
        """Signal-to-noise ratio of a converted model's outputs."""
        from .fidelity import output_ratios

        return output_ratios(self._model, file, self._examples)

    def do_tensors(self, reference: str, file: str, pairs: list[list[int]]) -> list[Any]:
        """Signal-to-noise ratio of tensors within two converted models."""
        from .fidelity import tensor_ratios

        return list(tensor_ratios(self._model, reference, file, pairs, self._examples))

    def do_time(self, files: list[str], seconds: float) -> list[Message]:
        """Latency of converted models."""
        from .timing import latencies

        return latencies(files, self._examples, seconds)

    def do_files(self) -> Any:
        """Files that the user's code has read so far."""
        return reading.files(str(self._folder))

    def do_save(self) -> Message:
        """Write weights, inputs and outputs to a file for another build of the model."""
        from .transfer import save

        file = self._folder / "weights.npz"
        return {"file": str(file), "saved": save(self._model, self._examples, file)}

    def do_compare(self, file: str, saved: Message) -> list[Message]:
        """Take over the weights of another build, and compare the outputs."""
        from .transfer import compare, transfer

        transfer(self._model, saved, Path(file))
        return compare(self._model, saved, Path(file))

    def do_restore(self, weights: str) -> Message:
        """Quantize the model that was built, load trained weights, and save it whole."""
        from .proof import restore

        file = self._folder / "trained.h5"
        restore(self._model, weights).save(str(file))
        return {"file": str(file)}

    def do_merge(self, trained: str, trust: bool, data: str | None) -> Message:
        """Give the model that was built the weights and ranges of a trained one; convert both."""
        from .proof import merge_and_compare
        from .saved import load_model

        model = load_model(trained, trust, self._objects)
        self._stage("merge")
        return merge_and_compare(model, self._model, self._examples, data, self._folder)


def eager() -> None:
    """Give TensorFlow 1.15 the behaviour of 2, which the converter for Keras models needs."""
    tf = sys.modules.get("tensorflow")
    if tf is not None and tf.__version__.startswith("1."):
        tf.compat.v1.enable_v2_behavior()


def _user_trace(error: BaseException) -> list[Any]:
    """Where the error passed through user code: file, line and function, outermost first."""
    return [
        [frame.filename, frame.lineno, frame.name]
        for frame in traceback.extract_tb(error.__traceback__)
    ]
