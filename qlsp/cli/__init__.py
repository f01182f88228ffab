"""The `qlsp` command: one file per subcommand, imported only when it is run."""

from __future__ import annotations

import errno
import importlib
import os
import sys

import click

from qlsp import __version__
from qlsp.error import QlspError

_COMMANDS = {
    "lint": "Find what will not fuse or quantize in model-definition source.",
    "verify": "Build, quantize and convert a model, and compare with what was expected.",
    "doctor": "Find what keeps a frozen TensorFlow 1 graph from converting, and mend it.",
    "merge": "Convert a trained quantization-aware model in a form that fuses.",
    "lower": "Print what the converter will make of each layer.",
    "graph": "Print the layer graph that a builder makes.",
    "rule": "Print the documentation of a rule.",
    "toolchain": "Print which versions the project uses, and how that was found.",
    "server": "Run the language server over standard input and output.",
    "evidence": "Measure conversions, and compare them with the shipped evidence.",
}

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"qlsp.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="qlsp")
def cli() -> None:
    """Find, rewrite and prove what will not fuse or quantize in Keras models."""


def main() -> None:
    """Run the command line; exit 0 when clean, 1 on findings, 2 on errors."""
    try:
        cli(standalone_mode=True)
    except QlspError as error:
        # Names in files that others made may hold line ends and commands to the terminal.
        line = "".join(each if each.isprintable() else " " for each in str(error))
        click.echo(f"qlsp: error: {line}", err=True)
        sys.exit(2)
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise
        click.echo(f"qlsp: error: {error.strerror}: free some, then try again", err=True)
        # What is left to be printed can't be: Python would complain about it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(2)
