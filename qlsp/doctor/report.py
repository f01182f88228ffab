"""What the doctor says, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from qlsp.doctor.examine import Examination, Finding
from qlsp.doctor.treat import Treatment
from qlsp.lower.tf1.graph import Range
from qlsp.toml import shown

VERSION: Final = 1


def print_examination(examination: Examination, console: Console) -> None:
    """The findings, each with what TOCO says and what mends it."""
    ends = " → ".join(
        ", ".join(map(escape, names)) or "?" for names in (examination.inputs, examination.outputs)
    )
    count = len(examination.graph.nodes)
    console.print(f"[bold]{escape(shown(examination.file))}[/]: {count} nodes, {ends}")
    for finding in examination.findings:
        _print_finding(finding, console)
    if examination.unjudged:
        names = ", ".join(examination.unjudged)
        console.print(f"\n[dim]not judged, for lack of measurements: {escape(names)}[/]")
    console.print(f"\n{_verdict(examination)}")


def _print_finding(finding: Finding, console: Console) -> None:
    op = f" ({finding.op})" if finding.op else ""
    console.print(
        f"\n[bold]{finding.kind}[/] [cyan]{escape(finding.node)}[/]{escape(op)}: "
        f"{escape(finding.message)}"
    )
    if finding.says:
        console.print(f"  TOCO: {escape(finding.says)}", style="dim")
    console.print(f"  mend: {escape(finding.remedy)}")


def _verdict(examination: Examination) -> str:
    findings = examination.findings
    if not findings:
        return "healthy: nothing in it that TOCO is known to refuse"
    stopping = sum(bool(each.says) for each in findings)
    many = f"{len(findings)} findings" if len(findings) > 1 else "1 finding"
    ends = f", {stopping} of which end the conversion" if stopping else ""
    if not examination.mendable:
        return f"{many}{ends}; not all can be mended here"
    needed = " --data FILE" if any(each.needs_data for each in findings) else ""
    return f"{many}{ends}; mended by: --fix{needed} -o FIXED.pb"


def print_treatment(treatment: Treatment, file: str, console: Console) -> None:
    """The ranges that were put in, and where they come from."""
    console.print(f"\nwrote [bold]{escape(file)}[/]: {len(treatment.graph.nodes)} nodes")
    for name, given in treatment.derived.items():
        console.print(f"  {escape(name)}: {_range(given)}, from a fake-quantization that is there")
    for name, given in treatment.measured.items():
        console.print(f"  {escape(name)}: {_range(given)}, measured")
    if treatment.measured:
        kind = "random inputs, uniform from -1 to 1" if treatment.random else "examples"
        console.print(f"  measured on {treatment.examples} {kind}")
        for name, given in treatment.inputs.items():
            console.print(f"  input {escape(name)}: {_range(given)} in these")
    if treatment.random:
        console.print(
            "[yellow]ranges from noise: good for trying the conversion, not for a model in use[/]"
        )


def _range(given: Range) -> str:
    return f"{given[0]:.4g} to {given[1]:.4g}"


def report_data(examination: Examination, treatment: Treatment | None) -> dict[str, Any]:
    """All of it for JSON; see docs/doctor.md."""
    return {
        "version": VERSION,
        "file": str(examination.file),
        "nodes": len(examination.graph.nodes),
        "inputs": list(examination.inputs),
        "outputs": list(examination.outputs),
        "findings": [
            {
                "kind": each.kind,
                "node": each.node,
                "op": each.op,
                "message": each.message,
                "toco": each.says or None,
                "remedy": each.remedy,
                "mendable": each.mendable,
                "needs_data": each.needs_data,
            }
            for each in examination.findings
        ],
        "unjudged": list(examination.unjudged),
        "treatment": None if treatment is None else _treatment(treatment),
    }


def _treatment(treatment: Treatment) -> dict[str, Any]:
    def listed(ranges: Mapping[str, Range]) -> dict[str, list[float]]:
        return {name: list(given) for name, given in ranges.items()}

    return {
        "nodes": len(treatment.graph.nodes),
        "derived": listed(treatment.derived),
        "measured": listed(treatment.measured),
        "inputs": listed(treatment.inputs),
        "examples": treatment.examples,
        "random": treatment.random,
    }
