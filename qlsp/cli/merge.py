"""`qlsp merge`."""

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
    target_of,
    terminated,
    write_output,
)
from qlsp.config import absolute, find_config
from qlsp.discovery.settings import settings_for
from qlsp.error import QlspError
from qlsp.verify.merge import Trained, merge
from qlsp.verify.process import Limits
from qlsp.verify.report.merge import merge_data, print_merge


@click.command()
@click.argument("trained", type=click.Path(path_type=Path))
@click.option(
    "--builder",
    required=True,
    metavar="FILE.py::BUILDER",
    help="Makes the same model in a form that fuses, without quantization and weights.",
)
@click.option(
    "--fix",
    is_flag=True,
    help="BUILDER makes the model as it was trained: merge into it with its safe fixes applied.",
)
@click.option(
    "--trained-builder",
    metavar="FILE.py::BUILDER",
    help="Where TRAINED holds weights only: makes the model as it was trained, before "
    "quantize_model.  [with --fix: BUILDER]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The .tflite file to write.",
)
@click.option("--set", "arguments", multiple=True, metavar="KEY=VALUE", help="Builder argument.")
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Representative inputs, an .npy or .npz file: for ranges that were not learned, and "
    "to compare on.",
)
@click.option("--trust", is_flag=True, help="Run code that TRAINED brings along, such as a Lambda.")
@format_option(help="How to print the report.")
@running_options
def command(
    trained: Path,
    builder: str,
    fix: bool,
    trained_builder: str | None,
    output: Path,
    arguments: tuple[str, ...],
    data: Path | None,
    trust: bool,
    form: str,
    python: str | None,
    timeout: float,
    memory: str | None,
) -> None:
    """Convert a trained quantization-aware model in a form that fuses, without retraining.

    TRAINED is what was saved after training: .h5, .keras, a SavedModel's folder, or weights.
    BUILDER's model gets its weights, and every quantizer of it the range that the trained
    model learned for the same values.

    Exit code: 0 merged, and every layer agrees up to a quantization step; 1 merged, but an op is
    still not fused or a layer does not agree; 2 not merged, and nothing written.
    """
    target = target_of(builder, arguments, ())
    interpreter = interpreter_for(python, target.file.parent)
    if not trained.exists() and not trained.with_name(trained.name + ".index").exists():
        raise QlspError(f"{trained}: no such file")
    check_output(output, "--output")
    source = Trained(absolute(trained), trust=trust)
    if trained_builder is not None:
        source = replace(source, builder=target_of(trained_builder, arguments, ()))
    elif fix and _weights_only(trained):
        source = replace(source, builder=target)
    settings = settings_for(find_config(target.file.parent), str(interpreter.path)) if fix else None
    limits = Limits(timeout, memory_limit(memory))
    with terminated(), shown_progress() as progress:
        result = merge(
            source,
            target,
            interpreter,
            limits,
            progress,
            data=None if data is None else absolute(data),
            settings=settings,
        )
    write_output(output, result.content, "--output")
    if form == "json":
        json.dump(merge_data(result), sys.stdout, indent=2)
        click.echo()
    else:
        print_merge(result, stdout_console())
    sys.exit(1 if result.findings or not result.agrees else 0)


def _weights_only(trained: Path) -> bool:
    return not trained.exists() or trained.name.endswith(".weights.h5")
