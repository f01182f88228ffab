"""Hostile and damaged model files: refused before Keras sees them."""

from __future__ import annotations

import json
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

from qlsp.verify.runner import saved
from qlsp.verify.runner.loading import BuilderError
from qlsp.verify.runner.saved import check_safe, load_model

LAMBDA = {"class_name": "Lambda", "config": {"name": "shift", "function": ["4wEAAAA=", None, None]}}
CALL = {"module": "os", "class_name": "function", "config": "system"}
FETCH = {"module": "keras.utils", "class_name": "function", "config": "get_file"}
UNLOCK = {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}}
TORCH = {"module": "keras.layers", "class_name": "TorchModuleWrapper", "config": {"name": "net"}}
WRITE = {"class_name": "TFOpLambda", "config": {"name": "save", "function": "io.write_file"}}
PICKLE = {"class_name": "TFOpLambda", "config": {"name": "x", "function": "compat.v1.py_func"}}
PLAIN = [
    {"module": "keras.activations", "class_name": "function", "config": "relu"},
    {"module": "builtins", "class_name": "function", "config": "relu"},
    {"module": "keras.src.models.functional", "class_name": "Functional", "config": {}},
    {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}},
    {"class_name": "TFOpLambda", "config": {"name": "mul", "function": "math.multiply"}},
    {"class_name": "TFOpLambda", "config": {"name": "up", "function": "image.resize"}},
]
DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}}


def model_of(*layers: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": {"name": "model", "layers": list(layers)}}


def keras_file(folder: Path, config: str, written_by: str = "3.0.0") -> Path:
    file = folder / "model.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("metadata.json", json.dumps({"keras_version": written_by}))
    return file


def h5_file(folder: Path, config: str) -> Path:
    h5py = pytest.importorskip("h5py")
    file = folder / "model.h5"
    with h5py.File(file, "w") as content:
        content.attrs["model_config"] = config
    return file


@pytest.mark.parametrize("make", [keras_file, h5_file])
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (LAMBDA, "layer 'shift' is a Lambda, so loading it runs code from the file; --trust"),
        (
            {"module": "builtins", "class_name": "eval", "config": {}},
            "names 'builtins.eval', so loading it runs code outside Keras",
        ),
        (CALL, "names 'os.function', so loading it runs code outside Keras; --trust"),
        (FETCH, "names the function 'keras.utils.get_file', so loading it runs code besides"),
        (UNLOCK, "names the function 'keras.config.enable_unsafe_deserialization', so loading"),
        (TORCH, "layer 'net' is a TorchModuleWrapper, so loading it runs code from the file"),
        (WRITE, "layer 'save' calls 'tf.io.write_file', which reaches outside Keras; --trust"),
        (PICKLE, "layer 'x' calls 'tf.compat.v1.py_func', which reaches outside Keras"),
    ],
)
def test_code_is_not_run(tmp_path: Path, make: Any, layer: dict[str, Any], message: str) -> None:
    file = make(tmp_path, json.dumps(model_of(DENSE, {"config": {"layer": layer}})))
    with pytest.raises(BuilderError, match=message):
        check_safe(file)


@pytest.mark.parametrize("make", [keras_file, h5_file])
def test_plain_model_passes(tmp_path: Path, make: Any) -> None:
    check_safe(make(tmp_path, json.dumps(model_of(DENSE, *PLAIN))))


def test_class_of_the_builders_file_is_known(tmp_path: Path) -> None:
    own = {"module": "my_model", "class_name": "Gate", "config": {}}
    file = keras_file(tmp_path, json.dumps(model_of(own)))
    check_safe(file, frozenset({"Gate"}))
    with pytest.raises(BuilderError, match=r"names 'my_model\.Gate'"):
        check_safe(file)
    with pytest.raises(BuilderError, match="is a Lambda"):
        check_safe(keras_file(tmp_path, json.dumps(model_of(LAMBDA))), frozenset({"Lambda"}))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.keras", b"", "not a .keras model, or a damaged one"),
        ("model.keras", b"PK\x03\x04" + b"\0" * 40, "not a .keras model, or a damaged one"),
        ("model.h5", b"nothing", "not an HDF5 model, or a damaged one"),
        ("model.h5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 90, "not an HDF5 model, or a damaged one"),
    ],
)
def test_damaged_file(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    if name.endswith(".h5"):
        pytest.importorskip("h5py")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BuilderError, match=message):
        check_safe(tmp_path / name)


@pytest.mark.parametrize("text", ["{", "[" * 200_000, "null", "\0"])
def test_damaged_description(tmp_path: Path, text: str) -> None:
    file = keras_file(tmp_path, text)
    if text == "null":
        check_safe(file)  # Keras refuses it
        return
    with pytest.raises(BuilderError, match="its description is not JSON"):
        check_safe(file)


def test_weights_only(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "model.h5", "w") as content:
        content.attrs["layer_names"] = ["dense"]
    with pytest.raises(BuilderError, match="holds weights only"):
        check_safe(tmp_path / "model.h5")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "it holds no saved_model.pb"),
        ({"saved_model.pb": b"..\x12\x09WriteFile.."}, "has the operation WriteFile"),
        (
            {"saved_model.pb": b"", "keras_metadata.pb": b'{"class_name": "Lambda", "config"'},
            "holds a Lambda",
        ),
    ],
)
def test_saved_model(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BuilderError, match=message):
        check_safe(tmp_path)


def test_file_of_another_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = json.dumps(model_of(DENSE))
    monkeypatch.setitem(sys.modules, "keras", types.SimpleNamespace(__version__="2.5.0"))
    with pytest.raises(
        BuilderError, match=r"written by Keras 3\.0\.0, which is not installed; choose"
    ):
        load_model(str(keras_file(tmp_path, config)))
    monkeypatch.setattr(saved, "version", lambda: (2, 5))
    with pytest.raises(BuilderError, match=r"reads \.keras files from 2\.12 on; choose another"):
        load_model(str(keras_file(tmp_path, config, "2.12.0")))
