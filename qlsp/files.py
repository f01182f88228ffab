"""Which files to lint."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from qlsp.config import Config, Configs, absolute
from qlsp.patterns import Patterns

SUFFIXES = (".py",)


class SourceFile(NamedTuple):
    """A file to lint and the config it falls under."""

    path: str
    """As the user would write it: below the path that was given."""
    config: Config
    explicit: bool = False
    """Given by name, not found in a folder."""


@dataclass
class Finder:
    """Finds Python files below the paths given.

    A file given by name is always taken, unless its config sets `force-exclude`. Folders are
    walked in sorted order, files before folders, without following symbolic links to folders.
    Excluded folders are left out, and so is what `.gitignore` files name in a git repository.
    What can't be read ends up in `errors`, one line each, and the search goes on.
    """

    configs: Configs
    errors: list[str] = field(default_factory=list)

    def find(self, paths: Iterable[str]) -> Iterator[SourceFile]:
        """Every file once, in the order of `paths`. Raises `ConfigError`."""
        seen: set[str] = set()
        for path in paths:
            for file in self._below(path):
                key = os.path.abspath(file.path)  # noqa: PTH100
                if key not in seen:
                    seen.add(key)
                    yield file

    def leaves_out(self, path: str) -> bool:
        """Whether `force-exclude` keeps out a file given by name."""
        return self._forced_out(absolute(Path(path)), is_folder=False)

    def _below(self, path: str) -> Iterator[SourceFile]:
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 - "" would become "."
        except (OSError, ValueError) as error:
            self._failed(path, error)
            return
        if stat.S_ISDIR(mode):
            folder = absolute(Path(path))
            if not self._forced_out(folder, is_folder=True):
                yield from self._walk(os.path.normpath(path), Ignores.above(folder))
        elif not stat.S_ISREG(mode):
            self.errors.append(f"{path}: not a regular file")
        else:
            file = absolute(Path(path))
            if not self._forced_out(file, is_folder=False):
                yield SourceFile(path, self.configs.of(file.parent), explicit=True)

    def _walk(self, top: str, ignores: Ignores) -> Iterator[SourceFile]:
        waiting = [(top, ignores)]
        while waiting:
            shown, ignores = waiting.pop()
            folder = absolute(Path(shown))
            try:
                with os.scandir(folder) as scan:
                    entries = sorted(scan, key=lambda entry: entry.name)
                os.stat(f"{folder}/.")  # noqa: PTH116 - may be listed, but not entered
            except OSError as error:
                self._failed(shown, error)
                continue
            config = self.configs.of(folder, Path(top))
            exclude = _excludes(config.root, config.exclude)
            if any(entry.name == ".gitignore" for entry in entries):
                ignores = ignores.within(folder)
            folders = []
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if not is_folder and not entry.name.endswith(SUFFIXES):
                    continue
                if exclude.match(entry.path, is_folder) or (
                    config.respect_gitignore and ignores.match(entry.path, is_folder)
                ):
                    continue
                below = os.path.join(shown, entry.name) if shown != os.curdir else entry.name  # noqa: PTH118
                if is_folder:
                    folders.append((below, ignores))
                elif _is_file(entry):
                    yield SourceFile(below, config)
            waiting += reversed(folders)

    def _forced_out(self, path: Path, is_folder: bool) -> bool:
        """Whether `force-exclude` keeps out a path that was given by name."""
        config = self.configs.of(path if is_folder else path.parent)
        if not config.force_exclude:
            return False
        exclude = _excludes(config.root, config.exclude)
        return exclude.match(str(path), is_folder) or any(
            exclude.match(str(parent), is_folder=True)
            for parent in path.parents
            if parent != config.root and parent.is_relative_to(config.root)
        )

    def _failed(self, path: str, error: OSError | ValueError) -> None:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self.errors.append(f"{path}: {reason[0].lower() + reason[1:]}")


class Excludes:
    """The `exclude` patterns of a config, applied to one entry of a walk after the other."""

    def __init__(self, root: Path, patterns: tuple[str, ...]) -> None:
        # Plain names, as all of the default ones, are compared without a pattern library.
        self._names = frozenset(each for each in patterns if not set("*?[]!/\\#") & set(each))
        self._others = Patterns(root, (each for each in patterns if each not in self._names))

    def match(self, path: str, is_folder: bool) -> bool:
        """Whether an absolute path is excluded; a plain name counts for its last part only."""
        name = os.path.basename(path)  # noqa: PTH119
        return name in self._names or bool(self._others.match(path, is_folder))


_excludes = cache(Excludes)


class Ignores(NamedTuple):
    """The `.gitignore` files that hold in a folder, the outermost first."""

    in_repository: bool
    files: tuple[Patterns, ...] = ()

    @classmethod
    def above(cls, folder: Path) -> Ignores:
        """Those of the folders above `folder`, up to the top of its git repository."""
        parents = (folder, *folder.parents)
        top = next((at for at, each in enumerate(parents) if (each / ".git").exists()), None)
        if top is None:
            return cls(False)
        ignores = cls(True)
        for parent in reversed(parents[1 : top + 1]):
            ignores = ignores.within(parent)
        return ignores

    def within(self, folder: Path) -> Ignores:
        """These and the one in `folder`, if there is one."""
        if not self.in_repository:
            return self
        try:
            lines = (folder / ".gitignore").read_text(errors="surrogateescape").splitlines()
        except OSError:
            return self
        return Ignores(True, (*self.files, Patterns(folder, lines)))

    def match(self, path: str, is_folder: bool) -> bool:
        """Whether git ignores `path` (absolute): the innermost file that names it decides."""
        decided = (file.match(path, is_folder) for file in reversed(self.files))
        return next((each for each in decided if each is not None), False)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False
