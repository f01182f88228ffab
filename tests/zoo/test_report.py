import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.console import Console

from qlsp.discovery.interpreter import Interpreter
from qlsp.toolchain import Workflow
from qlsp.verify.target import Target
from qlsp.zoo.case import Case
from qlsp.zoo.report import json_text, junit, markdown, print_summary
from qlsp.zoo.result import Result, Summary

TOOLCHAIN = {
    "python": "3.11.7",
    "tensorflow": "2.21.0",
    "keras": 2,
    "tfmot": "0.8.1",
    "interpreter": "/opt/python",
}


def result(workflow: Workflow, model: str = "net", reason: str = "", **found: Any) -> Result:
    case = Case(
        *(model, workflow, "new"), Target(Path("net.py"), "build"), Interpreter(Path("/py"), "")
    )
    if reason:
        return Result(case, None, reason)
    measured = {"workflow": workflow, "error": None, "findings": [], "ops": [], **found}
    return Result(case, {"toolchain": TOOLCHAIN, "workflows": [measured]}, seconds=1.5)


SUMMARY = Summary(
    (
        result("float", ops=["CONV_2D:FLOAT32"]),
        result(
            "ptq",
            ops=["CONV_2D:INT8", "RELU:INT8", "ELU:FLOAT32", "QUANTIZE:INT8"],
            integer_ops=2,
            computing_ops=3,
            findings=[
                {"outcome": "extra ops", "ops": [1], "message": "RELU is not fused into CONV_2D"},
                {"outcome": "float island", "ops": [2], "message": "ELU: computes in float"},
            ],
        ),
        result(
            "qat",
            error={"type": "X"},
            findings=[
                {"outcome": "raises", "ops": [], "message": "quantize_model raises X: [a] <b>"}
            ],
        ),
        result("ptq", "broken", reason="while building, ValueError: no | data"),
        result("qat", "broken", reason="while building, ValueError: no | data"),
    )
)


def test_text() -> None:
    stream = io.StringIO()
    print_summary(SUMMARY, Console(file=stream, width=120))
    lines = [" ".join(line.split()) for line in stream.getvalue().splitlines()]
    assert lines[1:6] == [
        "net float new 1 as it should be",
        "net ptq new 4 67% 1 1 extra op, 1 float island",
        "net qat new raises",
        "broken ptq new not verified",
        "broken qat new not verified",
    ]
    assert lines[7:] == [
        "net qat new: quantize_model raises X: [a] <b>",
        "broken ptq new, broken qat new: while building, ValueError: no | data",
        "new: TF 2.21.0, Keras 2, tfmot 0.8.1 (Python 3.11.7, /opt/python)",
        "5 cases: 1 as they should be, 2 worse than they have to be, 2 not verified",
    ]


def test_json() -> None:
    data = json.loads(json_text(SUMMARY))
    assert (data["version"], data["worse"], data["failed"]) == (1, 2, 2)
    assert [each["verdict"] for each in data["results"]] == [
        *("as it should be", "1 extra op, 1 float island", "raises"),
        *("not verified", "not verified"),
    ]
    assert [each["error"] is None for each in data["results"]] == [True, True, False, False, False]


def test_markdown_escapes_what_is_told() -> None:
    text = markdown(SUMMARY)
    assert "| net | ptq | new | 4 | 67% | 1 | 1 extra op, 1 float island |" in text
    assert "- **net qat new**: quantize\\_model raises X: \\[a\\] &lt;b>" in text
    assert "ValueError: no \\| data" in text


def test_junit() -> None:
    root = ElementTree.fromstring(junit(SUMMARY))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "1", "3")
    failure = root.find("testsuite[@name='net']/testcase[@name='ptq new']/failure")
    assert failure is not None
    assert failure.text == "RELU is not fused into CONV_2D\nELU: computes in float"


def test_exit_code() -> None:
    good, worse, raises, broken, _ = SUMMARY.results
    assert Summary((good,)).exit_code == 0
    assert Summary((good, worse)).exit_code == 1
    assert Summary((raises,)).exit_code == 1
    assert Summary((good, worse, broken)).exit_code == 2
