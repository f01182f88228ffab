"""`qlsp verify`."""

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
    target_of_model,
    terminated,
    with_data,
    workflows_of,
    write_output,
)
from qlsp.cli.zoo import ZooOptions, refuse, verify_all, zoo_options
from qlsp.config import Model, find_config
from qlsp.discovery.settings import settings_for
from qlsp.error import QlspError
from qlsp.verify.comparison import Comparison, Surroundings, compare, compare_fixed
from qlsp.verify.mend import Mended
from qlsp.verify.process import Limits
from qlsp.verify.report.comparison import print_comparison
from qlsp.verify.report.html import html_page
from qlsp.verify.report.json import comparison_data, report_data
from qlsp.verify.report.junit import junit
from qlsp.verify.report.markdown import markdown
from qlsp.verify.report.text import print_report
from qlsp.verify.revision import at_revision
from qlsp.verify.target import Target
from qlsp.verify.vela import CONFIGURATIONS, find_vela, place
from qlsp.verify.verify import Report, read_file, verify

_RENDERED = {"markdown": markdown, "junit": junit}


@click.command()
@click.argument("targets", metavar="FILE.py::BUILDER|MODEL|NAME", nargs=-1)
@click.option(
    "--workflow",
    "workflows",
    metavar="WORKFLOW,…",
    help="Any of float, ptq, qat and tf1.  [default: as lint finds them; for a model file by "
    "what it is]",
)
@click.option("--fix", is_flag=True, help="Verify with and without the safe fixes, and compare.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix: also those that need retraining.")
@click.option(
    "--write",
    is_flag=True,
    help="With --fix: write the fixes to the files, if the result holds what they promise.",
)
@click.option(
    "--against",
    metavar="FILE.py::BUILDER|REVISION",
    help="Compare with another model, or with this one at a git revision.",
)
@click.option("--set", "arguments", multiple=True, metavar="KEY=VALUE", help="Builder argument.")
@click.option(
    "--input",
    "shapes",
    multiple=True,
    metavar="SHAPE",
    help="Input shape of a subclassed model that was not called yet: 1,96,96,3.",
)
@click.option(
    "--data",
    metavar="FILE|FILE.py::FUNCTION",
    help="Representative data, an .npy or .npz file or a function.  [default: random]",
)
@click.option(
    "--inputs", metavar="NAME,…", help="Inputs of a frozen graph.  [default: its placeholders]"
)
@click.option(
    "--outputs",
    metavar="NAME,…",
    help="Outputs of a frozen graph.  [default: the nodes that nothing takes]",
)
@click.option(
    "--measure",
    is_flag=True,
    help="Also measure the noise of quantization per output and layer, and the latency.",
)
@click.option(
    "--device",
    type=click.Choice(CONFIGURATIONS),
    metavar="ETHOS-U",
    help="Also compile for an Ethos-U with Vela: ethos-u55-128, ….",
)
@click.option("--trust", is_flag=True, help="Run code that MODEL brings along, such as a Lambda.")
@format_option("markdown", "junit", help="How to print the report.")
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Also write the report as one self-contained page.",
)
@zoo_options
@running_options
def command(
    targets: tuple[str, ...],
    workflows: str | None,
    python: str | None,
    fix: bool,
    unsafe_fixes: bool,
    write: bool,
    against: str | None,
    arguments: tuple[str, ...],
    shapes: tuple[str, ...],
    data: str | None,
    inputs: str | None,
    outputs: str | None,
    measure: bool,
    device: str | None,
    trust: bool,
    form: str,
    html: Path | None,
    zoo: ZooOptions,
    timeout: float,
    memory: str | None,
) -> None:
    """Build, quantize and convert a model, and tell what became of each layer.

    BUILDER is a function that returns a Keras model, a Model class or a variable. The file is
    run, in another process, with the TensorFlow of the project's interpreter.

    MODEL is a file: .keras, .h5, a SavedModel's folder, a frozen graph (.pb), or a .tflite model,
    which is only read. NAME is an entry of [tool.qlsp.models].

    With --fix the fixes are applied in memory, the model is verified again with the same
    weights, and the two are laid side by side.

    With --against the other model, or the older revision, is verified first, and its weights
    are taken over.

    With --all every model of [tool.qlsp.models], or those NAMEd (* and ? match as in a shell), is
    verified by its workflows in each of [tool.qlsp.toolchains]. What is done is kept.

    Exit code: 0 as it should be; 1 with an op that should have fused, a float island or an
    error of the converter; 2 if the model (with --all: any of them) could not be built.
    """
    limits = Limits(timeout, memory_limit(memory))
    if zoo.all:
        alone: dict[str, object] = {
            "--set": arguments,
            "--input": shapes,
            "--data": data,
            "--inputs": inputs,
        }
        alone |= {"--outputs": outputs, "--fix": fix, "--unsafe-fixes": unsafe_fixes}
        alone |= {"--write": write, "--against": against, "--measure": measure}
        refuse({**alone, "--device": device, "--html": html}, "is for one model, not for --all")
        sys.exit(verify_all(targets, zoo, workflows, python, limits, trust=trust, form=form))
    refuse(zoo.given, "goes with --all")
    if len(targets) != 1:
        what = f"{len(targets)} are named" if targets else "none is named"
        raise QlspError(f"one model, please: {what}; or all of [tool.qlsp.models] with --all")
    target = targets[0]
    parsed, named = _parsed(target, arguments, shapes)
    parsed = replace(
        with_data(parsed, data, Path.cwd()),
        trust=trust,
        inputs=_names(inputs),
        outputs=_names(outputs),
    )
    if workflows is None and named is not None and named.workflows is not None:
        workflows = ",".join(named.workflows)
    if parsed.is_file and (fix or against is not None):
        raise QlspError("--fix and --against need source: write FILE.py::BUILDER")
    if parsed.is_file:
        refuse({"--set": arguments}, "is for a builder: write FILE.py::BUILDER")
    if parsed.file.suffix == ".tflite":
        converting: dict[str, object] = {"--workflow": workflows, "--data": data, "--input": shapes}
        converting |= {"--inputs": inputs, "--outputs": outputs, "--measure": measure}
        refuse(converting, "is for what is converted: a .tflite model is only read")
    check_output(html, "--html")
    if device is not None:
        find_vela()
    interpreter = interpreter_for(python, parsed.file.parent)
    chosen = workflows_of(workflows, parsed, str(interpreter.path))
    if (unsafe_fixes or write) and not fix:
        raise QlspError("--unsafe-fixes and --write go with --fix")
    if fix and against is not None:
        raise QlspError("--fix and --against don't go together")
    mended = None
    with terminated(), shown_progress() as progress:
        surroundings = Surroundings(chosen, interpreter, limits, progress, measure)
        if against is not None:
            other = _other(against, parsed, arguments, shapes)
            result: Report | Comparison = replace(
                compare(other, parsed, surroundings), against=against
            )
        elif fix:
            settings = settings_for(find_config(parsed.file.parent), str(interpreter.path))
            result, mended = compare_fixed(parsed, surroundings, settings, unsafe=unsafe_fixes)
        elif parsed.file.suffix == ".tflite":
            result = read_file(parsed)
        else:
            result = verify(parsed, chosen, interpreter, limits, progress, measure=measure)
    failure = None
    if device is not None:
        try:
            result = _placed(result, device, timeout)
        except QlspError as error:  # what was measured is told nevertheless
            failure = error
    _print(result, form)
    if form == "text" and mended is not None:
        _tell_fixes(mended)
    if form == "text" and parsed.file.suffix == ".pb" and isinstance(result, Report):
        _point_to_doctor(result)
    if html is not None:
        write_output(html, html_page(result).encode(), "--html")
    if failure is not None:
        raise failure
    if isinstance(result, Report):
        sys.exit(1 if result.worse else 0)
    if write and result.mended is not None and not result.broken:
        for document, text in result.mended.documents:
            document.write(text)
    sys.exit(1 if result.after.worse or result.broken else 0)


def _print(result: Report | Comparison, form: str) -> None:
    if form == "json":
        data = report_data(result) if isinstance(result, Report) else comparison_data(result)
        json.dump(data, sys.stdout, indent=2)
        click.echo()
        return
    if form in _RENDERED:
        click.echo(_RENDERED[form](result), nl=False)
        return
    console = stdout_console()
    if isinstance(result, Report):
        print_report(result, console)
    else:
        print_comparison(result, console)


def _tell_fixes(mended: Mended) -> None:
    """Where none applies, or some were left out."""
    if not mended.applied:
        click.echo("\nno fix applies: the model was verified as it is")
    if mended.unsafe_left:
        verb = "fix changes" if mended.unsafe_left == 1 else "fixes change"
        click.echo(f"{mended.unsafe_left} more {verb} the function: see --unsafe-fixes")


def _point_to_doctor(report: Report) -> None:
    if any(each.workflow == "tf1" for each in report.measurements) and report.worse:
        click.echo(
            f"\nqlsp doctor {report.target.shown} tells which ranges are missing or misplaced"
        )


def _parsed(
    text: str, arguments: tuple[str, ...], shapes: tuple[str, ...]
) -> tuple[Target, Model | None]:
    """What to verify, and its entry of `[tool.qlsp.models]` if it is named by that."""
    config = find_config(Path.cwd())
    named = config.models.get(text)
    if named is None:
        return target_of(text, arguments, shapes, files=True), None
    return target_of_model(config, named, arguments, shapes), named


def _other(
    text: str, target: Target, arguments: tuple[str, ...], shapes: tuple[str, ...]
) -> Target:
    """What to compare with: another builder, or the same at a revision."""
    return target_of(text, arguments, shapes) if "::" in text else at_revision(target, text)


def _placed(result: Report | Comparison, device: str, seconds: float) -> Report | Comparison:
    """With what Vela makes of every conversion."""
    if isinstance(result, Report):
        placements = [place(each, device, seconds) for each in result.measurements]
        return replace(result, placements=tuple(placements))
    before, after = (_placed(each, device, seconds) for each in (result.before, result.after))
    assert isinstance(before, Report) and isinstance(after, Report)
    return replace(result, before=before, after=after)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in (text or "").split(",") if name.strip())
