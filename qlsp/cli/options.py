"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., Any])


def format_option(*others: str, help: str = "How to print.") -> Callable[[_Command], _Command]:
    """`--format text|json`, and `others`; the command gets it as `form`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", *others]),
        default="text",
        show_default=True,
        help=help,
    )
