"""Reading TFLite files: a real one, and damaged ones."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from qlsp.lower.lowering import Op
from qlsp.verify.flatbuffer import ModelFileError, read_model
from qlsp.verify.macs import macs

FILE = Path(__file__).parent / "models" / "conv_relu6_int8.tflite"


def test_real_model() -> None:
    model = read_model(FILE.read_bytes())
    assert model.version == 3
    assert model.size == FILE.stat().st_size
    graph = model.main
    assert model.ops == (Op("CONV_2D", "RELU6", "INT8"),)
    (operator,) = graph.operators
    assert [graph.tensors[each].signature for each in graph.inputs] == [(-1, 4, 4, 3)]
    kernel = graph.tensors[operator.inputs[1]]
    assert (kernel.type, kernel.shape, kernel.axis) == ("INT8", (2, 3, 3, 3), 0)
    assert len(kernel.scale) == len(kernel.zero_point) == 2
    assert kernel.data is not None and len(kernel.data) == kernel.elements == 54
    output = graph.tensors[graph.outputs[0]]
    assert output.data is None
    assert 0 < output.scale[0] <= 6 / 255 and output.zero_point == (-128,)
    assert graph.producer == {graph.outputs[0]: 0}
    assert graph.consumers[graph.inputs[0]] == (0,)


def test_multiply_accumulates() -> None:
    graph = read_model(FILE.read_bytes()).main
    assert macs(graph, graph.operators[0]) == (2 * 2 * 2) * (3 * 3 * 3)


@pytest.mark.parametrize(
    "data",
    [b"", b"TFL3", b"\0" * 64, b"PK\x03\x04" + b"\0" * 60, b"\xff\xff\xff\xffTFL3" + b"\0" * 20],
)
def test_not_a_model(data: bytes) -> None:
    with pytest.raises(ModelFileError):
        read_model(data)


def test_truncated_model() -> None:
    data = FILE.read_bytes()
    for length in range(0, len(data) - 4, 7):
        with pytest.raises(ModelFileError):
            read_model(data[:length])


def test_damaged_model_is_read_or_refused() -> None:
    generator = random.Random(0)
    data = FILE.read_bytes()
    refused = 0
    for _ in range(3000):
        damaged = bytearray(data)
        for _ in range(generator.randint(1, 6)):
            position = generator.randrange(0, len(damaged) - 4)
            value = generator.choice([0, 1, 0x7FFFFFFF, 0xFFFFFFFF, generator.getrandbits(32)])
            struct.pack_into("<I", damaged, position, value)
        try:
            read_model(bytes(damaged))
        except ModelFileError:
            refused += 1
    assert refused > 300


def test_content_that_is_pointed_to_over_and_over() -> None:
    """A vector of subgraphs that all are one table, which holds a large vector."""
    count = 100_000
    data = bytearray(40)
    struct.pack_into("<I4s", data, 0, 24, b"TFL3")
    struct.pack_into("<HHHHH", data, 8, 10, 8, 0, 0, 4)  # vtable: subgraphs at 4
    struct.pack_into("<iI", data, 24, 16, 12)  # root table, its vector at 40
    data += struct.pack("<I", count)
    table = 44 + 4 * count + 8
    data += b"".join(struct.pack("<I", table - (44 + 4 * each)) for each in range(count))
    data += struct.pack("<HHHH", 8, 8, 0, 4)  # vtable: inputs at 4
    data += struct.pack("<iII", 8, 4, count)
    data += struct.pack("<i", -1) * count
    with pytest.raises(ModelFileError, match="more content than bytes"):
        read_model(bytes(data))


def test_a_name_that_would_command_the_terminal() -> None:
    content = FILE.read_bytes()
    name = read_model(content).main.tensors[0].name.encode()
    hostile = b"\x1b[2J\n" + name[5:]
    assert content.count(name) == 1
    read = read_model(content.replace(name, hostile)).main.tensors[0].name
    assert read == "\ufffd[2J\ufffd" + name[5:].decode()
