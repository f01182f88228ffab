"""Load a Keras model from a file, without running code that the file brings along.

A model file is a program: a Lambda holds compiled Python, and a `.keras` file names modules and
functions to import. So what a file holds is looked at before Keras sees it.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import zipfile
from pathlib import Path
from typing import Any, Iterator

from .conversion import keras2, version
from .loading import BuilderError

_OWN = {"", "keras", "keras_core", "tensorflow", "tensorflow_model_optimization"}
_OWN |= {"tf_keras", "keras_hub", "keras_nlp", "keras_cv"}
"""Packages whose classes a file may name."""
_RUNNING = {"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper", "__lambda__"}
"""Classes of Keras that bring or load code."""
_FUNCTIONS = {"activations", "constraints", "initializers", "losses", "metrics", "ops"}
_FUNCTIONS |= {"regularizers"}
"""Modules of Keras whose functions a file may name; `keras.utils` has some that fetch files."""
_REACHING = {"data", "gfile", "io", "load_library", "load_op_library", "numpy_function"}
_REACHING |= {"py_func", "py_function", "raw_ops", "saved_model", "summary"}
"""Parts of TensorFlow that reach outside a model; a layer in a file may call any function."""
_REACHING_OUT = ("PyFunc", "EagerPyFunc", "PyFuncStateless", "ReadFile", "WriteFile")
_OF_FILES = (
    *("Save", "Restore", "MergeV2Checkpoints", "MatchingFiles", "ImmutableConst", "PrintV2"),
    *("TextLine", "TFRecord", "FixedLengthRecord", "WholeFileReader", "SqlDataset", "LMDB"),
    *("InitializeTableFromTextFile", "CreateSummary", "ShardedFilename", "CacheDataset"),
)
"""Beginnings of operations on files, which a SavedModel has to restore itself and a frozen graph
has no use for.
"""
_KERAS_FILES = (2, 12)
"""The first TensorFlow whose Keras reads `.keras` files."""
_UNKNOWN_CLASS = ("Unknown layer", "Unknown object", "custom class")
"""In what Keras says of a file that names classes of the user's."""
_LARGEST = 256 * 1024 * 1024
"""Bytes of a model's description; real ones have a few megabytes."""


def load_model(file: str, trust: bool = False, objects: dict[str, Any] | None = None) -> Any:
    """The Keras model in `file`: `.keras`, `.h5` or a SavedModel's folder.

    `objects` are custom classes by name. With `trust` a Lambda's code may run. Raises
    `BuilderError` in one line with the next step, also for damaged files.
    """
    path = Path(file)
    if not trust:
        check_safe(path, frozenset(objects or ()))
    with contextlib.ExitStack() as scopes:
        keras = _keras(path)
        scopes.enter_context(_scope(objects or {}))
        scopes.enter_context(keras.utils.custom_object_scope(objects or {}))
        options = {"compile": False}
        # Older ones don't know the option, and load what they find.
        if trust and "safe_mode" in inspect.signature(keras.models.load_model).parameters:
            options["safe_mode"] = False
        try:
            return keras.models.load_model(str(path), **options)
        except Exception as error:
            raise BuilderError(_unreadable(path, error)) from None


def _unreadable(path: Path, error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = (lines[0] if lines else type(error).__name__)[:300]
    if any(each in text for each in _UNKNOWN_CLASS):
        text += "; verify what builds it instead: FILE.py::BUILDER"
    return f"{path.name}: Keras can't load it: {text}"


def _scope(objects: dict[str, Any]) -> Any:
    """In which tfmot's classes and `objects` are known by name."""
    with contextlib.suppress(ImportError):
        import tensorflow_model_optimization as tfmot

        return tfmot.quantization.keras.quantize_scope(objects)
    return keras2().utils.custom_object_scope(objects)


def _keras(path: Path) -> Any:
    """The Keras that wrote the file. Raises `BuilderError` where there is none such."""
    if path.is_dir():
        return keras2()
    written = _written_by(path)
    elsewhere = "choose another interpreter with --python"
    if not written.startswith("3"):
        if path.suffix == ".keras" and version() < _KERAS_FILES:
            raise BuilderError(
                f"{path.name}: TensorFlow reads .keras files from 2.12 on; {elsewhere}, "
                "or save the model as .h5"
            )
        return keras2()
    with contextlib.suppress(ImportError):
        import keras  # `tf.keras` may be the other one

        if keras.__version__.startswith("3"):
            return keras
    raise BuilderError(
        f"{path.name}: was written by Keras {written}, which is not installed; {elsewhere}"
    )


def _written_by(path: Path) -> str:
    if path.suffix == ".keras":
        return str(_zipped(path, "metadata.json").get("keras_version", "3"))
    return str(_attribute(path, "keras_version") or "2")


def check_safe(path: Path, known: frozenset[str] = frozenset()) -> None:
    """Raise `BuilderError` if loading the file would run code that it brings or names.

    Classes that are `known` by name may be named.
    """
    if path.is_dir():
        _inspect_saved_model(path)
        return
    if path.suffix == ".keras":
        config = _zipped(path, "config.json")
    else:
        text = _attribute(path, "model_config")
        if text is None:
            raise BuilderError(
                f"{path.name}: holds weights only: name their model with --trained-builder"
            )
        config = _parsed(path, text)
    for each in _dictionaries(config):
        _check(path, each, known)


def _check(path: Path, config: dict[str, Any], known: frozenset[str]) -> None:
    reason = _runs_code(config, known)
    if reason:
        raise BuilderError(
            f"{path.name}: {reason}; --trust does so, if you know where the file is from"
        )


def _runs_code(config: dict[str, Any], known: frozenset[str]) -> str:
    """What in one dictionary of a description makes loading it run code; empty if nothing."""
    cls, module, inner = config.get("class_name"), config.get("module"), config.get("config")
    inner = inner if isinstance(inner, dict) else {}
    if cls in _RUNNING:
        return f"layer '{inner.get('name', '?')}' is a {cls}, so loading it runs code from the file"
    called = inner.get("function")
    if cls == "TFOpLambda" and isinstance(called, str) and _REACHING & set(called.split(".")):
        return f"layer '{inner.get('name', '?')}' calls 'tf.{called}', which reaches outside Keras"
    if cls in known or (module, cls) == ("builtins", "function"):  # the latter: Keras's own
        return ""
    if not isinstance(cls, str) or not isinstance(module, str):
        return ""
    parts = module.split(".")
    if parts[0] not in _OWN:
        return f"names '{module}.{cls}', so loading it runs code outside Keras"
    if parts[0] and not cls[:1].isupper() and not _FUNCTIONS & set(parts):
        name = config.get("config") if cls == "function" else cls
        return f"names the function '{module}.{name}', so loading it runs code besides layers"
    return ""


def _inspect_saved_model(path: Path) -> None:
    metadata = path / "keras_metadata.pb"
    if not (path / "saved_model.pb").exists():
        raise BuilderError(f"{path.name}: no SavedModel: it holds no saved_model.pb")
    if metadata.exists():
        content = metadata.read_bytes()
        if b'"class_name": "Lambda"' in content or b'"function_type": "lambda"' in content:
            raise BuilderError(
                f"{path.name}: holds a Lambda, so loading it runs code from the file; "
                "--trust does so, if you know where the file is from"
            )
    graph = (path / "saved_model.pb").read_bytes()
    for op in _REACHING_OUT:
        if b"\x12" + bytes([len(op)]) + op.encode() in graph:
            raise BuilderError(refusal(path, op))


def reaches_out(op: str) -> bool:
    """Whether an operation of a frozen graph reads or writes files, or runs Python."""
    return op in _REACHING_OUT or op.startswith(_OF_FILES)


def refusal(path: Path, op: str) -> str:
    """Why a model with such an operation is not opened."""
    return (
        f"{path.name}: has the operation {op}, which reaches outside the model; "
        "--trust runs it, if you know where the file is from"
    )


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            yield item
            pending += item.values()
        elif isinstance(item, list):
            pending += item


def _zipped(path: Path, name: str) -> Any:
    try:
        with zipfile.ZipFile(str(path)) as archive:
            if archive.getinfo(name).file_size > _LARGEST:
                raise BuilderError(f"{path.name}: its {name} is too large to be a model's")
            return _parsed(path, archive.read(name))
    except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError) as error:
        raise BuilderError(f"{path.name}: not a .keras model, or a damaged one ({error})") from None


def _attribute(path: Path, name: str) -> Any:
    """An attribute of an `.h5` file's root; None if it has none."""
    import h5py

    try:
        with h5py.File(str(path), "r") as file:
            found = file.attrs.get(name)
            return found.decode("utf-8", "replace") if isinstance(found, bytes) else found
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        text = str(error).splitlines()[0]
        raise BuilderError(f"{path.name}: not an HDF5 model, or a damaged one ({text})") from None


def _parsed(path: Path, text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BuilderError(f"{path.name}: its description is not JSON ({error})") from None
