"""Reports for pull requests and build servers, of a measurement made by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from qlsp.discovery.interpreter import Interpreter
from qlsp.lower.lowering import ConversionError, Op
from qlsp.toolchain import Toolchain
from qlsp.verify.comparison import Comparison
from qlsp.verify.flatbuffer import Operator, Subgraph
from qlsp.verify.measurement import Measurement
from qlsp.verify.model import BuiltModel, Input, Layer, Place
from qlsp.verify.prediction import Prediction
from qlsp.verify.quality import Latency, Noise
from qlsp.verify.report.comparison import print_comparison
from qlsp.verify.report.drawing import Box, common_rows, draw
from qlsp.verify.report.html import html_page
from qlsp.verify.report.json import comparison_data, report_data
from qlsp.verify.report.junit import junit
from qlsp.verify.report.markdown import markdown
from qlsp.verify.report.quality import change_lines
from qlsp.verify.report.text import print_report
from qlsp.verify.session import Conversion, Difference, Versions
from qlsp.verify.target import Target
from qlsp.verify.vela import Left, Placement
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


def test_what_it_is_compared_with_is_named() -> None:
    comparison = Comparison(report(GOOD), report(GOOD), (), against="HEAD~1")
    assert markdown(comparison).startswith("### ✅ `/work/net.py::build` against `HEAD~1`\n")
    assert "against <code>HEAD~1</code>" in html_page(comparison)
    console = Console(record=True, width=200, file=StringIO())
    print_comparison(comparison, console)
    assert "\nagainst HEAD~1\n" in console.export_text()


def test_infinity_is_no_json() -> None:
    same = Comparison(report(GOOD), report(GOOD), (Difference(math.inf, 2.0),))
    text = json.dumps(comparison_data(same), allow_nan=False)
    function = json.loads(text)["function"]
    assert function["same"] is False
    assert function["outputs"] == [{"largest_difference": None, "largest_value": 2.0}]


def test_junit() -> None:
    root = ElementTree.fromstring(junit(report(GOOD, RAISES)).split("\n", 1)[1])
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "0", "1")
    passed, failed = root.iter("testcase")
    assert passed.get("name") == "ptq" and not len(passed)
    (error,) = failed
    assert error.tag == "error"
    assert (error.get("message") or "").startswith("quantize_model raises RuntimeError: Layer")


def test_quality_is_in_every_report() -> None:
    measured = replace(
        report(GOOD),
        noises=(Noise((31.25,), ((0, 28.5),)),),
        latencies=(Latency(0.0015, 0.0014, 0.0016, 40),),
        placements=(Placement("ethos-u55-128", "5.2.0", 213, 4e-7, 64, (Left(0, "ELU", "no"),)),),
    )
    console = Console(record=True, width=200, file=StringIO())
    print_report(measured, console)
    for text in (console.export_text(), markdown(measured), html_page(measured)):
        assert "31.2 dB" in text and "28.5 dB" in text
        assert "1.50 ms" in text and "1.40 ms to 1.60 ms" in text
        assert "213 cycles" in text and "1 of 1 ops" in text
        assert "0.1 KB of activations" in text or "0.1 KB |" in text
    (found,) = report_data(measured)["workflows"]
    assert found["activation_bytes"] == 56
    assert found["latency"]["runs"] == 40
    assert found["noise"]["ops_db"] == [{"op": 0, "db": 28.5}]
    assert found["device"]["on_cpu"] == [{"op": 0, "name": "ELU", "reason": "no"}]


def test_latency_is_compared_beyond_the_noise() -> None:
    slow, fast = Latency(0.002, 0.0019, 0.0021, 40), Latency(0.001, 0.0009, 0.0011, 40)
    before, after = (replace(report(GOOD), latencies=(each,)) for each in (slow, fast))
    comparison = Comparison(before, after, ())
    assert change_lines(comparison) == ["ptq: 2.00 ms → 1.00 ms per inference, -50%"]
    same = Comparison(before, before, ())
    assert change_lines(same)[0].endswith("no difference beyond the noise")


def test_noise_and_cycles_are_compared() -> None:
    left = (Left(0, "ELU", "no"),)
    before, after = (
        replace(
            report(GOOD),
            noises=(Noise((ratio,), ()),),
            placements=(Placement("ethos-u55-128", "5.2.0", cycles, 4e-7, 64, cpu),),
        )
        for ratio, cycles, cpu in ((31.25, 2000, left), (35.5, 1500, ()))
    )
    assert change_lines(Comparison(before, after, ())) == [
        "ptq: signal-to-noise ratio 31.2 dB → 35.5 dB",
        "ptq: ethos-u55-128 2,000 → 1,500 cycles, -25%; ops on the CPU 1 → 0",
    ]


def test_before_says_what_was_raised() -> None:
    before, after = report(RAISES), report(replace(GOOD, workflow="qat"))
    console = Console(record=True, width=200, file=StringIO())
    print_comparison(Comparison(before, after, ()), console)
    assert "quantize_model raises RuntimeError: Layer a|b_c" in console.export_text()


def test_a_damaged_graph_is_drawn() -> None:
    op = Op("ADD", "", "INT8")
    circle = Subgraph(
        "circle", (), (), (), (Operator(op, (1, 0, -1), (0,)), Operator(op, (0,), (1,)))
    )
    rows = common_rows([circle], [(0, None), (1, None)])[0]
    assert rows == [0, 1]
    box = Box("key", "ADD", "", "", "", "", ())
    assert draw(circle, lambda index: box, rows, "circle").count("<path") == 1
