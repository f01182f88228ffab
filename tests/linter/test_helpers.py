"""Findings that depend on what a helper of another file is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from qlsp.diagnostic import Diagnostic
from qlsp.linter import lint
from qlsp.source.document import Document
from qlsp.trace import Project
from tests.rules.support import dedent, settings

HELPERS = """
    from tensorflow.keras import layers

    def block(x, filters, activation="linear", rate=1):
        x = layers.Conv2D(filters, 3, activation=activation, dilation_rate=rate)(x)
        return layers.BatchNormalization()(x)
"""
MODEL = """
    from tensorflow import keras
    from helpers import block

    def build():
        inputs = keras.Input((8, 8, 3), batch_size=1)
        x = block(inputs, 4)
        x = block(x, 8, "relu")
        return keras.Model(inputs, block(x, 8, "relu"))
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def found(project: Project, **files: str) -> list[Diagnostic]:
    """What is found in the last of `files`, after all are written."""
    for name, source in files.items():
        path = Path(project.roots[0]) / f"{name}.py"
        path.write_text(dedent(source))
        project.documents[str(path)] = Document.read(path)
    return lint(Document.read(path), settings(workflows=("ptq",)), project)


def test_it_is_told_at_the_calls_to_blame(project: Project) -> None:
    one, other = found(project, helpers=HELPERS, model=MODEL)
    assert one.message == (
        "In helpers.py:5: BatchNormalization after Conv2D(activation='relu') cannot fold into it: "
        "ptq keeps MUL, ADD"
    )
    assert (one.code, one.fix, one.span.line, other.span.line) == ("QL101", None, 7, 8)
    place = one.related[0]
    assert (Path(place.site.path).name, place.site.span.line) == ("helpers.py", 5)


def test_only_the_name_of_the_helper_is_marked(project: Project) -> None:
    one, _ = found(project, helpers=HELPERS, model=MODEL)
    text = Document("model.py", dedent(MODEL)).at(one.span)
    assert text == "block"


def test_it_is_not_told_twice(project: Project) -> None:
    helpers = HELPERS.replace('"linear"', '"relu"')
    assert found(project, model=MODEL, helpers=helpers)
    assert found(project, helpers=helpers, model=MODEL) == []


def test_helpers_of_helpers_tell_at_their_own_call(project: Project) -> None:
    middle = """
        from helpers import block
        from tensorflow.keras import layers

        def stage(x, activation):
            x = layers.Conv2D(4, 3)(x)
            return block(block(x, 4, "relu"), 4, activation)
    """
    model = """
        from tensorflow import keras
        from middle import stage

        def build(activation):
            inputs = keras.Input((8, 8, 3), batch_size=1)
            return keras.Model(inputs, stage(inputs, {argument}))
    """
    (inner,) = found(project, helpers=HELPERS, middle=middle)
    assert inner.message.startswith("In helpers.py:5:")
    files = {"helpers": HELPERS, "middle": middle}
    assert found(project, **files, model=model.format(argument="activation")) == []
    (outer,) = found(project, **files, model=model.format(argument='"tanh"'))
    assert outer.message.startswith("In helpers.py:5: BatchNormalization after Conv2D(activation='")


def test_a_comment_at_the_call_silences_it(project: Project) -> None:
    model = MODEL.replace('"relu")', '"relu")  # qlsp: ignore', 1)
    assert len(found(project, helpers=HELPERS, model=model)) == 1


def test_a_helper_that_changes_is_looked_at_anew(project: Project) -> None:
    assert len(found(project, helpers=HELPERS, model=MODEL)) == 2
    assert found(project, helpers=HELPERS.replace('"linear"', '"relu"'), model=MODEL) == []
    assert len(found(project, helpers=HELPERS, model=MODEL)) == 2


def test_a_dilated_convolution_at_the_model_of_the_call(project: Project) -> None:
    model = MODEL.replace(", batch_size=1", "").replace(', "relu"', ", rate=2")
    (one,) = found(project, helpers=HELPERS, model=model)
    assert (one.code, one.span.line) == ("QL111", 5)
