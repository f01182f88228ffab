"""`qlsp server`."""

from __future__ import annotations

import gc
import logging
import sys

import click


@click.command()
@click.option("--stdio", is_flag=True, help="Serve standard input and output (always so).")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="warning",
    show_default=True,
    help="How much to log to standard error.",
)
def command(stdio: bool, log_level: str) -> None:
    """Run the language server over standard input and output."""
    gc.disable()  # while the thousands of classes of the protocol are made
    from qlsp.server.server import QlspServer
    from qlsp.server.stdio import serve

    gc.freeze()
    gc.enable()

    logging.basicConfig(
        level=log_level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    if log_level != "debug":
        # What concerns us reaches `QlspServer.report_server_error`.
        logging.getLogger("pygls").setLevel(logging.CRITICAL)
    sys.exit(serve(QlspServer()))
