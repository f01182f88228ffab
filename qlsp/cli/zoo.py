"""`qlsp verify --all`: every model of the project, in every toolchain."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from qlsp.cli.planning import plan
from qlsp.cli.running import stdout_console, terminated
from qlsp.config import find_config
from qlsp.error import QlspError
from qlsp.verify.process import Limits
from qlsp.zoo import report
from qlsp.zoo.cache import Cache, cache_folder
from qlsp.zoo.case import Case, Job, jobs_of
from qlsp.zoo.cluster import LOCAL, run_on_cluster
from qlsp.zoo.local import run_here
from qlsp.zoo.result import Result, Summary
from qlsp.zoo.share import Share

_INTERRUPTED: Final = 130
"""The exit code of a shell's command that was ended by SIGINT."""

Tell = Callable[[Result], None]


@dataclass(frozen=True, slots=True)
class ZooOptions:
    """The options that only make sense with `--all`."""

    all: bool
    toolchain: str | None
    jobs: int | None
    cluster: str | None
    no_cache: bool
    refresh: bool

    @property
    def given(self) -> Mapping[str, object]:
        """Those besides `--all` by how they are written."""
        names = [field.name for field in fields(self) if field.name != "all"]
        return {f"--{name.replace('_', '-')}": getattr(self, name) for name in names}


def zoo_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--all` and what goes with it, handed on as `zoo`."""

    @wraps(command)
    def collected(**arguments: Any) -> Any:
        taken = {field.name: arguments.pop(field.name) for field in fields(ZooOptions)}
        return command(zoo=ZooOptions(**taken), **arguments)

    for option in reversed(
        (
            click.option("--all", is_flag=True, help="Verify every model of [tool.qlsp.models]."),
            click.option(
                "--toolchain",
                metavar="NAME,…",
                help="With --all: only these of [tool.qlsp.toolchains].",
            ),
            click.option(
                "--jobs",
                type=click.IntRange(min=1),
                metavar="N",
                help="With --all: how many at once.  [default: as processors and memory allow]",
            ),
            click.option(
                "--cluster",
                metavar="[ADDRESS]",
                is_flag=False,
                flag_value=LOCAL,
                help="With --all: run on a Dask cluster; without ADDRESS (or with local) on one "
                "that is started here.",
            ),
            click.option(
                "--no-cache", is_flag=True, help="With --all: neither use nor keep results."
            ),
            click.option("--refresh", is_flag=True, help="With --all: verify again what is kept."),
        )
    ):
        collected = option(collected)
    return collected


def refuse(options: Mapping[str, object], why: str) -> None:
    """Raise `QlspError` if any of the options is given."""
    for name, value in options.items():
        if value:
            raise QlspError(f"{name} {why}")


def verify_all(
    patterns: Sequence[str],
    options: ZooOptions,
    workflows: str | None,
    python: str | None,
    limits: Limits,
    *,
    trust: bool,
    form: str,
) -> int:
    """Run all cases, print the table, and return the exit code. Raises `QlspError`."""
    if options.no_cache and options.refresh:
        raise QlspError("--no-cache and --refresh don't go together")
    config = find_config(Path.cwd())
    toolchains = [each.strip() for each in (options.toolchain or "").split(",") if each.strip()]
    planned = plan(config, patterns, toolchains, workflows, python, trust=trust)
    cache = Cache(None if options.no_cache else cache_folder(), options.refresh)
    results = {id(each.case): each for each in planned.refused}
    for case in planned.cases:
        kept = None if id(case) in results else cache.get(case)
        if kept is not None:
            results[id(case)] = kept
    left = [case for case in planned.cases if id(case) not in results]
    unkept = ""
    try:
        with (
            terminated(),
            _shown(len(planned.cases), tuple(results.values())) as (tell, told),
            contextlib.closing(_run(left, options, limits, told)) as found,
        ):
            for result in found:
                results[id(result.case)] = result
                try:
                    cache.put(result)
                except OSError as error:
                    unkept = f"{cache.folder}: {error.strerror or error}"
                tell(result)
    except KeyboardInterrupt:
        done = sum(each.report is not None for each in results.values())
        kept_too = "" if options.no_cache or unkept else " and kept; run it again to go on"
        click.echo(f"interrupted: {done} of {len(planned.cases)} are done{kept_too}", err=True)
        return _INTERRUPTED
    if unkept:
        click.echo(f"results can't be kept: {unkept}", err=True)
    summary = Summary(tuple(results[id(case)] for case in planned.cases))
    _print(summary, form)
    return summary.exit_code


def _run(
    cases: Sequence[Case], options: ZooOptions, limits: Limits, told: Callable[[Job, str], None]
) -> Generator[Result, None, None]:
    share = Share.of(options.jobs, limits.memory)
    if options.cluster is not None:
        return run_on_cluster(cases, options.cluster, share, limits)
    return run_here(jobs_of(cases), share, limits, told)


def _print(summary: Summary, form: str) -> None:
    if form == "text":
        report.print_summary(summary, stdout_console())
        return
    render = {"json": report.json_text, "markdown": report.markdown, "junit": report.junit}[form]
    click.echo(render(summary), nl=False)


@contextlib.contextmanager
def _shown(
    total: int, before: Sequence[Result]
) -> Iterator[tuple[Tell, Callable[[Job, str], None]]]:
    """Show on standard error how far the run is: a bar, or in a pipe a line for each result."""
    console = Console(stderr=True, highlight=False)
    done = len(before)
    kept = sum(each.kept for each in before)
    if kept:
        console.print(f"{kept} of {total} kept from earlier runs")
    if not console.is_terminal:
        number = done

        def line(result: Result) -> None:
            nonlocal number
            number += 1
            reason = f": {result.error}" if result.error else ""
            click.echo(f"[{number}/{total}] {result.case}: {result.verdict}{reason}", err=True)

        yield line, lambda job, doing: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.description}"), console=console) as progress:
        task = progress.add_task("", total=total, completed=done)
        yield (
            lambda result: progress.advance(task),
            lambda job, doing: progress.update(task, description=f"{job.name}: {doing}"),
        )
