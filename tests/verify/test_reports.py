"""Reports for pull requests and build servers, of a measurement made by hand."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from qlsp.discovery.interpreter import Interpreter
from qlsp.lower.lowering import ConversionError
from qlsp.toolchain import Toolchain
from qlsp.verify.comparison import Comparison
from qlsp.verify.measurement import Measurement
from qlsp.verify.model import BuiltModel, Input, Layer, Place
from qlsp.verify.prediction import Prediction
from qlsp.verify.report.comparison import print_comparison
from qlsp.verify.report.junit import junit
from qlsp.verify.report.markdown import markdown
from qlsp.verify.session import Conversion, Difference, Target, Versions
from qlsp.verify.verify import Report

FILE = Path(__file__).parent / "models" / "conv_relu6_int8.tflite"
MODEL = BuiltModel(
    "net",
    2,
    (Input("input", (None, 4, 4, 3), "float32"),),
    (
        Layer(0, None, "net", "Functional", "keras", (), 0),
        Layer(1, 0, "a|b_c", "Conv2D", "keras", (Place("/work/net.py", 7),), 56),
    ),
    {},
    0,
)
TOOLCHAIN = Toolchain("2.21.0", 2, "0.8.1")
ERROR = ConversionError(
    "RuntimeError", "Layer a|b_c:<class 'X'> \x07 is not supported", None, "quantize"
)


def report(*conversions: Conversion) -> Report:
    return Report(
        Target(Path("/work/net.py"), "build"),
        Interpreter(Path("/usr/bin/python"), "the tests"),
        Versions("3.11", "2.21.0", "0.8.1"),
        MODEL,
        tuple(Measurement.of(each, MODEL, TOOLCHAIN) for each in conversions),
        Prediction(None, (), "not traced"),
        {"building": 1.0},
    )


GOOD = Conversion("ptq", FILE.read_bytes(), None, True, {}, 0.5)
RAISES = Conversion("qat", None, ERROR, False, {}, 0.0)


def test_markdown() -> None:
    text = markdown(report(GOOD, RAISES))
    assert text.startswith("### ❌ `/work/net.py::build`\n")
    assert "| ptq | 1 | 100% | 100% |" in text
    assert "| qat | raises |" in text
    assert "| 0 | `CONV_2D+RELU6:INT8` |" in text
    assert "quantize\\_model raises RuntimeError: Layer a\\|b\\_c:&lt;class 'X'>" in text
    assert markdown(report(GOOD)).startswith("### ✅ ")


def test_markdown_of_a_comparison() -> None:
    before, after = report(RAISES), report(replace(GOOD, workflow="qat"))
    text = markdown(Comparison(before, after, (Difference(1e-8, 2.0),)))
    assert "| qat | raises → 1 | " in text
    assert "same function: outputs differ by at most 1e-08" in text
    assert "**qat**: +1 `CONV_2D+RELU6:INT8`" in text


def test_junit() -> None:
    root = ElementTree.fromstring(junit(report(GOOD, RAISES)).split("\n", 1)[1])
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "0", "1")
    passed, failed = root.iter("testcase")
    assert passed.get("name") == "ptq" and not len(passed)
    (error,) = failed
    assert error.tag == "error"
    assert (error.get("message") or "").startswith("quantize_model raises RuntimeError: Layer")


def test_before_says_what_was_raised() -> None:
    before, after = report(RAISES), report(replace(GOOD, workflow="qat"))
    console = Console(record=True, width=200, file=StringIO())
    print_comparison(Comparison(before, after, ()), console)
    assert "quantize_model raises RuntimeError: Layer a|b_c" in console.export_text()
