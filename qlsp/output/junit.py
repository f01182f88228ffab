"""Findings as a JUnit report, for build servers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from qlsp.batch.report import Report
from qlsp.diagnostic import Diagnostic
from qlsp.output import places

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(reports: Sequence[Report]) -> str:
    """A suite per file with findings, a failed case per finding; else one case that passed."""
    count = str(sum(len(report.diagnostics) for report in reports))
    root = ElementTree.Element("testsuites", name="qlsp", tests=count, failures=count)
    for report in reports:
        if report.diagnostics:
            number = str(len(report.diagnostics))
            suite = ElementTree.SubElement(
                root, "testsuite", name=_text(report.path), tests=number, failures=number
            )
            for each in report.diagnostics:
                _failed(suite, report, each)
    if not len(root):
        suite = ElementTree.SubElement(root, "testsuite", name="qlsp", tests="1", failures="0")
        ElementTree.SubElement(suite, "testcase", name="no findings", classname="qlsp")
        root.set("tests", "1")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _failed(suite: ElementTree.Element, report: Report, diagnostic: Diagnostic) -> None:
    line, column = places.start(report.document, diagnostic.span)
    case = ElementTree.SubElement(
        suite,
        "testcase",
        name=f"{diagnostic.code} {diagnostic.name}",
        classname=_text(str(Path(report.path).with_suffix(""))),
        file=_text(report.path),
        line=str(line),
    )
    failure = ElementTree.SubElement(
        case, "failure", type=diagnostic.severity.value, message=_text(diagnostic.message)
    )
    failure.text = _text(f"{report.path}:{line}:{column}: {diagnostic.message}")


def _text(text: str) -> str:
    """`text` without the characters that no XML document may hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
