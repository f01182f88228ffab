"""Operators whose names tell but a part of where they come from."""

from __future__ import annotations

from qlsp.lower.lowering import Op
from qlsp.verify.flatbuffer import Operator, Subgraph, Tensor
from qlsp.verify.mapping import map_operators
from qlsp.verify.model import Application, BuiltModel, FunctionalGraph, Layer


def test_an_add_of_normalization_is_its_own_though_an_activation_is_in_it() -> None:
    """As TF 2.15 names the tensors of `image > bn > relu > conv`, less what the last one keeps."""
    classes = ("Functional", "InputLayer", "BatchNormalization", "ReLU", "Conv2D")
    names = ("model", "input_1", "batch_normalization", "re_lu", "conv2d")
    layers = tuple(
        Layer(index, None if index == 0 else 0, name, cls, "", (), 0)
        for index, (name, cls) in enumerate(zip(names, classes, strict=True))
    )
    chain = (Application(1, ()), Application(2, (0,)), Application(3, (1,)), Application(4, (2,)))
    graph = FunctionalGraph(chain, (0,), (3,))
    model = BuiltModel("model", 2, (), layers, {0: graph}, 0)
    normalized = "model/batch_normalization/FusedBatchNormV3"
    flat = Subgraph(
        "main",
        (
            _tensor("serving_default_input_1:0"),
            _tensor(normalized, constant=True),
            _tensor(f"{normalized}2"),
            _tensor(f"{normalized}1", constant=True),
            _tensor("model/re_lu/Relu"),
            _tensor("model/conv2d/Conv2D", constant=True),
            _tensor("StatefulPartitionedCall:0"),
        ),
        (0,),
        (6,),
        (
            Operator(Op.parse("MUL:FLOAT32"), (0, 1), (2,)),
            Operator(Op.parse("ADD+RELU:FLOAT32"), (2, 3), (4,)),
            Operator(Op.parse("CONV_2D:FLOAT32"), (4, 5), (6,)),
        ),
    )
    assert [each.layers for each in map_operators(flat, model, {})] == [(2,), (2, 3), (4,)]


def _tensor(name: str, *, constant: bool = False) -> Tensor:
    data = memoryview(b"\0\0\0\0") if constant else None
    return Tensor(name, "FLOAT32", (1, 8, 8, 4), (), (), (), 0, data)
