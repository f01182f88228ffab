"""A conversation with the runner in the user's interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from qlsp.discovery.interpreter import Interpreter
from qlsp.error import QlspError
from qlsp.lower.lowering import ConversionError
from qlsp.toolchain import Workflow
from qlsp.verify.channel import LEAST_ROOM, NO_SPACE, ROOM, Channel, Progress
from qlsp.verify.messages import last_line
from qlsp.verify.model import BuiltModel
from qlsp.verify.process import ExitError, Limits
from qlsp.verify.target import Target

_COPIES: Final = 3
"""How often weights are there at once: in a SavedModel, in what is converted, and to compare."""


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
        self._channel = Channel(interpreter, limits, progress)

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
        self._channel.close()

    @property
    def output(self) -> str:
        """The end of what the user's code and TensorFlow printed."""
        return self._channel.output

    @property
    def seconds(self) -> Mapping[str, float]:
        """Time spent so far, by what was done."""
        return self._channel.seconds

    def without(self, package: str) -> str:
        """That the interpreter lacks `package`, and what to do about it."""
        return self._channel.without(package)

    @property
    def folder(self) -> Path:
        """For files that go with the session."""
        return self._channel.folder

    @property
    def over(self) -> bool:
        """Whether the runner has ended."""
        return self._channel.over

    def start(self) -> Versions | None:
        """Import TensorFlow; None if the interpreter has none."""
        found = self._channel.ask("importing TensorFlow", do="start")
        if found["tensorflow"] is None:
            return None
        return Versions(self._channel.python, found["tensorflow"], found["tfmot"])

    def build(self, target: Target) -> BuiltModel:
        """Import the file and call the builder, or load the model file."""
        answer = self._open(target) if target.is_file else self._build(target)
        model = BuiltModel.of(self._channel.result(answer, target))
        self._channel.needed = LEAST_ROOM + _COPIES * 4 * model.params
        if target.data:
            answer = self._channel.call("reading the data", do="data", data=target.data)
            self._channel.result(answer, target)
        return model

    def _open(self, target: Target) -> dict[str, Any]:
        return self._channel.call(
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
            copy = self._channel.folder / f"overlay-{number}"
            copy.write_bytes(text)
            overlays[str(path.resolve())] = str(copy)
        return self._channel.call(
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
            answer = self._channel.call(
                f"converting ({workflow})",
                do="convert",
                workflow=workflow,
                representative=representative,
            )
        except ExitError as error:
            if NO_SPACE in error.output:
                raise QlspError(f"while {self._channel.doing}, {NO_SPACE}; {ROOM}") from None
            self._channel.check_room()
            reason = ConversionError("Abort", f"{error}: {last_line(error.output)}")
            return Conversion(workflow, None, reason, False, {}, 0.0)
        found = self._channel.result(answer)
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
        found = self._channel.ask("listing files", do="files")
        return None if found is None else tuple(Path(each) for each in found)

    def save(self) -> Weights:
        """The weights of the model that was built, some inputs, and its outputs on them."""
        answer = self._channel.ask("computing outputs", do="save")
        return Weights(Path(answer["file"]).read_bytes(), answer["saved"])

    def compare(self, weights: Weights) -> tuple[Difference, ...]:
        """Give the model the weights of another, and say per output how far it is from it.

        Raises `QlspError` naming the layer where the weights of one have no place in the other.
        """
        file = self._channel.folder / "weights.npz"
        file.write_bytes(weights.content)
        found = self._channel.ask(
            "comparing outputs", do="compare", file=str(file), saved=weights.saved
        )
        return tuple(Difference(each["difference"], each["magnitude"]) for each in found)

    def ranges(self, file: Path, tensors: Sequence[str], data: str) -> Mapping[str, Any]:
        """What values tensors of the frozen graph take that was built from `file`.

        `data` as of `Target`; empty for random inputs. See `runner.ranges`.
        """
        command = {"file": str(file), "tensors": list(tensors), "data": data or None}
        result: Mapping[str, Any] = self._channel.ask("measuring ranges", do="ranges", **command)
        return result

    def ratios(self, content: bytes) -> tuple[float, ...]:
        """Signal-to-noise ratio in dB of a conversion against the model that was built."""
        file = self._channel.write("model.tflite", content)
        return tuple(self._channel.ask("running the model", do="ratios", file=file))

    def tensor_ratios(
        self, reference: bytes, content: bytes, pairs: Sequence[tuple[int, int]]
    ) -> list[float | None]:
        """The same of pairs of tensors in two conversions; None where they can't be read."""
        command = {
            "reference": self._channel.write("reference.tflite", reference),
            "file": self._channel.write("model.tflite", content),
            "pairs": pairs,
        }
        return list(self._channel.ask("running the model", do="tensors", **command))

    def time(self, contents: Sequence[bytes], seconds: float) -> list[dict[str, Any]]:
        """Time conversions, interleaved, so many seconds for each."""
        files = [
            self._channel.write(f"timed-{number}.tflite", each)
            for number, each in enumerate(contents)
        ]
        return list(self._channel.ask("timing", do="time", files=files, seconds=seconds))

    def restore(self, weights: Path) -> bytes:
        """The model that was built, quantized and with trained weights, as an `.h5` file."""
        found = self._channel.ask("loading the weights", do="restore", weights=str(weights))
        return Path(found["file"]).read_bytes()

    def merge(self, trained: Path, *, trust: bool, data: Path | None) -> Mapping[str, Any]:
        """Give the model that was built what another one has learned; see `verify.merge`."""
        doing = "loading the trained model"
        options = {"trust": trust, "data": None if data is None else str(data)}
        result: Mapping[str, Any] = self._channel.ask(
            doing, do="merge", trained=str(trained), **options
        )
        return result
