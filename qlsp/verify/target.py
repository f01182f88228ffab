"""What is to be verified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qlsp.toml import shown


@dataclass(frozen=True, slots=True)
class Target:
    """The model to verify: a function, class or variable of a Python file, or a model file."""

    file: Path
    builder: str
    """Empty for a model file."""
    arguments: Mapping[str, object] = field(default_factory=dict)
    shapes: tuple[tuple[int | None, ...], ...] = ()
    """Input shapes, where the model does not know its own."""
    roots: tuple[Path, ...] = ()
    """Folders to import from besides the file's own."""
    texts: Mapping[Path, bytes] = field(default_factory=dict)
    """Sources to use instead of the files on disk."""
    data: str = ""
    """Representative data: an `.npy` or `.npz` file, or `FILE.py::FUNCTION`; else random."""
    trust: bool = False
    """Whether code in a model file may run."""
    inputs: tuple[str, ...] = ()
    """Of a frozen graph, where not all its placeholders."""
    outputs: tuple[str, ...] = ()

    @property
    def is_file(self) -> bool:
        """Whether the model itself is in the file, not code that builds it."""
        return not self.builder

    @property
    def shown(self) -> str:
        """The target as in the command line, its file relative to here."""
        return shown(self.file) if self.is_file else f"{shown(self.file)}::{self.builder}"

    def __str__(self) -> str:
        return str(self.file) if self.is_file else f"{self.file}::{self.builder}"
