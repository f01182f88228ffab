"""A frozen graph as its file has it: TensorFlow's `GraphDef`, read without TensorFlow.

Field numbers are those of `tensorflow/core/framework/{graph,node_def,attr_value}.proto`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from qlsp.doctor import wire
from qlsp.error import QlspError

_LARGEST: Final = (1 << 31) - 1
"""Bytes of the largest message of protocol buffers."""
_MOST: Final = 1_000_000
"""Nodes; the largest published frozen graphs have some ten thousand."""


_INPUTS: Final = {
    "Assign": 2,
    "AssignAdd": 2,
    "AssignSub": 2,
    "Dequantize": 3,
    "Floor": 1,
    "FakeQuantWithMinMaxArgs": 1,
    "FakeQuantWithMinMaxVars": 3,
    "FusedBatchNorm": 5,
    "FusedBatchNormV2": 5,
    "FusedBatchNormV3": 5,
    "GreaterEqual": 2,
    "Identity": 1,
    "LogicalNot": 1,
    "Merge": 1,
    "PlaceholderWithDefault": 1,
    "QuantizeV2": 3,
    "QuantizeDownAndShrinkRange": 3,
    "Requantize": 5,
    "Switch": 2,
}
"""How many inputs some ops have at least."""


@dataclass(frozen=True)
class Node:
    """One operation; attributes are kept as the bytes of their `AttrValue`."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    """`name`, `name:1` for another output than the first, `^name` for a control input."""
    attrs: Mapping[str, wire.Bytes] = field(default_factory=dict)
    device: str = ""

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the nodes whose outputs it takes."""
        return tuple(node_of(each) for each in self.inputs if not each.startswith("^"))

    def attr(self, name: str, kind: int) -> wire.Value | None:
        """Field `kind` of an attribute: 2 bytes, 3 int, 5 bool, 6 type, 7 shape, 8 tensor."""
        content = self.attrs.get(name)
        if content is None:
            return None
        return next((value for number, _, value in wire.fields(content) if number == kind), None)

    def integer(self, name: str, default: int = 0) -> int:
        """An attribute that is an integer, a truth value or an element type."""
        for kind in (3, 5, 6):
            value = self.attr(name, kind)
            if isinstance(value, int):
                return wire.signed(value)
        return default

    def real(self, name: str, default: float = 0.0) -> float:
        """An attribute that is a float."""
        value = self.attr(name, 4)
        return default if value is None or isinstance(value, int) else float32_of(value)

    def text(self, name: str) -> str:
        """An attribute that is a string; empty if absent."""
        value = self.attr(name, 2)
        return "" if value is None or isinstance(value, int) else _text(value)


@dataclass(frozen=True)
class Graph:
    """The nodes by name, in the order of the file."""

    nodes: Mapping[str, Node]
    rest: bytes = b""
    """The fields of the `GraphDef` besides its nodes: versions, functions."""

    def serialize(self) -> bytes:
        """The `GraphDef` as bytes."""
        return wire.joined((*(wire.message(1, _encoded(node)) for node in self), self.rest))

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def consumers(self) -> dict[str, list[Node]]:
        """Per name of a node those that take an output of it, once each."""
        found: dict[str, list[Node]] = {}
        for node in self:
            for source in dict.fromkeys(node.sources):
                found.setdefault(source, []).append(node)
        return found

    def ancestors(self, names: Iterable[str], stop: Iterable[str] = ()) -> set[str]:
        """The names of the nodes that `names` are computed from, themselves included.

        What only the nodes in `stop` need is left out.
        """
        found: set[str] = set()
        pending = [name for name in names if name in self.nodes]
        border = set(stop)
        while pending:
            name = pending.pop()
            if name in found:
                continue
            found.add(name)
            if name not in border:
                pending += (each for each in self.nodes[name].sources if each in self.nodes)
        return found

    def edited(self, changed: Iterable[Node], removed: Iterable[str] = ()) -> Graph:
        """With nodes replaced or, where their name is new, added at the end."""
        gone = set(removed)
        nodes = {name: node for name, node in self.nodes.items() if name not in gone}
        nodes.update((node.name, node) for node in changed)
        return replace(self, nodes=nodes)

    def sorted(self) -> Graph:
        """With every node behind those that it takes, else in the order it was."""
        done: dict[str, Node] = {}
        for node in self:
            pending = [node.name]
            open_: set[str] = set()
            while pending:
                name = pending[-1]
                if name not in open_:
                    open_.add(name)
                    each = self.nodes[name]
                    pending += (
                        source
                        for source in each.sources
                        if source not in done and source not in open_
                    )
                else:
                    done.setdefault(name, self.nodes[pending.pop()])
        return replace(self, nodes=done)

    def unused(self, name: str) -> str:
        """`name`, or `name_1` and so on if a node has it."""
        found, count = name, 0
        while found in self.nodes:
            count += 1
            found = f"{name}_{count}"
        return found


def node_of(tensor: str) -> str:
    """The name of the node that a tensor or control input is of."""
    return tensor.lstrip("^").partition(":")[0]


def port_of(tensor: str) -> int:
    """Which output of its node a tensor is."""
    port = tensor.partition(":")[2]
    return int(port) if port.isdecimal() else 0


def read_graph(path: Path) -> Graph:
    """The graph in a `.pb` file. Raises `QlspError` in one line."""
    try:
        if path.stat().st_size > _LARGEST:
            raise QlspError(f"{path.name}: over 2 GB, more than a graph can have")
        content = path.read_bytes()
    except OSError as error:
        raise QlspError(f"{path}: {error.strerror or error}") from None
    try:
        return parse_graph(content)
    except ValueError as error:
        raise QlspError(f"{path.name}: {_kind(content, error)}") from None


def parse_graph(content: bytes) -> Graph:
    """The graph that `content` is. Raises `ValueError` if it isn't one."""
    nodes: dict[str, Node] = {}
    rest: list[bytes] = []
    for number, kind, value in wire.fields(content):
        if number == 1 and kind == wire.LENGTH and not isinstance(value, int):
            node = _node(value)
            if node.name in nodes:
                raise ValueError(f"two nodes are called '{node.name}'")
            nodes[node.name] = node
            if len(nodes) > _MOST:
                raise ValueError(f"more than {_MOST:,} nodes")
        elif number in (2, 4) and kind == wire.LENGTH and not isinstance(value, int):
            rest.append(wire.message(number, value))
        elif (number, kind) != (3, wire.VARINT):
            raise ValueError(f"a field {number} that graphs don't have")
    if not nodes:
        raise ValueError("the graph has no nodes")
    return _checked(Graph(nodes, wire.joined(rest)))


def _checked(graph: Graph) -> Graph:
    for node in graph:
        if len(node.sources) < _INPUTS.get(node.op, 0):
            raise ValueError(f"node '{node.name}' ({node.op}) lacks inputs")
        for each in node.inputs:
            if node_of(each) not in graph.nodes:
                raise ValueError(f"node '{node.name}' takes '{each}', which is not there")
    return graph


def _node(content: wire.Bytes) -> Node:
    texts = {1: "", 2: "", 4: ""}
    inputs: list[str] = []
    attrs: dict[str, wire.Bytes] = {}
    for number, _, value in wire.fields(content):
        if isinstance(value, int):
            raise ValueError("a node with a number among its fields")
        if number in texts:
            texts[number] = _name(value)
        elif number == 3:
            inputs.append(_name(value))
        elif number == 5:
            parts = {each: part for each, _, part in wire.fields(value)}
            key, attr = parts.get(1, b""), parts.get(2, b"")
            if isinstance(key, int) or isinstance(attr, int):
                raise ValueError("an attribute that is none")
            for _ in wire.fields(attr):
                pass  # damage is told here, not where the attribute is looked at
            attrs[_name(key)] = attr
    if not texts[1] or not texts[2]:
        raise ValueError("a node without a name or an operation")
    return Node(texts[1], texts[2], tuple(inputs), attrs, texts[4])


def _encoded(node: Node) -> bytes:
    parts = [wire.message(1, node.name.encode()), wire.message(2, node.op.encode())]
    parts += (wire.message(3, each.encode()) for each in node.inputs)
    if node.device:
        parts.append(wire.message(4, node.device.encode()))
    parts += (
        wire.message(5, wire.message(1, key.encode()) + wire.message(2, value))
        for key, value in node.attrs.items()
    )
    return wire.joined(parts)


def _name(value: wire.Bytes) -> str:
    text = _text(value)
    if not text.isprintable():
        raise ValueError(f"{text!r} is no name")
    return text


def _text(value: wire.Bytes) -> str:
    return bytes(value).decode("utf-8")  # UnicodeDecodeError is a ValueError


def float32_of(value: wire.Bytes) -> float:
    """The number that 4 bytes are."""
    (number,) = memoryview(bytes(value)).cast("f")
    return float(number)


def _kind(content: bytes, error: ValueError) -> str:
    """What a file is that is no graph."""
    start = content[:200].lstrip()
    if not content:
        return "the file is empty"
    if start.startswith((b"node {", b"node{", b"node  {", b"versions {", b"library {")):
        return "a graph as text: freeze it as binary (freeze_graph --input_binary, as_text=False)"
    if content.startswith(b"\x08\x01\x12"):
        return "a SavedModel's graph, not a frozen one: freeze it, or verify its folder"
    return f"not a frozen graph, or a damaged one ({error})"
