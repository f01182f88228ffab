"""Import the user's file and call the builder in it."""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import inspect
import linecache
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Iterable, Mapping, Sequence

_FRAMEWORKS = {"builtins", "keras", "tensorflow", "tf_keras"}


class BuilderError(Exception):
    """The user's code can't be verified as it is: one line, with the next step."""


class _Overlay(importlib.machinery.SourceFileLoader):
    """Loads a module from a text instead of its file, under the file's name."""

    def __init__(self, name: str, path: str, text: bytes) -> None:
        super().__init__(name, path)
        self._text = text

    def get_data(self, path: str) -> bytes:
        return self._text

    def path_stats(self, path: str) -> Any:
        raise OSError  # there is no compiled file to this text


class _OverlayFinder:
    """Finds modules as usual, but loads those of `texts` (by real path) from there."""

    def __init__(self, texts: Mapping[str, bytes]) -> None:
        self._texts = texts

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None:
            return self._missing(name, sys.path if path is None else path)
        return None if spec.origin is None else self.replace(spec)

    def _missing(self, name: str, folders: Iterable[str]) -> importlib.machinery.ModuleSpec | None:
        """A module whose file is only among the texts."""
        for folder in folders:
            file = Path(folder).resolve() / (name.rpartition(".")[2] + ".py")
            if str(file) in self._texts:
                loader = _Overlay(name, str(file), self._texts[str(file)])
                return importlib.util.spec_from_file_location(name, str(file), loader=loader)
        return None

    def replace(self, spec: Any) -> importlib.machinery.ModuleSpec | None:
        """`spec` with another loader if its file is overlaid, else None."""
        text = self._texts.get(str(Path(spec.origin).resolve()))
        if text is None:
            return None
        spec.loader = _Overlay(spec.name, spec.origin, text)
        return importlib.util.spec_from_file_location(
            spec.name,
            spec.origin,
            loader=spec.loader,
            submodule_search_locations=spec.submodule_search_locations,
        )


def overlay(texts: Mapping[str, bytes]) -> _OverlayFinder:
    """Load the files of `texts` (by real path) from there instead of from the disk."""
    finder = _OverlayFinder(texts)
    sys.meta_path.insert(0, finder)  # type: ignore[arg-type, unused-ignore]
    _overlay_lines(texts)
    return finder


def _overlay_lines(texts: Mapping[str, bytes]) -> None:
    """Let `linecache` give the lines of `texts`.

    AutoGraph compiles the user's functions anew from their source, and rereads the file to do so.
    """
    read = linecache.updatecache

    def updatecache(filename: str, module_globals: Any = None) -> list[str]:
        text = texts.get(str(Path(filename).resolve()))
        if text is None:
            return list(read(filename, module_globals))
        lines = importlib.util.decode_source(text).splitlines(keepends=True)
        linecache.cache[filename] = (len(text), None, lines, filename)
        return lines

    linecache.updatecache = updatecache


def load(file: str, roots: Sequence[str], finder: _OverlayFinder) -> ModuleType:
    """Import `file` as its own package would import it.

    `roots` are further folders to import from, the project's among them. User code may raise
    anything.
    """
    path = Path(file)
    names = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").exists():
        names.insert(0, folder.name)
        folder = folder.parent
    if path.stem == "__init__":
        names.pop()
    for root in reversed([str(folder), *roots]):
        if root in sys.path:
            sys.path.remove(root)
        sys.path.insert(0, root)
    name = ".".join(names)
    if len(names) > 1:
        importlib.import_module(".".join(names[:-1]))
    elif name in sys.modules or path.suffix != ".py":
        name = "_qlsp_" + name  # `keras.py`, `model.ipynb.py`: never in the way of another
    spec = importlib.util.spec_from_file_location(
        name, file, loader=importlib.machinery.SourceFileLoader(name, file)
    )
    spec = finder.replace(spec) or spec
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def build(module: ModuleType, builder: str, arguments: Mapping[str, Any]) -> Any:
    """The model that `builder` (a function, class or variable of the module) is or returns.

    Raises `BuilderError` if there is no such builder or its arguments don't fit; user code may
    raise anything.
    """
    target: Any = module
    for part in builder.split("."):
        if not hasattr(target, part):
            raise BuilderError(_no_such_builder(module, builder))
        target = getattr(target, part)
    if is_model(target):
        if arguments:
            raise BuilderError(f"'{builder}' is a model, not a function: --set does not apply")
        return target
    if not callable(target):
        raise BuilderError(
            f"'{builder}' is {_described(target)}; name a function that returns a model"
        )
    _check_arguments(target, builder, arguments)
    model = target(**arguments)
    if not is_model(model):
        raise BuilderError(
            f"'{builder}' returned {_described(model)}, not a Keras model{_hint(model)}"
        )
    return model


def custom_objects(module: ModuleType) -> dict[str, Any]:
    """The project's classes in the module by name, which a saved model may mention."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__.split(".")[0] not in _FRAMEWORKS
    }


def is_model(value: Any) -> bool:
    """Whether `value` is an instance of a Keras Model, of whichever Keras."""
    return not isinstance(value, type) and any(
        cls.__name__ == "Model" and "keras" in cls.__module__ for cls in type(value).__mro__
    )


def _described(value: Any) -> str:
    return "None" if value is None else f"an object of type {type(value).__name__}"


def _hint(value: Any) -> str:
    if isinstance(value, (tuple, list)) and any(is_model(item) for item in value):
        return "; wrap it in a function that returns the one to verify"
    if inspect.iscoroutine(value) or inspect.isgenerator(value):
        return "; name a plain function"
    return ""


def _no_such_builder(module: ModuleType, builder: str) -> str:
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (
            is_model(value)
            or (
                getattr(value, "__module__", None) == module.__name__
                and (inspect.isfunction(value) or inspect.isclass(value))
            )
        )
    ]
    found = f"; it defines {', '.join(own)}" if own else ""
    return f"no '{builder}' in {Path(str(module.__file__)).name}{found}"


def _check_arguments(target: Any, builder: str, arguments: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return
    parameters = signature.parameters.values()
    if any(parameter.kind == parameter.POSITIONAL_ONLY for parameter in parameters):
        return
    try:
        signature.bind(**arguments)
    except TypeError as error:
        needed = [
            parameter.name
            for parameter in parameters
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            and parameter.name not in arguments
        ]
        hint = " ".join(f"--set {name}=..." for name in needed)
        raise BuilderError(
            f"'{builder}{signature}': {error}" + (f"; give it with {hint}" if hint else "")
        ) from None
