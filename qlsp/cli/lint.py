"""`qlsp lint`."""

from __future__ import annotations

import dataclasses
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from qlsp.batch.report import Report
from qlsp.batch.run import Failure, lint_text, run
from qlsp.batch.session import Options
from qlsp.cli.terminal import use_color
from qlsp.config import Config, Configs, absolute, describe, load_config
from qlsp.files import Finder, SourceFile
from qlsp.output import FOR_PEOPLE, FORMATS, writer
from qlsp.output.summary import summary, would_fix

_STDIN = "-"


def _split(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """Values that were separated by commas, or given one by one."""
    return tuple(part.strip() for each in given for part in each.split(",") if part.strip())


def _selectors(flag: str, help_: str) -> Callable[[click.decorators.FC], click.decorators.FC]:
    return click.option(flag, multiple=True, callback=_split, metavar="RULES", help=help_)


@click.command("lint")
@click.argument("paths", nargs=-1, type=click.Path(path_type=str))
@click.option("--fix", is_flag=True, help="Apply the fixes that compute the same function.")
@click.option(
    "--unsafe-fixes",
    is_flag=True,
    help="With --fix or --diff, also those after which the model has to be trained again.",
)
@click.option("--diff", is_flag=True, help="Print what --fix would change, and change nothing.")
@_selectors("--select", "Report these rules only: codes, prefixes, names or ALL, with commas.")
@_selectors("--ignore", "Don't report these rules.")
@_selectors("--extend-select", "Report these rules too.")
@_selectors("--extend-ignore", "The same as --ignore.")
@click.option(
    "--output-format",
    type=click.Choice(FORMATS),
    default="full",
    show_default=True,
    help="How to print.",
)
@click.option("--statistics", is_flag=True, help="Print how often each rule was broken instead.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if there are findings.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 if anything was fixed.")
@click.option(
    "--stdin-filename", metavar="PATH", help="The file that a text read from `-` belongs to."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Take the settings from this file.",
)
@click.option("--python", metavar="INTERPRETER", help="The project's Python, or its environment.")
@click.option("--force-exclude", is_flag=True, help="Apply exclusions to files given by name too.")
@click.option("--no-cache", is_flag=True, help="Neither use nor keep results.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Processes to use at most.")
@click.option("--show-files", is_flag=True, help="Print which files would be linted.")
@click.option("--show-settings", is_flag=True, help="Print which settings hold, and whence.")
@click.option("-v", "--verbose", is_flag=True, help="Tell what was not understood, and why.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings only.")
def command(**given: Any) -> None:
    """Find what will not fuse or quantize in model-definition source.

    PATHS are files and folders; without any, the current folder. `-` reads a text from standard
    input. Exits with 0 if nothing was found, 1 if something was, and 2 on errors.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_Lint(_Arguments(**given)).run())


class _Arguments(NamedTuple):
    """The command line."""

    paths: tuple[str, ...]
    fix: bool
    unsafe_fixes: bool
    diff: bool
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    extend_select: tuple[str, ...]
    extend_ignore: tuple[str, ...]
    output_format: str
    statistics: bool
    exit_zero: bool
    exit_non_zero_on_fix: bool
    stdin_filename: str | None
    config: Path | None
    python: str | None
    force_exclude: bool
    no_cache: bool
    jobs: int | None
    show_files: bool
    show_settings: bool
    verbose: bool
    quiet: bool

    @property
    def options(self) -> Options:
        """What is asked of the run."""
        fixes = self.fix or self.diff
        return Options(
            fix=("unsafe" if self.unsafe_fixes else "safe") if fixes else "no",
            write=not self.diff,
            cache=not self.no_cache,
            python=self.python,
        )

    def adjust(self, config: Config) -> Config:
        """A config under these arguments."""
        config = config.with_selectors(
            self.select or None, self.ignore + self.extend_ignore, self.extend_select
        )
        force = config.force_exclude or self.force_exclude
        return dataclasses.replace(config, force_exclude=force)


class _Lint:
    """One run of the command."""

    def __init__(self, arguments: _Arguments) -> None:
        self.arguments = arguments
        self._check_selectors()
        fixed = load_config(arguments.config) if arguments.config else None
        self.finder = Finder(Configs(arguments.adjust, fixed))
        self.color = use_color()

    def run(self) -> int:
        """Do what the arguments say. Returns the exit code; raises `QlspError`."""
        arguments = self.arguments
        if arguments.show_settings:
            return self._show_settings()
        if _STDIN in arguments.paths:
            return self._lint_stdin()
        files = list(self.finder.find(arguments.paths or (os.curdir,)))
        if arguments.show_files:
            self._out("".join(f"{file.path}\n" for file in files))
            return self._code([], self.finder.errors)
        outcomes = list(run(files, arguments.options, arguments.jobs))
        reports = [each for each in outcomes if isinstance(each, Report)]
        errors = [
            *self.finder.errors,
            *(each.message for each in outcomes if isinstance(each, Failure)),
        ]
        order = {file.path: at for at, file in enumerate(files)}
        reports.sort(key=lambda each: order[each.path])
        if not files and not errors:
            self._err("qlsp: warning: no Python files found under the given paths\n")
        if arguments.verbose:
            self._explain(files)
        if reports or not errors:
            self._print(reports)
        return self._code(reports, errors)

    def _check_selectors(self) -> None:
        given = {
            "--select": self.arguments.select,
            "--extend-select": self.arguments.extend_select,
            "--ignore": self.arguments.ignore,
            "--extend-ignore": self.arguments.extend_ignore,
        }
        if any(given.values()):
            from qlsp.batch.selectors import check_selectors

            for option, selectors in given.items():
                check_selectors(selectors, option)

    def _lint_stdin(self) -> int:
        arguments = self.arguments
        if len(arguments.paths) > 1:
            raise click.UsageError("`-` can't be combined with other paths")
        path = arguments.stdin_filename or _STDIN
        data = sys.stdin.buffer.read()
        if self.finder.leaves_out(path):
            if arguments.fix:
                sys.stdout.buffer.write(data)
            return 0
        options = arguments.options._replace(write=False, cache=False)
        config = self.finder.configs.of(absolute(Path(path)).parent)
        report = lint_text(SourceFile(path, config, explicit=True), data, options)
        if arguments.fix and not arguments.diff:
            fixed = report.before is not None
            sys.stdout.buffer.write(report.document.encode(report.document.text) if fixed else data)
            sys.stdout.buffer.flush()
        self._print([report], err=arguments.fix)
        return self._code([report], [])

    def _print(self, reports: Sequence[Report], *, err: bool = False) -> None:
        arguments = self.arguments
        if arguments.diff:
            from qlsp.output.diff import unified

            self._out("".join(unified(report) for report in reports))
            if not arguments.quiet:
                self._err(would_fix(reports))
            return
        out = self._err if err else self._out
        people = arguments.output_format in FOR_PEOPLE
        if arguments.statistics:
            from qlsp.output.text import statistics

            out(statistics(reports))
            return
        if any(report.diagnostics for report in reports) or not people:
            out(writer(arguments.output_format)(reports))
        if people and not arguments.quiet:
            out(summary(reports, unsafe=arguments.unsafe_fixes))

    def _code(self, reports: Sequence[Report], errors: Sequence[str]) -> int:
        for error in errors:
            self._err(f"qlsp: error: {error}\n")
        if errors:
            return 2
        fixed = any(report.fixed for report in reports)
        left = any(report.diagnostics for report in reports)
        if self.arguments.diff:
            return int(fixed)
        if fixed and self.arguments.exit_non_zero_on_fix:
            return 1
        return int(left and not self.arguments.exit_zero)

    def _explain(self, files: Sequence[SourceFile]) -> None:
        from qlsp.batch.explain import explain

        for line in explain(files, self.arguments.options):
            self._err(line + "\n")

    def _show_settings(self) -> int:
        for path in self.arguments.paths or (os.curdir,):
            folder = Path(path) if Path(path).is_dir() else Path(path).parent
            config = self.finder.configs.of(folder)
            self._out(describe(config))
        return 0

    def _out(self, text: str) -> None:
        click.echo(text, nl=False, color=self.color)

    def _err(self, text: str) -> None:
        click.echo(text, nl=False, err=True, color=use_color(sys.stderr))
