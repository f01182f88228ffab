"""Comparing graphs whatever is in their arguments."""

from __future__ import annotations

from qlsp.rules.rewrite.draft import Draft, equal
from qlsp.source.document import Document
from qlsp.trace import trace

SOURCE = """
from tensorflow import keras
from tensorflow.keras import layers

inputs = keras.Input((8, 3))
x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(inputs)
x = x[:, 1:, ::2]
x = layers.Lambda(lambda t: t * 2, arguments={"a": [1, {"b": 2}]})(x)
model = keras.Model(inputs, x)
"""


def drafts(source: str) -> list[Draft]:
    return [Draft.of(graph.flat) for graph in trace(Document("model.py", source)).graphs]


def test_equal() -> None:
    assert equal(drafts(SOURCE), drafts(SOURCE))


def test_every_argument_counts() -> None:
    for old, new in (
        ("LSTM(4", "LSTM(5"),
        ("1:", "2:"),
        ('"b": 2', '"b": 3'),
        ("Model(inputs, x", "Model(inputs, inputs"),
    ):
        changed = SOURCE.replace(old, new)
        assert changed != SOURCE
        assert not equal(drafts(SOURCE), drafts(changed))
