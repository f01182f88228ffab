"""The name scopes in which a model's layers compute, and so the names of its tensors.

TensorFlow makes scope names unique within their parent: a second `conv2d` becomes `conv2d_1`,
also where another layer already has that name, which then becomes `conv2d_1_1`. Keras 3 enters
each layer's scope twice, so that there `conv2d_1` is the layer `conv2d`. To read names back,
the same numbering is done here in the order in which Keras calls the layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from qlsp.verify.model import BuiltModel

_ENTRIES: Final = (1, 2, 3)
_UNSAFE = re.compile(r"[^A-Za-z0-9_.\\/>-]")
_NUMBER = re.compile(r"_\d+$")

_Path = tuple[str, ...]


def scope(name: str) -> str:
    """The scope of a layer called `name`."""
    return _UNSAFE.sub("_", name)


class Scopes:
    """Finds the layers that a tensor's name mentions."""

    def __init__(
        self, model: BuiltModel, aliases: Mapping[str, str], tensors: Sequence[str]
    ) -> None:
        """`tensors` are all names there are: they tell how often scopes are entered.

        `aliases` gives tfmot's wrappers and the names of the layers they wrap.
        """
        self._root = re.compile(re.escape(scope(model.name)) + r"(_\d+)?")
        self._names = self._plain(model, aliases)
        renamed = {name: alias for alias, name in aliases.items()}
        names = [layer.name for layer in model.layers]
        self._scopes: dict[_Path, int] = {}
        for called in (names, [renamed.get(name, name) for name in names]):
            guesses = [_numbered(model, called, entries) for entries in _ENTRIES]
            best = max(guesses, key=lambda each: self._explained(each, tensors))
            self._scopes.update(best)

    def layers(self, tensor: str) -> set[int]:
        """Indexes of the layers mentioned in the name of a tensor."""
        found = (self._layer(_parts(name), self._scopes) for name in tensor.split(";"))
        layers = {layer for layer in found if layer is not None}
        return layers or self._by_plain_name(tensor)

    def _explained(self, scopes: Mapping[_Path, int], tensors: Sequence[str]) -> int:
        return len(
            {
                layer
                for tensor in tensors
                for name in tensor.split(";")
                if (layer := self._layer(_parts(name), scopes)) is not None
            }
        )

    def _layer(self, parts: _Path, scopes: Mapping[_Path, int]) -> int | None:
        """The innermost layer on the path, below the model's own scope where that is there."""
        for start in self._starts(parts):
            # The last part is the operator's own name, unless it is all there is.
            for end in range(max(len(parts) - 1, start + 1), start, -1):
                layer = scopes.get(parts[start:end])
                if layer is not None:
                    return layer
        return None

    def _starts(self, parts: _Path) -> Iterator[int]:
        yield from (index + 1 for index, part in enumerate(parts) if self._root.fullmatch(part))
        yield from range(len(parts))

    def _plain(self, model: BuiltModel, aliases: Mapping[str, str]) -> dict[str, int]:
        """Layers by names of which there is only one."""
        found: dict[str, list[int]] = {}
        for layer in model.layers[1:]:
            found.setdefault(scope(layer.name), []).append(layer.index)
        for alias, name in aliases.items():
            found.setdefault(scope(alias), found.get(scope(name), []))
        return {name: layers[0] for name, layers in found.items() if len(layers) == 1}

    def _by_plain_name(self, tensor: str) -> set[int]:
        found = set()
        for name in tensor.split(";"):
            for part in reversed(_parts(name)[:-1]):
                layer = self._names.get(part, self._names.get(_NUMBER.sub("", part)))
                if layer is not None:
                    found.add(layer)
                    break
        return found


def _parts(name: str) -> _Path:
    return tuple(name.split(":")[0].split("/"))


def _numbered(model: BuiltModel, names: Sequence[str], entries: int) -> dict[_Path, int]:
    """The scope of every application of every layer, if each enters it `entries` times."""
    found: dict[_Path, int] = {}
    children: dict[int, list[int]] = {}
    for layer in model.layers:
        if layer.parent is not None:
            children.setdefault(layer.parent, []).append(layer.index)

    def visit(parent: int, above: _Path) -> None:
        graph = model.graphs.get(parent)
        called = (
            children.get(parent, [])
            if graph is None
            else [each.layer for index, each in enumerate(graph.nodes) if index not in graph.inputs]
        )
        used: dict[str, int] = {}
        for layer in called:
            if layer is None:
                continue
            for _ in range(entries):
                name = _unique(scope(names[layer]), used)
            path = (*above, *name.split("/"))
            found.setdefault(path, layer)
            if layer != parent:
                visit(layer, path)

    visit(0, ())
    return found


def _unique(name: str, used: dict[str, int]) -> str:
    """As `tf.Graph.unique_name` does."""
    key = name.lower()
    number = used.get(key, 0)
    used[key] = number + 1
    if number:
        base = name
        while key in used:
            name = f"{base}_{number}"
            key = name.lower()
            number += 1
        used[key] = 1
    return name
