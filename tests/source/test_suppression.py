import pytest

from qlsp.source.document import Document
from qlsp.source.edit import apply_edits
from qlsp.source.span import Span
from qlsp.source.suppression import Suppressions, suppress, without


def silences(text: str, line: int, end_line: int | None = None) -> bool:
    span = Span(line, 0, end_line or line, 80)
    return Suppressions.of(Document("m.py", text)).silences("QL102", "standalone-activation", span)


@pytest.mark.parametrize(
    ("text", "line", "silenced"),
    [
        ("f(x)  # qlsp: ignore[QL102]\ng(x)", 1, True),
        ("f(x)  # qlsp: ignore[QL102]\ng(x)", 2, False),
        ("f(x)  # qlsp: ignore[QL101, QL102] the NPU has it\n", 1, True),
        ("f(x)  # qlsp: ignore[standalone-activation]\n", 1, True),
        ("f(x)  # qlsp: ignore[QL101]\n", 1, False),
        ("f(x)  # qlsp: ignore\n", 1, True),
        ("f(x)  # type: ignore # qlsp: ignore[QL102] # noqa\n", 1, True),
        ("f(x)  #qlsp:ignore[ QL102 ]\n", 1, True),
        ("s = '# qlsp: ignore[QL102]'\n", 1, False),
        ("# qlsp: ignore[QL102]\n\n# a reason\nf(x)\ng(x)\n", 4, True),
        ("# qlsp: ignore[QL102]\n\n# a reason\nf(x)\ng(x)\n", 5, False),
        ("g(x)\nf(x)\n# qlsp: ignore-file[QL102]\n", 1, True),
        ("# qlsp: ignore-file[QL101]\nf(x)\n", 2, False),
    ],
)
def test_silences(text: str, line: int, silenced: bool) -> None:
    assert silences(text, line) is silenced


def test_any_line_of_the_finding() -> None:
    text = "x = f(\n    1,\n)(x)  # qlsp: ignore[QL102]\ny = g(x)\n"
    assert silences(text, 1, 3)
    assert not silences(text, 4)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(x)  # qlsp: ignore[QL102]\n", "f(x)\n"),
        ("f(x)  # qlsp: ignore\n", "f(x)\n"),
        ("f(x)  # why # qlsp: ignore[QL102] because\n", "f(x)  # why\n"),
        ("f(x)  # qlsp: ignore[QL102] # noqa\n", "f(x)  # noqa\n"),
        ("f(x)  # qlsp: ignore[QL102, QL104]\n", "f(x)\n"),
        ("f(x)  # qlsp: ignore[QL101, QL102] ok\n", "f(x)  # qlsp: ignore[QL101] ok\n"),
        ("    # qlsp: ignore[QL102]\nf(x)\n", "f(x)\n"),
        ("f(x)\r\n# qlsp: ignore-file[QL104]", "f(x)\r\n"),
    ],
)
def test_unused_comments_can_be_removed(before: str, after: str) -> None:
    document = Document("m.py", before)
    suppressions = Suppressions.of(document)
    suppressions.silences("QL101", "batchnorm-after-activation", Span(1, 0, 1, 4))
    if before.endswith("ignore\n"):
        suppressions = Suppressions.of(document)
    ((comment, rules),) = suppressions.unused()
    assert apply_edits(before, [without(document, comment, rules)]) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = f(x)\n", "x = f(x)  # qlsp: ignore[QL102]\n"),
        ("x = f(x)  # why\n", "x = f(x)  # why  # qlsp: ignore[QL102]\n"),
        ("x = f(x)  # qlsp: ignore[QL101]\n", "x = f(x)  # qlsp: ignore[QL101, QL102]\n"),
    ],
)
def test_suppress(before: str, after: str) -> None:
    document = Document("m.py", before)
    edit = suppress(document, Span(1, 4, 1, 8), "QL102")
    assert edit is not None
    assert apply_edits(before, [edit]) == after
    assert silences(after, 1)


def test_no_comment_after_a_backslash() -> None:
    assert suppress(Document("m.py", "x = f(x) \\\n + 1\n"), Span(1, 4, 1, 8), "QL102") is None
