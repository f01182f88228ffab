"""Linting one file after the other, in one process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from qlsp.batch.report import Report
from qlsp.config import Config, is_project
from qlsp.diagnostic import Applicability, syntax_error
from qlsp.error import QlspError
from qlsp.files import SourceFile
from qlsp.source.document import Document, SourceError
from qlsp.trace.gate import builds_layers, may_build_layers

if TYPE_CHECKING:
    from qlsp.batch.cache import Cache
    from qlsp.batch.recording import RecordingProject
    from qlsp.settings import Settings


class Options(NamedTuple):
    """What the command line asks for, beyond the config."""

    fix: Literal["no", "safe", "unsafe"] = "no"
    write: bool = True
    """Whether fixed text goes to the file."""
    cache: bool = True
    python: str | None = None
    """The interpreter whose packages the toolchain is read from; None to look for one."""


class Session:
    """Keeps what the files of a run have in common: settings, caches, parsed helper files."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._settings: dict[Path, Settings] = {}
        self._caches: dict[Path, Cache] = {}
        self._projects: dict[Path, RecordingProject] = {}

    def quick(self, file: SourceFile, data: bytes) -> Report | None:
        """A report that costs no analysis; None where the file has to be analysed.

        It comes from the cache, or the file has nothing to do with Keras. Of files given by
        name even those are parsed, so that a broken one never passes for a clean one.
        """
        if not _concerns_keras(data):
            return _parsed(file, data) if file.explicit else _silent(file)
        found = self._cache(file.config).get(_absolute(file.path), data)
        if found is None:
            return None
        if not found:
            return _silent(file)
        report = Report(file.path, Document.decode(_absolute(file.path), data), found)
        return None if self._to_fix(report) else report

    def lint(self, file: SourceFile, data: bytes) -> Report:
        """Analyse a file, and fix it if that is asked for. Raises `QlspError`."""
        report = _parsed(file, data)
        document = report.document
        if report.diagnostics:
            return report
        if not builds_layers(document.tree) and "qlsp:" not in document.text:
            self._cache(file.config).put(document.path, data, {}, ())
            return report
        from qlsp import linter

        settings = self.settings(file.config)
        project = self.project(file.config)
        project.begin()
        found = tuple(linter.lint(document, settings, project))
        self._cache(file.config).put(document.path, data, project.others(), found)
        report = Report(file.path, document, found)
        if not self._to_fix(report):
            return report
        unsafe = self._options.fix == "unsafe"
        result = linter.fix(document, settings, project, unsafe=unsafe)
        if self._options.write and result.text != document.text:
            _write(file, document, result.text)
        fixed = Document(document.path, result.text, document.encoding)
        return Report(file.path, fixed, result.remaining, result.applied, document.text)

    def settings(self, config: Config) -> Settings:
        """The settings that follow from a config and its project's versions."""
        if config.root not in self._settings:
            from qlsp.discovery.settings import settings_for

            self._settings[config.root] = settings_for(config, self._options.python)
        return self._settings[config.root]

    def _to_fix(self, report: Report) -> bool:
        wanted = {"no": (), "safe": (Applicability.SAFE,)}.get(
            self._options.fix, (Applicability.SAFE, Applicability.UNSAFE)
        )
        return any(report.fixable(applicability) for applicability in wanted)

    def project(self, config: Config) -> RecordingProject:
        """The files that a config's files may import."""
        if config.root not in self._projects:
            from qlsp.batch.recording import RecordingProject

            search = [config.root / "src"] if (config.root / "src").is_dir() else []
            self._projects[config.root] = RecordingProject(config.root, search)
        return self._projects[config.root]

    def _cache(self, config: Config) -> Cache:
        if config.root not in self._caches:
            from qlsp.batch.cache import Cache
            from qlsp.discovery import fingerprint

            keep = self._options.cache and is_project(config.root)
            folder = config.root if keep else None
            rests_on = fingerprint(config, self._options.python) if folder else ""
            self._caches[config.root] = Cache(folder, rests_on)
        return self._caches[config.root]


def _concerns_keras(data: bytes) -> bool:
    return may_build_layers(data) or b"qlsp:" in data


def _silent(file: SourceFile) -> Report:
    return Report(file.path, Document(_absolute(file.path), ""))


def _parsed(file: SourceFile, data: bytes) -> Report:
    """A report with a syntax error as its finding, or with none."""
    path = _absolute(file.path)
    try:
        document = Document.decode(path, data)
    except SourceError as error:
        document = Document(path, data.decode("latin-1"), "latin-1")
        return Report(file.path, document, (syntax_error(document, error),))
    try:
        _ = document.tree
    except SourceError as error:
        return Report(file.path, document, (syntax_error(document, error),))
    return Report(file.path, document)


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - links stay as they are written


def _write(file: SourceFile, document: Document, text: str) -> None:
    try:
        document.write(text)
    except OSError as error:
        raise QlspError(f"{file.path}: fixes can't be written: {error.strerror}") from None
    except UnicodeEncodeError:
        message = f"{file.path}: fixes can't be written in the file's encoding"
        raise QlspError(f"{message}, {document.encoding}") from None
