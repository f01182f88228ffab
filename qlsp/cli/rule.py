"""`qlsp rule`."""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path

import click

from qlsp.cli.options import format_option
from qlsp.error import QlspError
from qlsp.rules.catalogue import RULES, find
from qlsp.rules.document import markdown, summary
from qlsp.rules.rule import Rule


@click.command("rule")
@click.argument("rule", required=False)
@click.option("--all", "every", is_flag=True, help="List all rules.")
@format_option("markdown")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write one Markdown page per rule into this folder.",
)
def command(rule: str | None, every: bool, form: str, output: Path | None) -> None:
    """Print the documentation of RULE, a code (QL102) or a name (standalone-activation)."""
    if every == (rule is not None):
        raise click.UsageError("name one rule, or give --all")
    rules = RULES if every else (_find(rule or ""),)
    if output is not None:
        write_pages(rules, output)
    elif form == "json":
        found: object = [summary(each) for each in rules]
        if not every:
            found = {**summary(rules[0]), "documentation": markdown(rules[0])}
        click.echo(json.dumps(found, indent=2))
    elif form == "markdown":
        click.echo("\n".join(markdown(each) for each in rules), nl=False)
    elif every:
        for each in rules:
            about = summary(each)
            click.echo(f"{about['code']}  {about['name']:<28}  {about['summary']}")
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(markdown(rules[0])))
    else:
        click.echo(markdown(rules[0]), nl=False)


def write_pages(rules: tuple[type[Rule], ...], folder: Path) -> None:
    """Write `NAME.md` for each rule into `folder`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for each in rules:
            (folder / f"{each.name}.md").write_text(markdown(each), encoding="utf-8")
    except OSError as error:
        raise QlspError(f"{error.filename}: {error.strerror}") from None


def _find(text: str) -> type[Rule]:
    found = find(text)
    if found is None:
        names = [name for rule in RULES for name in (rule.code, rule.name)]
        close = difflib.get_close_matches(text, names, n=1)
        hint = f"; did you mean {close[0]}?" if close else "; `qlsp rule --all` lists them"
        raise QlspError(f"there is no rule {text!r}{hint}")
    return found
