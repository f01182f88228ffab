"""Fixes of whole documents."""

from __future__ import annotations

import pytest

from qlsp.diagnostic import Applicability
from qlsp.linter import fix, lint
from qlsp.source.document import Document
from tests.rules.support import NEWEST, TFMOT_05, dedent, fixed, settings

SEVERAL = """
    import tensorflow as tf
    from tensorflow.keras import Input, Model
    from tensorflow.keras.layers import BatchNormalization, Conv2D

    inputs = Input((8, 8, 3))
    x = Conv2D(4, 3, activation=tf.nn.relu6)(inputs)
    x = Conv2D(4, 3, activation="elu")(x)
    x = Conv2D(4, 3, activation="relu")(x)
    x = BatchNormalization()(x)
    x = Conv2D(4, 3)(x)
    x = tf.nn.relu6(x)
    model = Model(inputs, x)  # qlsp: ignore[QL101]
"""


def test_fixes_of_several_rules_compose() -> None:
    assert fixed(SEVERAL, settings()) == dedent("""
        import tensorflow as tf
        from tensorflow.keras import Input, Model
        from tensorflow.keras.layers import Activation, BatchNormalization, Conv2D, ReLU

        inputs = Input((8, 8, 3))
        x = Conv2D(4, 3)(inputs)
        x = ReLU(6.0)(x)
        x = Conv2D(4, 3, activation="elu")(x)
        x = Conv2D(4, 3)(x)
        x = BatchNormalization()(x)
        x = ReLU()(x)
        x = Conv2D(4, 3)(x)
        x = ReLU(6.0)(x)
        model = Model(inputs, x)
    """).replace("Activation, ", "")


def test_unsafe_fixes_are_applied_on_request_only() -> None:
    result = fix(Document("model.py", dedent(SEVERAL)), settings())
    assert "BatchNormalization()(x)\nx = Conv2D(4, 3)" in result.text
    assert {each.code for each in result.applied} == {"QL001", "QL102", "QL201"}
    (remaining,) = (each for each in result.remaining if each.code == "QL101")
    assert remaining.fix is not None
    assert remaining.fix.applicability is Applicability.UNSAFE


def test_without_fixes_none_is_computed() -> None:
    document = Document("model.py", dedent(SEVERAL))
    found = lint(document, settings(), fixes=False)
    assert [each.code for each in found] == [each.code for each in lint(document, settings())]
    assert all(each.fix is None for each in found if each.code != "QL001")


def test_encoding_newlines_and_comments_survive() -> None:
    before = dedent("""
        # é: the Motörhead of models 🎸
        import tensorflow as tf
        from tensorflow.keras import layers
        model = tf.keras.Sequential([
        \tlayers.Conv2D(4, 3, input_shape=(8, 8, 3)),  # « 🎸
        \tlayers.ReLU(),  # » 🎸
        \tlayers.BatchNormalization(),  # ü
        ])
    """).replace("\n", "\r\n")
    assert fixed(before, settings()).replace("\r\n", "\n") == dedent("""
        # é: the Motörhead of models 🎸
        import tensorflow as tf
        from tensorflow.keras import layers
        model = tf.keras.Sequential([
        \tlayers.Conv2D(4, 3, input_shape=(8, 8, 3)),  # « 🎸
        \tlayers.BatchNormalization(),  # ü
        \tlayers.ReLU(),  # » 🎸
        ])
    """)


UNKNOWN_CALLERS = {
    "one use of the layer has no second activation": """
        from tensorflow import keras
        from tensorflow.keras import layers
        inputs = keras.Input((8, 8, 3))
        conv = layers.Conv2D(3, 3, padding="same", activation="relu")
        x = conv(inputs)
        x = layers.ReLU(6.0)(x)
        model = keras.Model(inputs, conv(x))
    """,
    "the first activation is made by a function that others may call": """
        from tensorflow import keras
        from tensorflow.keras import layers

        def conv(x):
            return layers.Conv2D(4, 3, activation="relu")(x)

        inputs = keras.Input((8, 8, 3))
        model = keras.Model(inputs, layers.ReLU(6.0)(conv(inputs)))
    """,
}


@pytest.mark.parametrize("reason", UNKNOWN_CALLERS)
def test_no_fix_that_others_would_feel(reason: str) -> None:
    document = Document("model.py", dedent(UNKNOWN_CALLERS[reason]))
    found = lint(document, settings("ALL", NEWEST))
    assert found
    assert [each.fix for each in found] == [None] * len(found)


def test_no_fix_that_is_worse_in_another_workflow() -> None:
    """`activation=tf.nn.relu6` is what tfmot 0.5.0 refuses."""
    document = Document(
        "model.py",
        dedent("""
            import tensorflow as tf
            from tensorflow.keras import layers
            inputs = tf.keras.Input((8, 8, 3))
            x = layers.ReLU(6.0)(layers.Conv2D(4, 3)(inputs))
            model = tf.keras.Model(inputs, x)
        """),
    )
    (diagnostic,) = lint(document, settings("QL102", TFMOT_05))
    assert diagnostic.fix is not None
    assert "BatchNormalization" in diagnostic.fix.title
    assert diagnostic.fix.applicability is Applicability.UNSAFE
