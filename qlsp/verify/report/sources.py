"""The source on the page: the project's files in which layers were made, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from qlsp.source.document import Document, SourceError
from qlsp.toml import shown
from qlsp.verify.model import Layer, Place
from qlsp.verify.verify import Report


class Sources:
    """The files of one or two reports; a file that is the same in both is there once."""

    def __init__(self, reports: Sequence[Report], names: Sequence[str]) -> None:
        self._documents: list[Document] = []
        self._labels: list[str] = []
        self._number: dict[tuple[int, str], int] = {}
        """Position of the document by the report's position and the file as it is named there."""
        for side, (report, name) in enumerate(zip(reports, names, strict=True)):
            for file in _files(report):
                self._add(side, name, file, report)

    def _add(self, side: int, name: str, file: str, report: Report) -> None:
        changed = {path.resolve(): text for path, text in report.target.texts.items()}
        text = changed.get(Path(file).resolve())
        try:
            document = Document.read(file) if text is None else Document.decode(file, text)
        except (OSError, SourceError):
            return
        for number, other in enumerate(self._documents):
            if (other.path, other.text) == (document.path, document.text):
                self._number[side, file] = number
                self._labels[number] = shown(Path(file))
                return
        self._number[side, file] = len(self._documents)
        self._documents.append(document)
        self._labels.append(f"{shown(Path(file))} {name}".strip())

    def lines(self, side: int, layers: Sequence[Layer]) -> tuple[str, ...]:
        """Ids of the lines that made `layers` of the report at `side`.

        Of a layer made in a library, the line of the project's that led there.
        """
        found = (
            next((place for place in layer.site if (side, place.file) in self._number), None)
            for layer in layers
        )
        places = dict.fromkeys(place for place in found if place is not None)
        return tuple(self._id(side, place) for place in places)

    def _id(self, side: int, place: Place) -> str:
        return f"s{self._number[side, place.file]}-{place.line}"

    def html(self) -> Iterator[str]:
        """A foldable part for each file."""
        for number, (document, label) in enumerate(zip(self._documents, self._labels, strict=True)):
            lines = "".join(
                f'<span id="s{number}-{line}" data-line="{line}">'
                f"{escape(document.line(line))}</span>"
                for line in range(1, len(document.line_starts) + 1)
            )
            yield (
                f'<details{"" if number else " open"}><summary class="mono">{escape(label)}'
                f'</summary><pre class="source">{lines}</pre></details>'
            )


def _files(report: Report) -> Iterator[str]:
    """Where the project makes its layers, or calls what makes them."""
    own = (
        next((place.file for place in layer.site if "site-packages" not in place.file), None)
        for layer in report.model.layers
    )
    yield from dict.fromkeys(file for file in own if file is not None)
