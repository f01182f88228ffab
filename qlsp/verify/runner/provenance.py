"""Where in the user's source each layer was constructed, recorded while building."""

from __future__ import annotations

import functools
import importlib.machinery
import sys
import sysconfig
from typing import Any, List, Sequence, Tuple

Path = List[Tuple[str, int]]
"""Files and lines, the construction first, then the calls that led to it."""

_FRAMEWORKS = {
    "__main__",  # of the runner; the user's file is imported under its own name
    "keras",
    "keras_core",
    "qlsp_runner",
    "tensorflow",
    "tensorflow_core",
    "tensorflow_model_optimization",
    "tf_keras",
}
_LIBRARY = sysconfig.get_paths()["stdlib"]
_BASES = {"keras.src.ops.operation": "Operation"}
"""Modules of base classes by name; else `engine.base_layer`, which moved with each Keras."""

_sites: dict[int, Path] = {}
_constructed: list[Any] = []


def site_of(layer: Any) -> Path:
    """Where `layer` was constructed; empty if not in user code."""
    return _sites.get(id(layer), [])


def order_of(layer: Any) -> int:
    """A number that grows with construction; -1 for layers made before recording."""
    return _order.get(id(layer), -1)


_order: dict[int, int] = {}


def record() -> None:
    """From now on, record the construction of every Keras layer, of any Keras imported later."""
    sys.meta_path.insert(0, _Watcher())  # type: ignore[arg-type, unused-ignore]


class _Watcher:
    """Wraps the base class of layers once the module that defines it has been loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> importlib.machinery.ModuleSpec | None:
        cls = _BASES.get(name) or ("Layer" if name.endswith(".engine.base_layer") else None)
        if cls is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        loader: Any = None if spec is None else spec.loader
        if loader is None:
            return None
        load = loader.exec_module

        def exec_module(module: Any) -> None:
            load(module)
            _wrap(getattr(module, cls))

        loader.exec_module = exec_module
        return spec


def _wrap(cls: Any) -> None:
    construct = cls.__init__

    @functools.wraps(construct)
    def recorded(self: Any, *args: Any, **kwargs: Any) -> None:
        _remember(self)
        construct(self, *args, **kwargs)

    # Keras 3 asks for the parameters in two ways, only one of which looks through a wrapper.
    del recorded.__wrapped__
    cls.__init__ = recorded


def _remember(layer: Any) -> None:
    if id(layer) in _order:
        return
    _order[id(layer)] = len(_order)
    _constructed.append(layer)  # kept, so that ids stay unique
    path: Path = []
    frame: Any = sys._getframe(2)
    while frame is not None:
        name, file = frame.f_globals.get("__name__", ""), frame.f_code.co_filename
        if _is_users(name, file) and not _constructs(frame, layer):
            path.append((file, frame.f_lineno))
        frame = frame.f_back
    _sites[id(layer)] = path


def _is_users(module: str, file: str) -> bool:
    if file.startswith("<frozen") or (file.startswith(_LIBRARY) and "-packages" not in file):
        return False
    return module.split(".")[0] not in _FRAMEWORKS or ".applications" in module


def _constructs(frame: Any, layer: Any) -> bool:
    """Whether the frame is the `__init__` of the layer's own class, not its caller's."""
    code = frame.f_code
    return (
        code.co_name == "__init__"
        and code.co_argcount > 0
        and frame.f_locals.get(code.co_varnames[0]) is layer
    )
