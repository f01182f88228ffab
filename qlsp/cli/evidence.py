"""`qlsp evidence`: measure conversions, and hold the shipped data against measurement."""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from qlsp.evidence import environment as environments
from qlsp.evidence.measure import Journal, measure
from qlsp.evidence.patterns import patterns
from qlsp.evidence.reading import read
from qlsp.evidence.table import MEASUREMENTS, load
from qlsp.evidence.toolchains import SETUPS, setup

_JOURNALS = Path(tempfile.gettempdir()) / "qlsp-evidence"


@click.group()
def command() -> None:
    """Measure what converters make of small patterns."""


@command.command("list")
def list_() -> None:
    """Print the toolchains with evidence, and the cells measured of each workflow."""
    for each in SETUPS:
        counts = Counter(workflow for _, workflow in load(each.toolchain).cells)
        cells = ", ".join(f"{name} {counts[name]}" for name in MEASUREMENTS if counts[name])
        click.echo(f"{each.name}: {cells}")


@command.command("environment")
@click.argument("toolchain")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--python", help="The interpreter to build on; its version must be the setup's.")
def environment(toolchain: str, folder: Path, python: str | None) -> None:
    """Install TOOLCHAIN from its pins into a new virtual environment in FOLDER."""
    click.echo(environments.make(setup(toolchain), folder, python))


@command.command("measure")
@click.argument("toolchain")
@click.option("--python", "interpreter", required=True, help="The toolchain's interpreter.")
@click.option("--journal", type=click.Path(path_type=Path), help="Where to keep what is measured.")
@click.option("--output", type=click.Path(path_type=Path), help="The data file to write.")
@click.option("--timeout", default=120.0, show_default=True, help="Seconds per cell.")
def measure_(
    toolchain: str, interpreter: str, journal: Path | None, output: Path | None, timeout: float
) -> None:
    """Measure every pattern on TOOLCHAIN and write the data file.

    Can be interrupted and taken up again: what the journal has is not measured again.
    """
    chosen = setup(toolchain)
    kept = Journal(journal or _JOURNALS / f"{chosen.name}.jsonl")
    wanted = patterns(chosen.flavour)
    measure(chosen, interpreter, kept, wanted, _progress, timeout)
    if output is None:
        output = Path(environments.__file__).parent / "data" / f"{chosen.name}.json"
    output.write_text(read(chosen, kept, wanted).dump(), encoding="utf-8")
    click.echo(f"wrote {output}")


@command.command("check")
@click.option("--python", "interpreter", required=True, help="The toolchain's interpreter.")
@click.option("--toolchain", default=SETUPS[0].name, show_default=True)
@click.option("--sample", default=20, show_default=True, help="Patterns to measure again.")
@click.option("--seed", default=0, show_default=True, help="Which patterns are drawn.")
def check(interpreter: str, toolchain: str, sample: int, seed: int) -> None:
    """Measure some patterns again; exit with 1 if the shipped data says otherwise."""
    chosen = setup(toolchain)
    everything = patterns(chosen.flavour)
    drawn = random.Random(seed).sample(everything, min(sample, len(everything)))
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.jsonl")
        measure(chosen, interpreter, journal, drawn, _progress)
        differences = load(chosen.toolchain).differences(read(chosen, journal, drawn))
    for shipped, measured in differences:
        click.echo(f"{measured.pattern}, {measured.workflow}:")
        click.echo(f"  shipped  {shipped}\n  measured {measured}")
    click.echo(f"{len(drawn)} patterns measured again, {len(differences)} cells differ")
    sys.exit(1 if differences else 0)


def _progress(done: int, total: int) -> None:
    click.echo(f"{done} of {total} cells", err=True)
