"""`qlsp doctor`."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import click

from qlsp.cli.options import format_option
from qlsp.cli.running import (
    check_output,
    interpreter_for,
    memory_limit,
    running_options,
    shown_progress,
    stdout_console,
    terminated,
    with_data,
    write_output,
)
from qlsp.config import absolute
from qlsp.doctor.examine import Examination, examine
from qlsp.doctor.graphdef import read_graph
from qlsp.doctor.report import print_examination, print_treatment, report_data
from qlsp.doctor.treat import RANDOM, Treatment, treat
from qlsp.error import QlspError
from qlsp.verify.process import Limits
from qlsp.verify.target import Target


@click.command()
@click.argument("file", metavar="FROZEN.pb", type=click.Path(path_type=Path))
@click.option(
    "--inputs", metavar="NAME,…", help="[default: the placeholders that the outputs depend on]"
)
@click.option("--outputs", metavar="NAME,…", help="[default: the nodes that nothing takes]")
@click.option("--fix", is_flag=True, help="Write a mended copy to the file given with -o.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FIXED.pb",
    help="With --fix: the file to write; never FROZEN.pb itself.",
)
@click.option(
    "--data",
    metavar="FILE|FILE.py::FUNCTION|random",
    help="With --fix: inputs to measure missing ranges with, an .npy or .npz file or a function; "
    "`random` to try the conversion out.",
)
@click.option("--trust", is_flag=True, help="Run a graph that reads or writes files.")
@format_option(help="How to print the report.")
@running_options
def command(
    file: Path,
    inputs: str | None,
    outputs: str | None,
    fix: bool,
    output: Path | None,
    data: str | None,
    trust: bool,
    form: str,
    python: str | None,
    timeout: float,
    memory: str | None,
) -> None:
    """Find what keeps a frozen TensorFlow 1 graph from an 8-bit conversion, and mend it.

    The graph is only read: without --fix neither TensorFlow nor anything else runs. With --fix
    missing ranges are measured with TensorFlow, in the project's interpreter.

    Exit code: 0 healthy, or mended by --fix; 1 with findings that are left; 2 if the file is no
    graph, or can't be mended.
    """
    if fix != (output is not None) or (data is not None and not fix):
        raise QlspError("--fix, -o FIXED.pb and --data go together")
    if output is not None and output.exists() and file.exists() and output.samefile(file):
        raise QlspError(f"-o {output}: that is the graph itself, which is left as it is")
    check_output(output, "-o")
    examination = examine(absolute(file), read_graph(file), _names(inputs), _names(outputs))
    treatment = None
    if output is not None and (examination.plan is not None or not examination.findings):
        given = _data(data, examination)
        interpreter = interpreter_for(python, absolute(file).parent)
        limits = Limits(timeout, memory_limit(memory))
        with terminated(), shown_progress() as progress:
            treatment = treat(examination, given, interpreter, limits, progress, trust=trust)
        write_output(output, treatment.graph.serialize(), "-o")
    _print(examination, treatment, output, form)
    mended = treatment is not None and examination.mendable
    sys.exit(1 if examination.findings and not mended else 0)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())


def _data(data: str | None, examination: Examination) -> str:
    if data is None or data == RANDOM:
        return data or ""
    return with_data(replace(Target(examination.file, "")), data, Path.cwd()).data


def _print(
    examination: Examination, treatment: Treatment | None, output: Path | None, form: str
) -> None:
    if form == "json":
        json.dump(report_data(examination, treatment), sys.stdout, indent=2)
        click.echo()
        return
    console = stdout_console()
    print_examination(examination, console)
    if treatment is not None:
        print_treatment(treatment, str(output), console)
