import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from qlsp.batch.report import Report
from qlsp.diagnostic import Applicability, Diagnostic, Fix, Related, Severity
from qlsp.output import FOR_PEOPLE, FORMATS, writer
from qlsp.source.document import Document
from qlsp.source.edit import Edit
from qlsp.source.span import Site, Span

TEXT = "a = '日本'; f(\n    1)\n"


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """A finding on the call of `f`, behind characters of several bytes."""
    monkeypatch.chdir(tmp_path)
    document = Document(str(tmp_path / "a b.py"), TEXT)
    related = Related(Site(document.path, Span(1, 0, 1, 1)), "the name")
    fix = Fix("Call g", Applicability.SAFE, (Edit(10, 11, "g"),))
    found = Diagnostic(
        "QL101",
        "batchnorm-after-activation",
        "100% <bad>,\nreally: \x00",
        Severity.INFORMATION,
        document.path,
        Span(1, 14, 2, 6),
        (related,),
        fix,
    )
    assert TEXT[10:12] == "f("
    return Report("a b.py", document, (found,))


def written(name: str, *reports: Report) -> str:
    return writer(name)(reports)


def test_sarif(report: Report) -> None:
    content = json.loads(written("sarif", report))
    (run,) = content["runs"]
    assert content["version"] == "2.1.0"
    assert run["columnKind"] == "unicodeCodePoints"
    (rule,) = run["tool"]["driver"]["rules"]
    assert (rule["id"], rule["name"]) == ("QL101", "batchnorm-after-activation")
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("QL101", "note")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "a%20b.py"}
    assert place["region"] == {"startLine": 1, "startColumn": 11, "endLine": 2, "endColumn": 7}
    assert result["relatedLocations"][0]["message"] == {"text": "the name"}
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 1, "startColumn": 11, "endLine": 1, "endColumn": 12},
            "insertedContent": {"text": "g"},
        }
    ]


def test_github(report: Report) -> None:
    assert written("github", report) == (
        "::notice title=qlsp QL101 (batchnorm-after-activation),file=a b.py,line=1,endLine=2"
        "::100%25 <bad>,%0Areally: \x00\n"
    )


def test_gitlab(report: Report) -> None:
    first, second = json.loads(written("gitlab", report, report))
    assert first["location"] == {"path": "a b.py", "lines": {"begin": 1, "end": 2}}
    assert (first["check_name"], first["severity"]) == ("QL101", "info")
    assert first["fingerprint"] != second["fingerprint"]


def test_junit(report: Report) -> None:
    root = ElementTree.fromstring(written("junit", report))
    assert root.attrib == {"name": "qlsp", "tests": "1", "failures": "1"}
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert failure.text == "a b.py:1:11: 100% <bad>,\nreally: \N{REPLACEMENT CHARACTER}"
    passed = ElementTree.fromstring(written("junit"))
    assert passed.attrib == {"name": "qlsp", "tests": "1", "failures": "0"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_that_nothing_was_found(name: str) -> None:
    text = written(name)
    assert (text == "") is (name in FOR_PEOPLE or name == "github")
    if name in {"json", "sarif", "gitlab"}:
        json.loads(text)
