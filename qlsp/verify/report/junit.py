"""The report as JUnit XML, for build servers."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from qlsp.lower.lowering import Outcome
from qlsp.toml import shown
from qlsp.verify.comparison import Comparison
from qlsp.verify.measurement import Measurement
from qlsp.verify.report.comparison import function_line
from qlsp.verify.verify import Report

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(result: Report | Comparison) -> str:
    """A suite for the model, with a case per workflow, failed where it has findings.

    With fixes there is another case: that they compute the same.
    """
    report = result if isinstance(result, Report) else result.after
    name = report.target.shown
    suite = ElementTree.Element("testsuite", name=xml_text(name))
    for measurement, found in zip(report.measurements, report.findings, strict=True):
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=xml_text(name),
            name=measurement.workflow,
            time=f"{measurement.seconds:.3f}",
        )
        raised = any(each.outcome is Outcome.RAISES for each in found)
        lines = [_line(each.message, each.layers, measurement) for each in found]
        _fail(case, "error" if raised else "failure", lines)
    if isinstance(result, Comparison) and result.mended is not None:
        case = ElementTree.SubElement(suite, "testcase", classname=xml_text(name), name="function")
        _fail(case, "failure", [function_line(result).plain] if result.broken else [])
    suite.set("tests", str(len(suite)))
    for kind in ("failure", "error"):
        suite.set(f"{kind}s", str(len(suite.findall(f"testcase/{kind}"))))
    root = ElementTree.Element("testsuites", {**suite.attrib, "name": "qlsp verify"})
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _fail(case: ElementTree.Element, kind: str, lines: list[str]) -> None:
    if lines:
        element = ElementTree.SubElement(case, kind, message=xml_text(lines[0]))
        element.text = xml_text("\n".join(lines))


def _line(message: str, layers: tuple[int, ...], measurement: Measurement) -> str:
    sites = (measurement.model.layers[index].site for index in layers)
    place = next((site[0] for site in sites if site), None)
    return message if place is None else f"{shown(Path(place.file))}:{place.line}: {message}"


def xml_text(text: str) -> str:
    """`text` without the characters that no XML document may hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
