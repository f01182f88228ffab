"""Graphs written node by node, without TensorFlow."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

from qlsp.doctor import wire
from qlsp.doctor.graphdef import Graph, Node, read_graph
from qlsp.doctor.tensor import FLOAT, Tensor, const

DATA = Path(__file__).parent / "data"


def stored(name: str) -> Graph:
    """A graph that TensorFlow wrote: see graphs.py."""
    return read_graph(DATA / f"{name}.pb")


def floats(*values: float, shape: tuple[int, ...] | None = None) -> Tensor:
    return Tensor(FLOAT, (len(values),) if shape is None else shape, array("f", values))


def integers(dtype: int, *values: int) -> Tensor:
    code = "B" if dtype == 12 else "b" if dtype == 11 else "i"
    return Tensor(dtype, (len(values),), array(code, values))


class Made:
    """A graph in the making; every method gives the name of the node that it adds."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        shape = wire.message(7, b"".join(wire.message(2, wire.varint(1, n)) for n in (1, 8, 8, 4)))
        attrs = {"dtype": wire.varint(6, FLOAT), "shape": shape}
        self.nodes["image"] = Node("image", "Placeholder", (), attrs)

    def add(self, op: str, *inputs: str, name: str = "", **attrs: wire.Bytes) -> str:
        name = name or f"{op.lower()}{len(self.nodes)}"
        self.nodes[name] = Node(name, op, inputs, attrs)
        return name

    def constant(self, *values: float, shape: tuple[int, ...] | None = None) -> str:
        name = f"const{len(self.nodes)}"
        self.nodes[name] = const(name, floats(*values, shape=shape))
        return name

    def layer(self, x: str, last: str = "Relu6") -> str:
        """Convolution, bias and activation, without fake-quantization."""
        shape = (1, 1, 4, 4)
        weights = self.constant(*([0.5] * math.prod(shape)), shape=shape)
        x = self.add("Conv2D", x, weights)
        x = self.add("BiasAdd", x, self.constant(0.1, 0.2, 0.3, 0.4))
        return self.add(last, x) if last else x

    def fake_quant(self, x: str, low: float = 0.0, high: float = 6.0) -> str:
        ends = {"min": wire.float32(4, low), "max": wire.float32(4, high)}
        return self.add("FakeQuantWithMinMaxArgs", x, **ends)

    def graph(self, x: str = "") -> Graph:
        if x:
            self.add("Identity", x, name="result")
        return Graph(dict(self.nodes))

    def file(self, folder: Path, x: str = "") -> Path:
        file = folder / "frozen.pb"
        file.write_bytes(self.graph(x).serialize())
        return file


def well_placed() -> Graph:
    made = Made()
    return made.graph(made.fake_quant(made.layer(made.fake_quant(made.layer("image")))))


def missing_range() -> Graph:
    """None behind the ReLU called `inner`."""
    made = Made()
    x = made.add("Relu", made.layer("image", ""), name="inner")
    return made.graph(made.fake_quant(made.layer(x)))


def before_relu() -> Graph:
    """Between the bias and the ReLU6 called `inner`."""
    made = Made()
    x = made.fake_quant(made.layer("image", ""), -4.0, 4.0)
    x = made.add("Relu6", x, name="inner")
    return made.graph(made.fake_quant(made.layer(x)))
