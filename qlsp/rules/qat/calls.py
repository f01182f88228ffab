"""What rules about calls of tfmot have in common."""

from __future__ import annotations

import ast

from qlsp.rules.calls import Usage
from qlsp.source.imports import Imports
from qlsp.source.span import Site
from qlsp.source.syntax import Place
from qlsp.trace.program import Call

QUANTIZATION = "tfmot.quantization.keras"
ANNOTATE = f"{QUANTIZATION}.quantize_annotate_model"
QUANTIZE = frozenset(f"{QUANTIZATION}.{name}" for name in ("quantize_model", "quantize_apply"))
"""What puts quantizers into a model. To annotate only wraps its layers, and raises for less."""
_SCOPES = ("quantize_scope", "custom_object_scope", "CustomObjectScope")


def in_scope(usage: Usage, call: Call) -> bool:
    """Whether a call may be made within `quantize_scope`; yes where that can't be seen."""
    for site in (call.site, *call.path):
        if site is None or site.path != usage.document.path:
            return True
        place = Place.find(usage.document, site.span)
        if place is None:
            return True
        for ancestor in place.ancestors:
            if isinstance(ancestor, ast.With | ast.AsyncWith) and any(
                scope in ast.unparse(item.context_expr)
                for item in ancestor.items
                for scope in _SCOPES
            ):
                return True
    return any("get_custom_objects" in line for line in usage.document.text.splitlines())


def function(usage: Usage, name: str, near: Call) -> str | None:
    """How the document would write a function of `tfmot.quantization.keras`.

    Through the same module as `near`, where that is one of its functions.
    """
    document = usage.source(near.site)
    place = Place.find(document, near.site.span) if document and near.site else None
    match place and place.node:
        case ast.Call(func=ast.Attribute(value=module)) if near.symbol.startswith(QUANTIZATION):
            return f"{ast.unparse(module)}.{name}"
    path = f"tensorflow_model_optimization.quantization.keras.{name}"
    return Imports.of(usage.document).reference(path)


def is_touched_before(usage: Usage, site: Site | None, allowed: tuple[str, ...]) -> bool:
    """Whether the variable that the call at `site` is given may have been used before.

    Methods in `allowed` don't count.
    """
    place = Place.find(usage.document, site.span) if site is not None else None
    match place and place.node:
        case ast.Call(args=[ast.Name(id=name) as given, *_]) if place is not None:
            harmless = {
                id(node.value)
                for node in ast.walk(place.scope)
                if isinstance(node, ast.Attribute) and node.attr in allowed
            }
            return any(
                isinstance(node, ast.Name)
                and node.id == name
                and isinstance(node.ctx, ast.Load)
                and node is not given
                and id(node) not in harmless
                and node.lineno <= place.node.lineno
                for node in ast.walk(place.scope)
            )
        case ast.Call(args=[ast.Call(), *_]):
            return False
    return True


def is_read_after(usage: Usage, site: Site | None) -> bool:
    """Whether the variable that the method at `site` is called on may be read again later."""
    place = Place.find(usage.document, site.span) if site is not None else None
    match place and place.node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if place is not None:
            return any(
                isinstance(node, ast.Name)
                and node.id == name
                and isinstance(node.ctx, ast.Load)
                and node.lineno > (place.node.end_lineno or 0)
                for node in ast.walk(place.scope)
            )
    return True
