"""`qlsp graph`."""

from __future__ import annotations

import json

import click

from qlsp.cli.options import format_option
from qlsp.cli.target import parse_settings, parse_target, read_document
from qlsp.config import find_config
from qlsp.trace import Project, trace_builder
from qlsp.trace.views.data import as_data
from qlsp.trace.views.svg import as_svg
from qlsp.trace.views.text import as_text


@click.command("graph")
@click.argument("target", metavar="FILE.py::BUILDER")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Builder argument: a Python literal, @DOTTED.NAME for a module, or text.  "
    "[default: weights=None]",
)
@click.option("--flat", is_flag=True, help="Inline nested models and user-defined layers.")
@format_option("svg", help="How to print; the JSON is documented in docs/graph.md.")
def command(target: str, settings: tuple[str, ...], flat: bool, form: str) -> None:
    """Print the layer graph that a builder makes, recovered without running it.

    BUILDER is a function that returns a Keras model, a Model class or a variable.
    """
    file, builder = parse_target(target)
    document = read_document(file)
    project = Project(find_config(file.parent).root)
    graph = trace_builder(document, builder, project, {"weights": None, **parse_settings(settings)})
    if flat:
        graph = graph.flat
    if form == "json":
        click.echo(json.dumps(as_data(graph, project.document), indent=2))
    elif form == "svg":
        click.echo(as_svg(graph, project.document), nl=False)
    else:
        click.echo(as_text(graph, project.document))
