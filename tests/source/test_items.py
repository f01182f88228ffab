import ast

import pytest

from qlsp.source.document import Document
from qlsp.source.edit import apply_edits
from qlsp.source.imports import Imports
from qlsp.source.items import insert_element, remove_argument, remove_element, set_argument


def expression(text: str) -> tuple[Document, ast.expr]:
    document = Document("model.py", text)
    statement = document.tree.body[0]
    assert isinstance(statement, ast.Expr)
    return document, statement.value


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(a, act=1, b=2)", "f(a, b=2)"),
        ("f(act=1)", "f()"),
        ("f(act=1, b=2)", "f(b=2)"),
        ("f(a, act=1)", "f(a)"),
        ("f(a, act=1,)", "f(a,)"),
        ("f(a,\n  act=1)", "f(a)"),
        ("f(a, b, act=1,\n  c=3)", "f(a, b,\n  c=3)"),
        ("f(\n    a,\n    act=1\n)", "f(\n    a\n)"),
        ("f(\n    a,\n    act=1,\n)", "f(\n    a,\n)"),
        ("f(\n    a,\n    act=1,  # why\n)", "f(\n    a,\n    # why\n)"),
        (
            "f(\n    a,  # A\n    act=1,  # why\n    b=2,\n)",
            "f(\n    a,  # A\n    # why\n    b=2,\n)",
        ),
        ("f(\r\n    a,\r\n    act=1,\r\n)", "f(\r\n    a,\r\n)"),
        ("g.f(h(x, y), act=g(1, 2), é='ü')(z)", None),
        ("f(a, **act)", None),
    ],
)
def test_remove_argument(before: str, after: str | None) -> None:
    document, call = expression(before)
    assert isinstance(call, ast.Call)
    edit = remove_argument(document, call, "act")
    assert (apply_edits(before, [edit]) if edit else None) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f()", "f(act=6)"),
        ("f(a)", "f(a, act=6)"),
        ("f(a, act=(1), b=2)", "f(a, act=(6), b=2)"),
        ("f(a,\n  b=2)", "f(a,\n  b=2,\n  act=6)"),
        ("f(\n    a,\n    b=2,  # B\n)", "f(\n    a,\n    b=2,  # B\n    act=6,\n)"),
        ("f(\n    a  # A\n)", "f(\n    a,  # A\n    act=6\n)"),
        ("f(a, **rest)", "f(a, **rest, act=6)"),
    ],
)
def test_set_argument(before: str, after: str) -> None:
    document, call = expression(before)
    assert isinstance(call, ast.Call)
    edit = set_argument(document, call, "act", "6")
    assert edit is not None
    assert apply_edits(before, [edit]) == after


LIST = "[\n    a,  # A\n    b,  # B\n]"


@pytest.mark.parametrize(
    ("before", "index", "after"),
    [
        ("[a, b]", 0, "[b]"),
        ("[a, b]", 1, "[a]"),
        ("[a,\n b]", 0, "[b]"),
        (LIST, 0, "[\n    # A\n    b,  # B\n]"),
        (LIST, 1, "[\n    a,  # A\n    # B\n]"),
    ],
)
def test_remove_element(before: str, index: int, after: str) -> None:
    document, sequence = expression(before)
    assert isinstance(sequence, ast.List)
    edit = remove_element(document, sequence, index)
    assert edit is not None
    assert apply_edits(before, [edit]) == after


@pytest.mark.parametrize(
    ("before", "index", "after"),
    [
        ("[a, b]", 1, "[a, N(), b]"),
        ("[a, b]", 2, "[a, b, N()]"),
        ("[a,\n b]", 2, "[a,\n b,\n N()]"),
        (LIST, 1, "[\n    a,  # A\n    N(),\n    b,  # B\n]"),
        (LIST, 2, "[\n    a,  # A\n    b,  # B\n    N(),\n]"),
        ("[a,\n b  # B\n]", 2, "[a,\n b,  # B\n N()\n]"),
    ],
)
def test_insert_element(before: str, index: int, after: str) -> None:
    document, sequence = expression(before)
    assert isinstance(sequence, ast.List)
    edit = insert_element(document, sequence, index, "N()")
    assert edit is not None
    assert apply_edits(before, [edit]) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from m import A, Z", "from m import A, ReLU, Z"),
        ("from m import Z, A", "from m import Z, A, ReLU"),
        ("from m import Z  # z", "from m import ReLU, Z  # z"),
        ("from m import (A, Z)", "from m import (A, ReLU, Z)"),
        (
            "from m import (\n    A,  # a\n    B,\n)",
            "from m import (\n    A,  # a\n    B,\n    ReLU,\n)",
        ),
        ("from m import *", None),
    ],
)
def test_extend_import(before: str, after: str | None) -> None:
    document = Document("model.py", before)
    statement = document.tree.body[0]
    assert isinstance(statement, ast.ImportFrom)
    edit = Imports.of(document).extend(statement, "ReLU")
    assert (apply_edits(before, [edit]) if edit else None) == after


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("import tensorflow as tf", "tf.keras.layers.ReLU"),
        ("import tensorflow.keras", "tensorflow.keras.layers.ReLU"),
        ("from tensorflow.keras import layers as L", "L.ReLU"),
        ("from tensorflow.keras.layers import ReLU as R", "R"),
        ("from tensorflow.keras.layers import *", "ReLU"),
        ("from tensorflow.keras.layers import *\nclass ReLU: ...", None),
        ("import keras", None),
    ],
)
def test_reference(text: str, reference: str | None) -> None:
    imports = Imports.of(Document("model.py", text))
    assert imports.reference("tensorflow.keras.layers.ReLU") == reference


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\n", "import tf\nx = 1\n"),
        ('"""Doc."""\nx = 1\n', '"""Doc."""\nimport tf\nx = 1\n'),
        ("import a  # A\r\nx = 1\r\n", "import a  # A\r\nimport tf\r\nx = 1\r\n"),
    ],
)
def test_add_import(before: str, after: str) -> None:
    edit = Imports.of(Document("model.py", before)).add("import tf")
    assert apply_edits(before, [edit]) == after
