"""Layer order and automatic names, against models that Keras builds."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any, Literal

import pytest

from qlsp.trace.keras.naming import Namer, snake_case
from qlsp.trace.keras.operations import made, reported_class
from qlsp.trace.keras.order import functional_order
from tests.tensorflow import tensorflow_python


def test_chain() -> None:
    order = functional_order([[], [0], [1]], [0, 1, 2], outputs=[2], inputs=[0])
    assert order.nodes == order.layers == (0, 1, 2)


def test_dead_branch_is_left_out() -> None:
    order = functional_order([[], [0], [0]], [0, 1, 2], outputs=[1], inputs=[0])
    assert order.layers == (0, 1)


def test_unused_input_stays() -> None:
    order = functional_order([[], [], [0]], [0, 1, 2], outputs=[2], inputs=[0, 1])
    assert order.layers == (0, 1, 2)


def test_cut_at_an_intermediate_tensor() -> None:
    order = functional_order([[], [0], [1]], [0, 1, 2], outputs=[2], inputs=[1])
    assert order.layers == (1, 2)


def test_shared_layer_stands_at_its_greatest_depth() -> None:
    # 0 input, 1 shared, 2 dense, 3 shared again: the shared layer comes before the dense one.
    order = functional_order([[], [0], [1], [2]], [0, 1, 2, 1], outputs=[3], inputs=[0])
    assert order.nodes == (0, 1, 2, 3)
    assert order.layers == (0, 1, 2)


def test_deep_model() -> None:
    count = 50_000
    producers = [[], *([node] for node in range(count - 1))]
    order = functional_order(producers, range(count), outputs=[count - 1], inputs=[0])
    assert order.layers == tuple(range(count))


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        ("Conv2D", "conv2d"),
        ("SeparableConv2D", "separable_conv2d"),
        ("BatchNormalization", "batch_normalization"),
        ("ReLU", "re_lu"),
        ("PReLU", "p_re_lu"),
        ("LSTM", "lstm"),
        ("_Block", "private__block"),
        ("ZeroPadding2D", "zero_padding2d"),
    ],
)
def test_snake_case(cls: str, name: str) -> None:
    assert snake_case(cls) == name


def test_namer_counts_by_class() -> None:
    namer = Namer(2)
    names = [namer.layer(cls) for cls in ("InputLayer", "Conv2D", "Conv2D", "Model", "InputLayer")]
    assert names == ["input_1", "conv2d", "conv2d_1", "model", "input_2"]
    namer = Namer(3)
    assert [namer.layer(cls) for cls in ("InputLayer", "Model")] == ["input_layer", "functional"]


def test_operations() -> None:
    assert made("operator.mul", 2) == ("tf.math.multiply",)
    assert made("operator.mul", 3) == ("Multiply",)
    assert made("keras.ops.hard_silu", 3) == ("HardSilu",)
    assert made("tf.nn.relu", 3) is None
    assert reported_class("tf.nn.relu6", 2) == "TFOpLambda"
    assert reported_class("operator.getitem", 2) == "SlicingOpLambda"
    assert reported_class("operator.getitem", 3) == "GetItem"


def random_case(seed: int) -> dict[str, Any]:
    """A random model of layers that keep the shape, some of them shared."""
    chance = random.Random(seed)
    nodes: list[list[Any]] = []
    layers: list[tuple[str, int]] = []
    for _ in range(chance.randint(1, 3)):
        nodes.append(["InputLayer", [], len(nodes)])
    inputs = list(range(len(nodes)))
    number = len(nodes)
    for _ in range(chance.randint(2, 14)):
        kind = chance.choice(["Dense", "Dense", "ReLU", "Add", "operator.mul", "operator.add", "x"])
        if kind == "x" and layers:
            cls, layer = chance.choice(layers)
            nodes.append([cls, [chance.randrange(len(nodes))], layer])
            continue
        kind = "Dense" if kind == "x" else kind
        count = 2 if kind in ("Add", "operator.add") else 1
        producers = [chance.randrange(len(nodes)) for _ in range(count)]
        nodes.append([kind, producers, number])
        if kind in ("Dense", "ReLU"):
            layers.append((kind, number))
        number += 1
    outputs = [len(nodes) - 1, *chance.sample(range(len(nodes)), chance.randint(0, 2))]
    return {"nodes": nodes, "inputs": inputs, "outputs": outputs}


def predict(case: dict[str, Any], keras: Literal[2, 3]) -> list[list[Any]]:
    namer = Namer(keras)
    known: dict[int, tuple[str, str]] = {}
    for cls, _, layer in case["nodes"]:
        if layer in known:
            continue
        if cls.startswith("operator."):
            known[layer] = (str(reported_class(cls, keras)), namer.op(cls))
        else:
            known[layer] = (cls, namer.layer(cls))
    order = functional_order(
        [node[1] for node in case["nodes"]],
        [node[2] for node in case["nodes"]],
        case["outputs"],
        case["inputs"],
    )
    return [[*known[layer], layer] for layer in order.layers]


@pytest.mark.slow
@pytest.mark.parametrize(("package", "keras"), [("tf_keras", 2), ("keras", 3)])
def test_order_and_names_are_those_of_keras(package: str, keras: Literal[2, 3]) -> None:
    cases = [random_case(seed) for seed in range(150)]
    run = subprocess.run(
        [tensorflow_python(), str(Path(__file__).with_name("measure_graphs.py")), package],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    for case, measured in zip(cases, json.loads(run.stdout), strict=True):
        assert predict(case, keras) == measured, case
