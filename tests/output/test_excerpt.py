import ast

import pytest

from qlsp.output.excerpt import excerpt
from qlsp.source.document import Document
from qlsp.source.span import Span


def drawn(source: str, *, around: int = 0) -> list[str]:
    """The excerpt of the call of `f` in `source`."""
    call = next(
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "f"
    )
    rows = excerpt(Document("m.py", source), Span.of(call), around)
    return [f"{row.number or ''}|{row.text}" for row in rows]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = f(1)", ["1|x = f(1)", "|    ^^^^"]),
        ("if x:\n\ty =\tf(1)", ["2|    y =    f(1)", "|           ^^^^"]),
        ("x = '日本', f(1)", ["1|x = '日本', f(1)", "|            ^^^^"]),
        ("x = 'e\u0301', f(1)", ["1|x = 'e\u0301', f(1)", "|         ^^^^"]),
        ("x = '\x1b[31m', f(1)", ["1|x = '\ufffd[31m', f(1)", "|             ^^^^"]),
        ("x = '\u202e', f(1)", ["1|x = '\ufffd', f(1)", "|         ^^^^"]),
        (
            "x = f(\r\n    1,\r\n\r\n    2)\r\n",
            ["1|x = f(", "|    ^^", "2|    1,", "|    ^^", "3|", "4|    2)", "|    ^^"],
        ),
    ],
)
def test_marks_stand_below_what_they_mean(source: str, expected: list[str]) -> None:
    assert drawn(source) == expected


def test_lines_around_without_empty_ends() -> None:
    assert drawn("\na = 1\nf()\n\nb = 2\nc = 3\n", around=2) == [
        "2|a = 1",
        "3|f()",
        "|^^^",
        "4|",
        "5|b = 2",
    ]


def test_the_middle_of_a_long_span_is_left_out() -> None:
    lines = drawn("f(" + "\n  1," * 40 + ")")
    assert [line for line in lines if not line.startswith("|") or "..." in line] == [
        "1|f(",
        *(f"{number}|  1," for number in range(2, 5)),
        "|...",
        *(f"{number}|  1," for number in range(38, 41)),
        "41|  1,)",
    ]


def test_of_a_long_line_the_part_around_the_span_is_shown() -> None:
    text, marks = drawn("x = [" + "1, " * 100_000 + "f(2), " + "3, " * 1000 + "]")
    assert len(text) < 130
    text = text.removeprefix("1")
    assert text[marks.index("^") : marks.rindex("^") + 1] == "f(2)"
