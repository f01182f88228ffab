import pytest

from qlsp.evidence.attribution import Layers, attribute
from qlsp.lower.lowering import Op
from qlsp.verify.flatbuffer import Operator, Subgraph, Tensor

CHAIN = [
    ("input_1", "InputLayer", []),
    ("conv2d", "Conv2D", ["input_1"]),
    ("batch_normalization", "BatchNormalization", ["conv2d"]),
    ("dropout", "Dropout", ["batch_normalization"]),
    ("re_lu", "ReLU", ["dropout"]),
]
SKIP = [
    ("input_1", "InputLayer", []),
    ("conv2d", "Conv2D", ["input_1"]),
    ("re_lu", "ReLU", ["conv2d"]),
    ("add", "Add", ["conv2d", "re_lu"]),
]


def graph(*operators: tuple[str, list[str], str]) -> Subgraph:
    """A graph from `(op, names of inputs, name of output)`; the first input is the graph's.

    Inputs that no operator computes are weights.
    """
    computed = [operators[0][1][0], *(output for _, _, output in operators)]
    names = [*dict.fromkeys([*computed, *(name for _, inputs, _ in operators for name in inputs)])]
    tensors = tuple(
        Tensor(name, "FLOAT32", (), (), (), (), 0, None)
        if name in computed
        else Tensor(name, "FLOAT32", (4, 3, 3, 4), (), (), (), 0, memoryview(b"weights"))
        for name in names
    )
    return Subgraph(
        "main",
        tensors,
        (0,),
        (names.index(operators[-1][2]),),
        tuple(
            Operator(Op(op), tuple(names.index(name) for name in inputs), (names.index(output),))
            for op, inputs, output in operators
        ),
    )


@pytest.mark.parametrize(
    ("layers", "keras3", "operators", "expected"),
    [
        pytest.param(
            CHAIN,
            False,
            [("CONV_2D", ["image"], "StatefulPartitionedCall:0")],
            [("conv2d", "batch_normalization", "re_lu")],
            id="one op for everything, its name lost",
        ),
        pytest.param(
            CHAIN,
            False,
            [
                ("QUANTIZE", ["image"], "tfl.quantize"),
                ("CONV_2D", ["tfl.quantize"], "model/conv2d/BiasAdd;model/conv2d/Conv2D"),
                (
                    "MUL",
                    ["model/conv2d/BiasAdd;model/conv2d/Conv2D"],
                    "model/batch_normalization/FusedBatchNormV31",
                ),
                ("ADD", ["model/batch_normalization/FusedBatchNormV31"], "Identity"),
            ],
            [(), ("conv2d",), ("batch_normalization",), ("re_lu",)],
            id="each op its own",
        ),
        pytest.param(
            [
                ("input_1", "InputLayer", []),
                ("conv2d", "Conv2D", ["input_1"]),
                ("re_lu", "ReLU", ["conv2d"]),
                ("conv2d_1", "Conv2D", ["re_lu"]),
            ],
            False,
            [
                (
                    "CONV_2D",
                    ["image", "model/conv2d/Conv2D"],
                    "model/re_lu/Relu;model/conv2d_1/Conv2D;model/conv2d/Conv2D",
                ),
                (
                    "CONV_2D",
                    [
                        "model/re_lu/Relu;model/conv2d_1/Conv2D;model/conv2d/Conv2D",
                        "model/conv2d_1/Conv2D",
                    ],
                    "Identity",
                ),
            ],
            [("conv2d", "re_lu"), ("conv2d_1",)],
            id="a name that mentions another convolution",
        ),
        pytest.param(
            CHAIN,
            False,
            [
                ("CONV_2D", ["image"], "model/conv2d/BiasAdd"),
                ("MUL", ["model/conv2d/BiasAdd"], "model/batch_normalization/mul"),
                ("DEQUANTIZE", ["model/batch_normalization/mul"], "tfl.dequantize"),
                ("NEG", ["tfl.dequantize"], "tfl.neg"),
                ("RELU", ["tfl.neg"], "Identity"),
                ("QUANTIZE", ["Identity"], "tfl.quantize"),
            ],
            [("conv2d",), ("batch_normalization",), (), ("re_lu",), ("re_lu",), ()],
            id="an op without a name",
        ),
        pytest.param(
            SKIP,
            False,
            [
                ("CONV_2D", ["image"], "model/conv2d/BiasAdd"),
                ("RELU", ["model/conv2d/BiasAdd"], "model/re_lu/Relu"),
                ("ADD", ["model/conv2d/BiasAdd", "model/re_lu/Relu"], "Identity"),
            ],
            [("conv2d",), ("re_lu",), ("add",)],
            id="a skip connection",
        ),
        pytest.param(
            [
                ("input_layer", "InputLayer", []),
                ("conv2d", "Conv2D", ["input_layer"]),
                ("conv2d_1", "Conv2D", ["conv2d"]),
                ("add", "Add", ["conv2d", "conv2d_1"]),
                ("batch_normalization", "BatchNormalization", ["add"]),
            ],
            True,
            [
                ("CONV_2D", ["image"], "functional_1/conv2d_1/convolution"),
                (
                    "CONV_2D",
                    ["functional_1/conv2d_1/convolution"],
                    "functional_1/conv2d_1_2/convolution",
                ),
                (
                    "ADD",
                    ["functional_1/conv2d_1/convolution", "functional_1/conv2d_1_2/convolution"],
                    "functional_1/add_1/Add",
                ),
                (
                    "MUL",
                    ["functional_1/add_1/Add"],
                    "functional_1/batch_normalization_1/batchnorm/add_1",
                ),
                (
                    "ADD",
                    ["functional_1/batch_normalization_1/batchnorm/add_1"],
                    "StatefulPartitionedCall_1:0",
                ),
            ],
            [
                ("conv2d",),
                ("conv2d_1",),
                ("add",),
                ("batch_normalization",),
                ("batch_normalization",),
            ],
            id="the names of Keras 3",
        ),
    ],
)
def test_attribution(
    layers: list[tuple[str, str, list[str]]],
    keras3: bool,
    operators: list[tuple[str, list[str], str]],
    expected: list[tuple[str, ...]],
) -> None:
    assert attribute(graph(*operators), Layers.of(layers, keras3)) == expected
