"""A conversation with the runner in the user's interpreter."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.lower.lowering import ConversionError
from qlsp.toml import shown
from qlsp.toolchain import Workflow
from qlsp.verify.messages import exception_message, last_line
from qlsp.verify.model import BuiltModel
from qlsp.verify.process import MEGABYTE, Child, ExitError, LimitError, Limits

_RUNNER: Final = Path(__file__).parent / "runner" / "main.py"
_KERAS_PACKAGES: Final = {"tensorflow", "keras", "tf_keras"}

_LEAST_ROOM: Final = 4 * MEGABYTE
"""Bytes that have to be free for temporary files."""
_COPIES: Final = 3
"""How often weights are there at once: in a SavedModel, in what is converted, and to compare."""

_NO_SPACE: Final = os.strerror(errno.ENOSPC)
_ROOM: Final = "make room, or set TMPDIR"

_STAGES: Final = {"build": "building", "merge": "merging"}
_HINTS: Final = {
    "seconds": "--timeout gives it more",
    "memory": "--memory gives it more",
    "output": "does it print for ever?",
    "processes": "does it fork for ever?",
    "cancelled": "its result is not wanted any more",
}

Progress = Callable[[str], None]
"""Told what is being done, e.g. `building`."""


@dataclass(frozen=True, slots=True)
class Target:
    """The model to verify: a function, class or variable of a Python file, or a model file."""

    file: Path
    builder: str
    """Empty for a model file."""
    arguments: Mapping[str, object] = field(default_factory=dict)
    shapes: tuple[tuple[int | None, ...], ...] = ()
    """Input shapes, where the model does not know its own."""
    roots: tuple[Path, ...] = ()
    """Folders to import from besides the file's own."""
    texts: Mapping[Path, bytes] = field(default_factory=dict)
    """Sources to use instead of the files on disk."""
    data: str = ""
    """Representative data: an `.npy` or `.npz` file, or `FILE.py::FUNCTION`; else random."""
    trust: bool = False
    """Whether code in a model file may run."""
    inputs: tuple[str, ...] = ()
    """Of a frozen graph, where not all its placeholders."""
    outputs: tuple[str, ...] = ()

    @property
    def is_file(self) -> bool:
        """Whether the model itself is in the file, not code that builds it."""
        return not self.builder

    @property
    def shown(self) -> str:
        """The target as in the command line, its file relative to here."""
        return shown(self.file) if self.is_file else f"{shown(self.file)}::{self.builder}"

    def __str__(self) -> str:
        return str(self.file) if self.is_file else f"{self.file}::{self.builder}"


@dataclass(frozen=True, slots=True)
class Versions:
    """The toolchain found in the interpreter; the generation of Keras is the model's."""

    python: str
    tensorflow: str
    tfmot: str | None


@dataclass(frozen=True, slots=True)
class Conversion:
    """A workflow's outcome: the bytes of the model, or the error."""

    workflow: Workflow
    content: bytes | None
    error: ConversionError | None
    integer_io: bool
    aliases: Mapping[str, str]
    """Names of tfmot's wrappers, with those of the layers they wrap."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Weights:
    """What the runner saved of a model: for another session to take over."""

    content: bytes
    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """How far an output of one model is from that of another, over all examples."""

    largest: float
    """Largest absolute difference."""
    magnitude: float
    """Largest absolute value of the original's output."""


class Session:
    """One runner process, from start to kill; a context manager.

    Every method raises `QlspError` in one line; after that the session is over.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        limits: Limits,
        progress: Progress = lambda doing: None,
    ) -> None:
        """Start the interpreter. Raises `QlspError`."""
        self._interpreter = interpreter
        self._progress = progress
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="qlsp-verify-"))
        except OSError as error:
            raise QlspError(f"no temporary folder can be made: {error}") from None
        self._needed = _LEAST_ROOM
        self._doing = "starting"
        self._since = time.monotonic()
        self.seconds: dict[str, float] = {}
        """Time spent so far, by what was done."""
        try:
            self._child = Child(
                [interpreter.path, _RUNNER, self._folder], limits, self._environment()
            )
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise QlspError(f"{interpreter.path} can't be run: {error.strerror or error}") from None
        try:
            self._python = self._greeting()
        except BaseException:
            self.close()
            raise

    def _greeting(self) -> str:
        """The version of Python that answers. Raises `QlspError` if it is none, or too old."""
        answer = self._receive()
        if "too_old" in answer:
            raise QlspError(
                f"{self._interpreter.path} is Python {answer['too_old']}, and 3.7 is the oldest "
                "that can be verified in; choose another interpreter with --python"
            )
        return str(answer["python"])

    def _environment(self) -> dict[str, str]:
        environment = {
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "CUDA_VISIBLE_DEVICES": "-1",  # a training under way keeps its memory
            **os.environ,
            "TMPDIR": str(self._folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **dict(self._interpreter.environment),
        }
        environment.pop("PYTHONHOME", None)
        environment.pop("__PYVENV_LAUNCHER__", None)
        return environment

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the runner and all it started, and remove its folder."""
        self._child.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def output(self) -> str:
        """The end of what the user's code and TensorFlow printed."""
        return self._child.output

    def start(self) -> Versions | None:
        """Import TensorFlow; None if the interpreter has none."""
        answer = self._call("importing TensorFlow", do="start")
        found = self._result(answer)
        if found["tensorflow"] is None:
            return None
        return Versions(self._python, found["tensorflow"], found["tfmot"])

    def build(self, target: Target) -> BuiltModel:
        """Import the file and call the builder, or load the model file."""
        answer = self._open(target) if target.is_file else self._build(target)
        model = BuiltModel.of(self._result(answer, target))
        self._needed = _LEAST_ROOM + _COPIES * 4 * model.params
        if target.data:
            self._result(self._call("reading the data", do="data", data=target.data), target)
        return model

    def _open(self, target: Target) -> dict[str, Any]:
        return self._call(
            "loading the model",
            do="open",
            file=str(target.file),
            trust=target.trust,
            inputs=list(target.inputs),
            outputs=list(target.outputs),
            shapes=list(target.shapes) or None,
        )

    def _build(self, target: Target) -> dict[str, Any]:
        overlays = {}
        for number, (path, text) in enumerate(target.texts.items()):
            copy = self._folder / f"overlay-{number}"
            copy.write_bytes(text)
            overlays[str(path.resolve())] = str(copy)
        return self._call(
            "importing the file",
            do="build",
            file=str(target.file),
            builder=target.builder,
            roots=[str(root) for root in target.roots],
            arguments=dict(target.arguments),
            overlays=overlays,
            shapes=list(target.shapes) or None,
        )

    def convert(self, workflow: Workflow, *, representative: bool = False) -> Conversion:
        """Convert the model that was built.

        An exception of the converter is a result, and so is a converter that ends the
        process: then the session is over.
        """
        try:
            answer = self._call(
                f"converting ({workflow})",
                do="convert",
                workflow=workflow,
                representative=representative,
            )
        except ExitError as error:
            if _NO_SPACE in error.output:
                raise QlspError(f"while {self._doing}, {_NO_SPACE}; {_ROOM}") from None
            self._check_room()
            reason = ConversionError("Abort", f"{error}: {last_line(error.output)}")
            return Conversion(workflow, None, reason, False, {}, 0.0)
        found = self._result(answer)
        failure = found["failure"]
        return Conversion(
            workflow,
            Path(found["file"]).read_bytes() if found["file"] else None,
            failure
            and ConversionError(failure["type"], failure["message"], None, failure["stage"]),
            found["integer_io"],
            found["aliases"],
            answer["seconds"],
        )

    def files(self) -> tuple[Path, ...] | None:
        """Files that the user's code has read so far; None where they are too many to tell.

        Those of the interpreter and its packages, and temporary ones, are not among them.
        """
        found = self._result(self._call("listing files", do="files"))
        return None if found is None else tuple(Path(each) for each in found)

    def save(self) -> Weights:
        """The weights of the model that was built, some inputs, and its outputs on them."""
        answer = self._result(self._call("computing outputs", do="save"))
        return Weights(Path(answer["file"]).read_bytes(), answer["saved"])

    def compare(self, weights: Weights) -> tuple[Difference, ...]:
        """Give the model the weights of another, and say per output how far it is from it.

        Raises `QlspError` naming the layer where the weights of one have no place in the other.
        """
        file = self._folder / "weights.npz"
        file.write_bytes(weights.content)
        answer = self._call("comparing outputs", do="compare", file=str(file), saved=weights.saved)
        return tuple(
            Difference(each["difference"], each["magnitude"]) for each in self._result(answer)
        )

    def ranges(self, file: Path, tensors: Sequence[str], data: str) -> Mapping[str, Any]:
        """What values tensors of the frozen graph take that was built from `file`.

        `data` as of `Target`; empty for random inputs. See `runner.ranges`.
        """
        command = {"file": str(file), "tensors": list(tensors), "data": data or None}
        result: Mapping[str, Any] = self._result(
            self._call("measuring ranges", do="ranges", **command)
        )
        return result

    def ratios(self, content: bytes) -> tuple[float, ...]:
        """Signal-to-noise ratio in dB of a conversion against the model that was built."""
        file = self._write("model.tflite", content)
        return tuple(self._result(self._call("running the model", do="ratios", file=file)))

    def tensor_ratios(
        self, reference: bytes, content: bytes, pairs: Sequence[tuple[int, int]]
    ) -> list[float | None]:
        """The same of pairs of tensors in two conversions; None where they can't be read."""
        command = {
            "reference": self._write("reference.tflite", reference),
            "file": self._write("model.tflite", content),
            "pairs": pairs,
        }
        return list(self._result(self._call("running the model", do="tensors", **command)))

    def time(self, contents: Sequence[bytes], seconds: float) -> list[dict[str, Any]]:
        """Time conversions, interleaved, so many seconds for each."""
        files = [
            self._write(f"timed-{number}.tflite", each) for number, each in enumerate(contents)
        ]
        return list(self._result(self._call("timing", do="time", files=files, seconds=seconds)))

    def _write(self, name: str, content: bytes) -> str:
        file = self._folder / name
        file.write_bytes(content)
        return str(file)

    def restore(self, weights: Path) -> bytes:
        """The model that was built, quantized and with trained weights, as an `.h5` file."""
        answer = self._call("loading the weights", do="restore", weights=str(weights))
        return Path(self._result(answer)["file"]).read_bytes()

    def merge(self, trained: Path, *, trust: bool, data: Path | None) -> Mapping[str, Any]:
        """Give the model that was built what another one has learned; see `verify.merge`."""
        doing = "loading the trained model"
        options = {"trust": trust, "data": None if data is None else str(data)}
        answer = self._call(doing, do="merge", trained=str(trained), **options)
        result: Mapping[str, Any] = self._result(answer)
        return result

    @property
    def folder(self) -> Path:
        """For files that go with the session."""
        return self._folder

    @property
    def over(self) -> bool:
        """Whether the runner has ended."""
        return self._child.ended

    def _check_room(self) -> None:
        """Say so before the disk is full: converters take other ways, or end, where it is."""
        place = self._folder.parent  # the folder goes with the runner
        free = shutil.disk_usage(place).free
        if free < self._needed:
            raise QlspError(
                f"{free / MEGABYTE:.1f} MB are free in {place}, and this model needs "
                f"{self._needed / MEGABYTE:.0f} MB for temporary files: {_ROOM}"
            )

    def _call(self, doing: str, **command: object) -> dict[str, Any]:
        self._check_room()
        self._enter(doing)
        self._child.send(json.dumps(command).encode())
        while "stage" in (answer := self._receive()):
            self._enter(_STAGES[answer["stage"]])
        self._clock()
        return answer

    def _enter(self, doing: str) -> None:
        self._clock()
        self._doing = doing
        self._progress(doing)

    def _clock(self) -> None:
        """Book the time since the last call to what was being done."""
        now = time.monotonic()
        self.seconds[self._doing] = self.seconds.get(self._doing, 0.0) + now - self._since
        self._since = now

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._child.receive()
        except LimitError as error:
            hint = _HINTS[error.limit]
            message = f"while {self._doing}, the process {error}; {hint}"
            raise LimitError(error.limit, message) from None
        except ExitError as error:
            if self._doing.startswith("converting"):
                raise
            if self._doing == "starting" and error.code == 0:
                raise QlspError(f"{self._interpreter.path} is not a Python interpreter") from None
            last = last_line(error.output)
            raise QlspError(
                f"while {self._doing}, the process {error}" + (f": {last}" if last else "")
            ) from None
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise QlspError(f"{self._interpreter.path} is not a Python interpreter")
        return answer

    def _result(self, answer: Mapping[str, Any], target: Target | None = None) -> Any:
        if "result" in answer:
            return answer["result"]
        error = answer["error"]
        if error["kind"] == "builder":
            raise QlspError(error["message"])
        if error["type"] == "ModuleNotFoundError" and error["module"] in _KERAS_PACKAGES:
            raise QlspError(self.without(error["module"]))
        folders = () if target is None else (target.file.parent, *target.roots)
        message = exception_message(error, self._doing, folders)
        raise QlspError(f"{message}; {_ROOM}" if _NO_SPACE in message else message)

    def without(self, package: str) -> str:
        """That the interpreter lacks `package`, and what to do about it."""
        path, origin = self._interpreter.path, self._interpreter.origin
        return (
            f"no {package} in {path} ({origin}); "
            f"choose another interpreter with --python, or: {path} -m pip install {package}"
        )
