"""How a document would write a layer class or a TensorFlow function that a fix needs."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from qlsp.rules.rewrite.operations import NewLayer
from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.imports import Binding, Imports
from qlsp.source.span import Span
from qlsp.source.syntax import Place
from qlsp.trace.graph import Flavour, Node, Symbol
from qlsp.trace.keras.names import resolve

_TENSORFLOW = "import tensorflow as tf"


@dataclass(frozen=True, slots=True)
class Source:
    """A value that is written out already."""

    code: str


@dataclass(frozen=True, slots=True)
class Written:
    """An expression, and the edits elsewhere (imports) without which it means nothing."""

    code: str
    edits: tuple[Edit, ...] = ()


def layer(
    document: Document, new: NewLayer, near: Node, flavour: Flavour, extra: str = ""
) -> Written | None:
    """The constructor call of a new layer, written like its neighbour's.

    `extra` is source of further arguments. None if no name for the class can be had.
    """
    cls = layer_class(document, new.cls, near, flavour)
    if cls is None:
        return None
    edits = list(cls.edits)
    arguments = []
    for position, (key, value) in enumerate(new.attrs.items()):
        written = literal(document, value)
        if written is None:
            return None
        edits += written.edits
        arguments.append(
            written.code if position == 0 and not new.named else f"{key}={written.code}"
        )
    if extra:
        arguments.append(extra)
    return Written(f"{cls.code}({', '.join(arguments)})", tuple(edits))


def layer_class(document: Document, cls: str, near: Node, flavour: Flavour) -> Written | None:
    """An expression for the Keras layer class `cls`, in the way of `near`'s own constructor.

    `layers.ReLU` beside `layers.Conv2D`; a further name in `from keras.layers import Conv2D`.
    """
    imports = Imports.of(document)
    callee = _callee(document, near)
    if isinstance(callee, ast.Attribute) and _is_layers(imports.target(callee.value)):
        return Written(f"{document.at(Span.of(callee.value))}.{cls}")
    if isinstance(callee, ast.Name) and callee.id in imports.bindings:
        written = _beside(imports, imports.bindings[callee.id], cls)
        if written is not None:
            return written
    return _anywhere(imports, cls, flavour)


def literal(document: Document, value: object) -> Written | None:
    """The source of an argument's value."""
    if isinstance(value, Source):
        return Written(value.code)
    if isinstance(value, Symbol):
        root, _, rest = value.name.partition(".")
        imports = Imports.of(document)
        code = imports.reference(f"tensorflow.{rest}")
        if code is not None or root != "tf":
            return Written(code) if code else None
        return None if imports.is_bound("tf") else Written(value.name, (imports.add(_TENSORFLOW),))
    if isinstance(value, str):
        quote = "'" if document.text.count("'") > document.text.count('"') else '"'
        return Written(f"{quote}{value}{quote}")
    if value is None or isinstance(value, bool | int | float):
        return Written(repr(value))
    if isinstance(value, tuple):
        items = [literal(document, each) for each in value]
        if any(each is None or each.edits for each in items):
            return None
        code = ", ".join(each.code for each in items if each)
        return Written(f"({code},)" if len(items) == 1 else f"({code})")
    return None


def _callee(document: Document, node: Node) -> ast.expr | None:
    if node.construct is None or node.construct.path != document.path:
        return None
    place = Place.find(document, node.construct.span)
    return place.node.func if place and isinstance(place.node, ast.Call) else None


def _beside(imports: Imports, binding: Binding, cls: str) -> Written | None:
    if binding.module is None or not _is_layers(binding.module):
        return None
    for known in imports.bindings.values():
        if known.target == f"{binding.module}.{cls}":
            return Written(known.name)
    if imports.is_bound(cls):
        return None
    assert isinstance(binding.statement, ast.ImportFrom)
    edit = imports.extend(binding.statement, cls)
    return Written(cls, (edit,)) if edit else None


def _anywhere(imports: Imports, cls: str, flavour: Flavour) -> Written | None:
    """By the shortest import of the same Keras through which layers can be reached."""
    if any(_is_layers(module) for module in imports.stars) and not imports.is_bound(cls):
        return Written(cls)
    paths = {"keras.layers": "", "keras": "layers.", "tf": "keras.layers."}
    found = []
    for binding in imports.bindings.values():
        name = resolve(binding.target)
        if name is None or name.flavour != flavour:
            continue
        if name.symbol in paths:
            found.append(Written(f"{binding.name}.{paths[name.symbol]}{cls}"))
        elif name.kind == "layer" and (written := _beside(imports, binding, cls)):
            found.append(written)
    return min(found, key=lambda each: (each.code.count("."), len(each.edits)), default=None)


def _is_layers(target: str | None) -> bool:
    """Whether a dotted name is a `keras.layers` package (not a module deep within it)."""
    if target is None or not target.endswith("layers"):
        return False
    name = resolve(target)
    return name is not None and name.symbol == "keras.layers"
