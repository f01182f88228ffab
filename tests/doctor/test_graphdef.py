"""Graphs are read as they were written, and refused in one line where they are none."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from qlsp.doctor import wire
from qlsp.doctor.graphdef import Graph, Node, parse_graph, read_graph
from qlsp.doctor.tensor import FLOAT, QUINT8, const, constant, sizes
from qlsp.error import QlspError
from tests.doctor.made import DATA, Made, floats, integers, stored, well_placed

GRAPHS = sorted(path.stem for path in DATA.glob("*.pb"))


@pytest.mark.parametrize("name", GRAPHS)
def test_what_tensorflow_wrote_comes_back_the_same(name: str) -> None:
    graph = stored(name)
    assert parse_graph(graph.serialize()) == graph
    assert list(parse_graph(graph.serialize()).nodes) == list(graph.nodes)


def test_constants() -> None:
    for tensor in (floats(1.5, -2.0, 0.0), floats(3.0, shape=()), integers(QUINT8, 0, 7, 255)):
        assert constant(const("c", tensor)) == tensor
    assert constant(Node("x", "Conv2D")) is None


def test_one_value_stands_for_all() -> None:
    shape = wire.message(2, wire.message(2, wire.varint(1, 4)))
    content = wire.varint(1, FLOAT) + shape + wire.float32(5, 0.5)
    node = Node("c", "Const", (), {"value": wire.message(8, content)})
    assert constant(node) == floats(0.5, 0.5, 0.5, 0.5)


def test_shape_of_a_placeholder() -> None:
    assert sizes(Made().nodes["image"]) == (1, 8, 8, 4)
    assert sizes(Node("x", "Placeholder")) is None


def test_nodes_are_sorted_behind_what_they_take() -> None:
    nodes = {
        name: Node(name, "Op", inputs) for name, inputs in (("c", ("b",)), ("b", ("a",)), ("a", ()))
    }
    assert list(Graph(nodes).sorted().nodes) == ["a", "b", "c"]


def encoded(name: str, op: str, *inputs: str) -> bytes:
    return Graph({name: Node(name, op, inputs)}).serialize()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\xff" * 100, "not a frozen graph, or a damaged one (a number without an end)"),
        (b"\n\x05hello", "not a frozen graph, or a damaged one"),
        (b'node {\n  name: "image"\n}\n', "a graph as text: freeze it as binary"),
        (b"\x08\x01\x12\x04\n\x02\x08\x01", "a SavedModel's graph, not a frozen one"),
        (b"PK\x03\x04" + b"\0" * 30, "not a frozen graph"),
        (encoded("a", "Relu", "gone"), "node 'a' takes 'gone', which is not there"),
        (encoded("a", "Const") * 2, "two nodes are called 'a'"),
        (encoded("a\n\x1b[2J", "Const"), r"'a\n\x1b[2J' is no name"),
        (encoded("", "Const"), "a node without a name or an operation"),
        (b"\x22\x00", "the graph has no nodes"),
    ],
)
def test_what_is_no_graph(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "frozen.pb"
    file.write_bytes(content)
    with pytest.raises(QlspError) as error:
        read_graph(file)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(QlspError, match="No such file"):
        read_graph(tmp_path / "gone.pb")
    with pytest.raises(QlspError, match="Is a directory"):
        read_graph(tmp_path)


def test_too_large(tmp_path: Path) -> None:
    file = tmp_path / "frozen.pb"
    with file.open("wb") as stream:
        stream.truncate(1 << 31)  # a hole, which takes no room on the disk
    with pytest.raises(QlspError, match="over 2 GB"):
        read_graph(file)


def test_damaged_graphs_are_read_or_refused() -> None:
    content = well_placed().serialize()
    generator = random.Random(0)
    for _ in range(500):
        damaged = bytearray(content[: generator.randrange(len(content))])
        for _ in range(3):
            if damaged:
                damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        try:
            for node in parse_graph(bytes(damaged)):
                constant(node)
        except (ValueError, QlspError):
            pass


def test_a_constant_that_claims_to_be_huge() -> None:
    dims = b"".join(wire.message(2, wire.varint(1, 1 << 40)) for _ in range(2))
    content = wire.varint(1, FLOAT) + wire.message(2, dims) + wire.float32(5, 0.5)
    node = Node("c", "Const", (), {"value": wire.message(8, content)})
    with pytest.raises(
        QlspError, match="'c' is damaged: a constant of more elements than a graph can hold"
    ):
        constant(node)
