"""The linter, with the settings of each file's project."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qlsp.config import Config, Configs, load_config
from qlsp.diagnostic import Diagnostic
from qlsp.error import QlspError
from qlsp.files import Excludes
from qlsp.server.buffer import Builder, Hint, Mark, Outline
from qlsp.server.options import Options
from qlsp.settings import Settings
from qlsp.source.document import Document
from qlsp.source.span import Span

if TYPE_CHECKING:
    from qlsp.trace import Project


class Linting:
    """Lints the files of one folder; what is on disk is read once.

    Used in the worker only, and made anew when anything on disk may have changed.
    """

    def __init__(self, options: Options, folder: Path, documents: Mapping[str, Document]) -> None:
        """`documents` are the editor's texts by path; they take the place of saved ones."""
        self._options = options
        self._folder = folder
        self._documents = documents
        self._configs: Configs | None = None
        self._known: dict[Path, Settings] = {}
        self._projects: dict[Path, Project] = {}

    def lint(self, document: Document, fixes: bool) -> list[Diagnostic]:
        """What is found in `document`. Raises `QlspError` for settings that make no sense."""
        from qlsp.linter import lint

        config = self._config(document)
        if not self._options.enable or _is_excluded(Path(document.path), config):
            return []
        return lint(document, self._settings(config), self._project(config.root), fixes=fixes)

    def fix(self, document: Document, code: str | None, unsafe: bool) -> str:
        """The text of `document` with all fixes of rule `code` (None: of all rules) applied."""
        from qlsp.linter import fix

        config = self._config(document)
        settings = self._settings(config)
        if code is not None:
            settings = replace(settings, select=(code,), ignore=())
        return fix(document, settings, self._project(config.root), unsafe=unsafe).text

    def outline(self, document: Document) -> Outline:
        """The models in `document`. Raises `SourceError` if it does not parse."""
        from qlsp.linter.analysis import Analysis
        from qlsp.server.predictions import predictions

        config = self._config(document)
        analysis = Analysis.of(document, self._settings(config), self._project(config.root))
        hints = (
            Hint(Mark(*document.offsets(each.span)), each.layer, label, each.table())
            for each in predictions(analysis)
            if (label := each.label())
        )
        models = {each.graph.name for each in analysis.graphs if each.graph.kind != "fragment"}
        return Outline(
            tuple(hints),
            tuple(
                Builder(Mark(*document.offsets(Span.of(node))), node.name)
                for node in document.tree.body
                if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in models
                if _needs_nothing(node)
            ),
        )

    def _config(self, document: Document) -> Config:
        if self._configs is None:
            given = self._options.configuration
            fixed = load_config(self._folder / Path(given).expanduser()) if given else None
            self._configs = Configs(self._adjust, fixed)
        return self._configs.of(Path(document.path).parent)

    def _adjust(self, config: Config) -> Config:
        return config.with_selectors(self._options.select, self._options.ignore)

    def _settings(self, config: Config) -> Settings:
        from qlsp.discovery.settings import settings_for

        if config.root not in self._known:
            try:
                self._known[config.root] = settings_for(config, self._options.interpreter)
            except QlspError:
                if self._options.interpreter is None:
                    raise
                # An interpreter that is gone tells nothing.
                self._known[config.root] = settings_for(config)
        return self._known[config.root]

    def _project(self, root: Path) -> Project:
        from qlsp.trace import Project

        if root not in self._projects:
            self._projects[root] = Project(root, documents=dict(self._documents))
        return self._projects[root]


def _needs_nothing(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether a function, or a class's constructor, can be called without arguments."""
    if isinstance(node, ast.FunctionDef):
        return _required(node) == 0
    return all(
        _required(each) <= 1
        for each in node.body
        if isinstance(each, ast.FunctionDef) and each.name == "__init__"
    )


def _required(function: ast.FunctionDef) -> int:
    given = function.args
    positional = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    return positional + sum(default is None for default in given.kw_defaults)


def _is_excluded(path: Path, config: Config) -> bool:
    exclude = Excludes(config.root, config.exclude)
    return exclude.match(str(path), is_folder=False) or any(
        exclude.match(str(parent), is_folder=True)
        for parent in path.parents
        if parent != config.root and parent.is_relative_to(config.root)
    )
