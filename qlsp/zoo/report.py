"""The table of a run: for a terminal, as JSON, as Markdown and as JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from rich.console import Console
from rich.table import Table
from rich.text import Text

from qlsp.toml import shown
from qlsp.verify.report.junit import xml_text
from qlsp.verify.report.markdown import plain_text
from qlsp.verify.report.text import share
from qlsp.zoo.result import Result, Summary

VERSION: Final = 1
_COLUMNS: Final = ("model", "workflow", "toolchain", "ops", "int8", "float islands", "verdict")
_NAMED: Final = 4
_RIGHT: Final = frozenset({"ops", "int8", "float islands"})
_STYLES: Final = {"as it should be": "green", "raises": "bold red", "not verified": "bold red"}


def print_summary(summary: Summary, console: Console) -> None:
    """The table, then why cases failed, a line each, and the verdict."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in _COLUMNS:
        table.add_column(name, justify="right" if name in _RIGHT else "left")
    for result in summary.results:
        *cells, verdict = row(result)
        table.add_row(*cells, Text(verdict, style=_STYLES.get(verdict, "yellow")))
    console.print(table)
    console.print()
    for names, failure in failures(summary):
        line = Text(f"{names}: ", style="bold").append(failure, style="not bold")
        console.print(line, soft_wrap=True)
    for name, versions in toolchains(summary).items():
        console.print(Text(f"{name}: {versions}", style="dim"), soft_wrap=True)
    console.print(Text(summary.verdict, style="bold"), soft_wrap=True)


def row(result: Result) -> tuple[str, ...]:
    """A result in the columns of the table."""
    found = result.measured
    head = (result.case.model, result.workflow, result.case.toolchain)
    if result.report is None or result.raises:
        return (*head, "", "", "", result.verdict)
    if result.workflow == "float":
        return (*head, str(len(found["ops"])), "", "", result.verdict)
    coverage = share(found["integer_ops"], found["computing_ops"])
    return (*head, str(len(found["ops"])), coverage, str(result.islands), result.verdict)


def failures(summary: Summary) -> list[tuple[str, str]]:
    """Cases, the first few by name, and why they failed; those with the same reason together."""
    cases: dict[str, list[str]] = {}
    for result in summary.results:
        if result.failure:
            cases.setdefault(result.failure, []).append(str(result.case))
    return [
        (
            ", ".join(names[:_NAMED])
            + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""),
            failure,
        )
        for failure, names in cases.items()
    ]


def toolchains(summary: Summary) -> dict[str, str]:
    """By the toolchain's name its exact versions, as they were met."""
    found: dict[str, str] = {}
    for result in summary.results:
        versions = result.report and result.report["toolchain"]
        if versions:
            tfmot = f", tfmot {versions['tfmot']}" if versions["tfmot"] else ""
            python = f"Python {versions['python']}, {shown(Path(versions['interpreter']))}"
            flavour = f"TF {versions['tensorflow']}, Keras {versions['keras']}{tfmot}"
            found.setdefault(result.case.toolchain, f"{flavour} ({python})")
    return found


def json_text(summary: Summary) -> str:
    """The results with the whole report of each; `docs/zoo.md` documents the form."""
    data = {
        "version": VERSION,
        "results": [_data(each) for each in summary.results],
        "worse": summary.worse,
        "failed": summary.failed,
    }
    return json.dumps(data, indent=2) + "\n"


def _data(result: Result) -> dict[str, Any]:
    return {
        "model": result.case.model,
        "workflow": result.workflow or None,
        "toolchain": result.case.toolchain,
        "verdict": result.verdict,
        "error": result.failure or None,
        "kept": result.kept,
        "seconds": result.seconds,
        "report": result.report,
    }


def markdown(summary: Summary) -> str:
    """A comment for a pull request: the verdict, the table, and why cases failed."""
    return "\n".join(_markdown(summary)) + "\n"


def _markdown(summary: Summary) -> Iterator[str]:
    yield f"### {'✅' if summary.exit_code == 0 else '❌'} {plain_text(summary.verdict)}"
    yield ""
    yield from table_lines(summary)
    yield ""
    for names, failure in failures(summary):
        yield f"- **{plain_text(names)}**: {plain_text(failure)}"
    for name, versions in toolchains(summary).items():
        yield f"- <sub>{plain_text(name)}: {plain_text(versions)}</sub>"


def table_lines(summary: Summary) -> Iterator[str]:
    """The table in Markdown."""
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"|{'|'.join('---:' if name in _RIGHT else '---' for name in _COLUMNS)}|"
    for result in summary.results:
        yield f"| {' | '.join(plain_text(cell) for cell in row(result))} |"


def junit(summary: Summary) -> str:
    """A suite per model, with a case per workflow and toolchain.

    Failed where it has findings, in error where something raised or it could not be verified.
    """
    root = ElementTree.Element("testsuites", name="qlsp verify --all")
    suites: dict[str, ElementTree.Element] = {}
    for result in summary.results:
        model = xml_text(result.case.model)
        if model not in suites:
            suites[model] = ElementTree.SubElement(root, "testsuite", name=model)
        case = ElementTree.SubElement(
            suites[model],
            "testcase",
            classname=model,
            name=xml_text(" ".join(filter(None, (result.workflow, result.case.toolchain)))),
            time=f"{result.seconds:.3f}",
        )
        lines = (
            [result.failure] if result.failure else [each["message"] for each in result.findings]
        )
        if lines:
            kind = "error" if result.failure else "failure"
            element = ElementTree.SubElement(case, kind, message=xml_text(lines[0]))
            element.text = xml_text("\n".join(lines))
    for element in (*suites.values(), root):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            element.set(name, str(len(list(element.iter(tag)))))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"
