"""`qlsp lower`."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import click

from qlsp.cli.options import format_option
from qlsp.config import absolute, find_config
from qlsp.discovery.settings import settings_for
from qlsp.error import QlspError
from qlsp.lower import Lowering, behaviour, lower
from qlsp.lower.names import layer_names
from qlsp.lower.text import as_data, as_text
from qlsp.source.document import Document, SourceError
from qlsp.toolchain import MEASURED, WORKFLOWS, Toolchain, Workflow
from qlsp.trace import LayerGraph, Project, trace_builder
from qlsp.trace.outline import Outline

_KERAS: Mapping[str, Literal[2, 3]] = {"2": 2, "3": 3}


@click.command("lower")
@click.argument("target", metavar="FILE.py::BUILDER")
@click.option(
    "--workflow",
    "workflows",
    metavar="WORKFLOW,…",
    help="Any of float, ptq, qat and tf1.  [default: as lint finds them]",
)
@click.option("--tensorflow", metavar="VERSION", help="[default: the project's newest]")
@click.option(
    "--keras",
    type=click.Choice(list(_KERAS)),
    help="Major version that builds the model.  [default: what the code imports]",
)
@click.option("--tfmot", metavar="VERSION", help="[default: the one that goes with TensorFlow]")
@click.option(
    "--representative",
    is_flag=True,
    help="Under qat, the converter gets representative data, too.",
)
@click.option("--set", "arguments", multiple=True, metavar="KEY=VALUE", help="Builder argument.")
@format_option(help="How to print; the JSON is documented in docs/lowering.md.")
def command(
    target: str,
    workflows: str | None,
    tensorflow: str | None,
    keras: str | None,
    tfmot: str | None,
    representative: bool,
    arguments: tuple[str, ...],
    form: str,
) -> None:
    """Predict what the converter makes of each layer; nothing is run.

    BUILDER is a function that returns a Keras model, a Model class or a variable.
    """
    file, builder = _target(target)
    document = _read(file)
    try:
        graph = trace_builder(
            document, builder, Project(), dict(_argument(each) for each in arguments)
        )
    except SourceError as error:
        raise QlspError(f"{file}:{error.line}: {error.message}") from None
    toolchain = _toolchain(file, graph, tensorflow, keras, tfmot)
    found = [
        lower(graph, workflow, toolchain, representative=representative and workflow == "qat")
        for workflow in _workflows(workflows, file, graph, document)
    ]
    _print(document, graph, found, form)


def _print(document: Document, graph: LayerGraph, found: list[Lowering], form: str) -> None:
    flat = graph.flat
    names = layer_names(flat, found[0].toolchain.keras)
    if form == "json":
        json.dump(as_data(document, flat, names, found), sys.stdout, indent=2)
        click.echo()
        return
    for lowering in found:
        click.echo(as_text(document, flat, names, lowering, _evidence(lowering)))


def _evidence(lowering: Lowering) -> str:
    """Which measured toolchain the prediction rests on, where that is another one."""
    wanted = behaviour(lowering.workflow, lowering.toolchain)
    stands = [each for each in MEASURED if behaviour(lowering.workflow, each) == wanted]
    if lowering.toolchain in stands or not stands:
        return ""
    return f"evidence of {stands[-1]}"


def _target(text: str) -> tuple[Path, str]:
    name, separator, builder = text.rpartition("::")
    if not separator or not name or not builder:
        raise QlspError(f"'{text}' names no builder: write FILE.py::BUILDER")
    return absolute(Path(name)), builder


def _read(file: Path) -> Document:
    try:
        return Document.read(file)
    except OSError as error:
        raise QlspError(f"{file}: {error.strerror}") from None
    except SourceError as error:
        raise QlspError(f"{file}:{error.line}: {error.message}") from None


def _argument(text: str) -> tuple[str, object]:
    key, separator, value = text.partition("=")
    if not separator or not key.isidentifier():
        raise QlspError(f"--set {text}: write KEY=VALUE")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _workflows(
    text: str | None, file: Path, graph: LayerGraph, document: Document
) -> tuple[Workflow, ...]:
    if text is None:
        uses_tfmot = any(name.startswith("tfmot") for name in Outline.of(document.tree).imported())
        settings = settings_for(find_config(file.parent))
        return settings.workflows_for(imports_tfmot=uses_tfmot, is_tf1=graph.flavour == "tf1")
    names = {name.strip() for name in text.split(",") if name.strip()}
    unknown = sorted(names.difference(WORKFLOWS))
    if unknown or not names:
        named = f"no such workflow: {', '.join(unknown)}" if unknown else "none is named"
        raise QlspError(f"--workflow {text}: {named}; there are {', '.join(WORKFLOWS)}")
    return tuple(each for each in WORKFLOWS if each in names)


def _toolchain(
    file: Path, graph: LayerGraph, tensorflow: str | None, keras: str | None, tfmot: str | None
) -> Toolchain:
    """The project's newest toolchain that goes with the code and with what was asked for."""
    for option, version in (("--tensorflow", tensorflow), ("--tfmot", tfmot)):
        if version is not None and not version[:1].isdigit():
            raise QlspError(f"{option} {version}: write a version, as in 2.15.1")
    generation = _KERAS.get(keras or "") or {"keras3": 3, "tf_keras": 2, "tf1": 2}.get(
        graph.flavour
    )
    candidates = settings_for(find_config(file.parent)).toolchains
    if tensorflow is not None:
        near = behaviour("float", Toolchain(tensorflow, 2, None)).tensorflow
        candidates = tuple(each for each in MEASURED if behaviour("float", each).tensorflow == near)
    fitting = [each for each in candidates if generation in {None, each.keras}]
    chosen = (fitting or [each for each in MEASURED if each.keras == generation])[-1]
    return Toolchain(
        tensorflow or chosen.tensorflow,
        _KERAS[keras] if keras else chosen.keras,
        tfmot or chosen.tfmot,
    )
