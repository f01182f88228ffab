"""Where the source that is to be rewritten stands."""

from __future__ import annotations

from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Site
from qlsp.source.syntax import Place


class CannotWrite(Exception):  # noqa: N818
    """The source does not allow the operation (or not without doubt)."""


def place_of(document: Document, site: Site | None) -> Place:
    """Where a site is in the syntax. Raises `CannotWrite`."""
    if site is None or site.path != document.path:
        raise CannotWrite("written in another file")
    place = Place.find(document, site.span)
    if place is None:
        raise CannotWrite("not found in the source")
    return place


def known(edit: Edit | None) -> Edit:
    """An edit that is there. Raises `CannotWrite`."""
    if edit is None:
        raise CannotWrite("the argument is not written in the call")
    return edit
