import pytest

from qlsp.evidence.reading import cell, clean
from qlsp.lower.lowering import ConversionError


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "Layer conv1d:<class 'x'> is not supported.",
            "Layer conv1d:<class 'x'> is not supported.",
        ),
        ("Activation <function elu at 0x7f01ab> no", "Activation <function elu at 0x…> no"),
        ("in /home/me/env/lib/ops.py:17:\n\n  bad", "in …/ops.py:17: bad"),
        (
            "Array Conv/act_quant/AssignMinEma is lacking",
            "Array Conv/act_quant/AssignMinEma is lacking",
        ),
        (
            "See console.\n2026 F tensorflow/lite/toco/quantize.cc:156] Array x does not\n",
            "Array x does not",
        ),
        (
            "<unknown>:0: error: loc('a'): 'tf.Foo' op is no\nmore",
            "'tf.Foo' op is no",
        ),
    ],
)
def test_clean(message: str, expected: str) -> None:
    assert clean(message) == expected


def test_a_signal_has_only_last_words() -> None:
    log = "error: of an earlier cell\nI0000 17:00 port.cc:153] oneDNN\n"
    line = {"pattern": "image > conv", "workflow": "ptq", "error": ["SIGSEGV", "convert", log]}
    assert cell(line, False).error == ConversionError("SIGSEGV", "")
    log += "LLVM ERROR: Failed to infer result type(s).\n"
    line = {"pattern": "image > conv", "workflow": "ptq", "error": ["SIGABRT", "convert", log]}
    assert cell(line, False).error == ConversionError("SIGABRT", "Failed to infer result type(s).")


def test_long_messages_are_cut() -> None:
    assert len(clean("word " * 1000)) == 240
