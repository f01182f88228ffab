"""What is found in graphs, and what mending makes of them."""

from __future__ import annotations

import contextlib
import random
from array import array
from pathlib import Path

import pytest

from qlsp.doctor import wire
from qlsp.doctor.examine import Examination, examine
from qlsp.doctor.graphdef import Graph, Node, parse_graph
from qlsp.doctor.tensor import BOOL, Tensor, const, constant
from qlsp.error import QlspError
from tests.doctor.made import Made, floats

FILE = Path("frozen.pb")


def kinds(graph: Graph) -> list[tuple[str, str]]:
    return [(each.kind, each.node) for each in examine(FILE, graph).findings]


def mended(graph: Graph) -> Graph:
    plan = examine(FILE, graph).plan
    assert plan is not None
    return plan.mended(dict.fromkeys(plan.unmeasured, (-1.0, 3.0)))


def examined(graph: Graph) -> Examination:
    return examine(FILE, graph)


def test_every_missing_range_is_told_at_once() -> None:
    made = Made()
    graph = made.graph(made.layer(made.layer(made.layer("image"), "Relu")))
    assert [each.kind for each in examined(graph).findings] == ["missing-range"] * 3
    assert [each.op for each in examined(graph).findings] == ["Relu6", "Relu", "Relu6"]
    assert not kinds(mended(graph))


def test_what_hands_on_a_range_needs_none() -> None:
    made = Made()
    before = made.layer("image")
    x = made.add("Reshape", made.add("MaxPool", before), made.constant(1, 256))
    assert kinds(made.graph(made.fake_quant(x))) == [("missing-range", before)]


def test_output_keeps_its_name() -> None:
    made = Made()
    x = made.layer("image")
    graph = mended(made.graph())
    assert graph.nodes[x].op == "FakeQuantWithMinMaxArgs"
    assert graph.nodes[f"{x}/unquantized"].op == "Relu6"
    assert not kinds(graph)


def test_all_takers_get_the_quantized_tensor() -> None:
    made = Made()
    x = made.layer("image")
    one, other = made.fake_quant(made.layer(x)), made.fake_quant(made.layer(x))
    graph = mended(made.graph(made.fake_quant(made.add("AddV2", one, other))))
    assert [node.op for node in graph.consumers()[x]] == ["FakeQuantWithMinMaxArgs"]
    assert len(graph.consumers()[f"{x}/fake_quant"]) == 2


@pytest.mark.parametrize("low", [-2.0, 0.5])
def test_range_of_a_clamp_follows_from_the_one_before(low: float) -> None:
    made = Made()
    x = made.add("Relu", made.fake_quant(made.layer("image", ""), low, 4.0), name="relu")
    examination = examined(made.graph(x))
    assert [each.kind for each in examination.findings] == ["misplaced-fake-quant"]
    assert examination.plan is not None
    assert examination.plan.known == {"relu": (max(low, 0.0), 4.0)}


def test_range_before_a_bias_tells_nothing_of_the_one_behind() -> None:
    made = Made()
    weights = made.constant(*[0.5] * 16, shape=(1, 1, 4, 4))
    x = made.fake_quant(made.add("Conv2D", "image", weights), -2.0, 2.0)
    x = made.add("BiasAdd", x, made.constant(0.1, 0.2, 0.3, 0.4), name="bias")
    (finding,) = examined(made.graph(x)).findings
    assert finding.kind == "misplaced-fake-quant"
    assert finding.needs_data


def test_range_before_what_does_not_fuse_stays() -> None:
    made = Made()
    x = made.fake_quant(made.layer("image", ""), -2.0, 2.0)
    assert kinds(made.graph(made.fake_quant(made.add("LeakyRelu", x), -1.0, 2.0))) == []
    made = Made()
    x = made.fake_quant(made.layer("image", ""), -2.0, 2.0)
    other = made.fake_quant(made.add("LeakyRelu", x), -1.0, 2.0)
    relu = made.fake_quant(made.add("Relu", x))
    assert kinds(made.graph(made.fake_quant(made.add("AddV2", relu, other)))) == []


def dropout(made: Made, x: str) -> str:
    random = made.add("RandomUniform", made.constant(1, 8, 8, 4))
    mask = made.add("Floor", made.add("Add", random, made.constant(0.8, shape=())))
    scaled = made.add("RealDiv", x, made.constant(0.8, shape=()))
    return made.add("Mul", scaled, mask, name="dropout")


def test_dropout_passes_all_values() -> None:
    made = Made()
    x = made.fake_quant(made.layer("image"))
    graph = made.graph(made.fake_quant(made.layer(dropout(made, x))))
    assert kinds(graph) == [("training-leftover", "dropout")]
    after = mended(graph)
    assert after.nodes["dropout"].op == "Identity"
    assert after.nodes["dropout"].inputs == (x,)
    assert not any(node.op == "RandomUniform" for node in after)
    assert not kinds(after)


def test_product_with_a_mask_that_is_no_dropout() -> None:
    made = Made()
    mask = made.add("Floor", "image")
    x = made.fake_quant(made.add("Mul", made.fake_quant(made.layer("image")), mask))
    assert all(kind != "training-leftover" for kind, _ in kinds(made.graph(x)))


def test_learned_range_is_kept() -> None:
    """As `contrib.quantize` builds a graph for training, its variables frozen."""
    made = Made()
    for name, value in (("min", -2.5), ("max", 4.5)):
        made.nodes[name] = const(name, floats(value, shape=()))
    x = made.layer("image")
    ends = [
        made.add("AssignSub", end, made.add("Min", x, made.constant(0.0))) for end in ("min", "max")
    ]
    x = made.add("FakeQuantWithMinMaxVars", x, *ends, name="act_quant")
    graph = made.graph(x)
    assert kinds(graph) == [("training-leftover", "act_quant")]
    after = mended(graph)
    assert after.nodes["act_quant"].inputs[1:] == ("min", "max")
    assert not any(node.op == "AssignSub" for node in after)
    assert not kinds(after)


def normalization(made: Made, x: str, *, training: bool, statistics: bool = True) -> str:
    ends = [made.constant(*values) for values in ([2.0] * 4, [0.5] * 4)]
    if statistics:
        ends += [made.constant(*values) for values in ([1.0] * 4, [4.0] * 4)]
    else:
        ends += [made.constant(), made.constant()]
    flag = {"is_training": wire.varint(5, training), "epsilon": wire.float32(4, 0.0)}
    return made.add("FusedBatchNormV3", x, *ends, name="norm", **flag)


def test_normalization_by_the_batch() -> None:
    made = Made()
    x = normalization(made, made.layer("image", ""), training=True, statistics=False)
    (finding, _) = examined(made.graph(x)).findings
    assert finding.kind == "training-leftover"
    assert not finding.mendable
    made = Made()
    x = normalization(made, made.layer("image", ""), training=True)
    graph = made.graph(x)
    assert kinds(graph)[0] == ("training-leftover", "norm")
    assert mended(graph).nodes["norm"].integer("is_training", 1) == 0


def test_normalization_that_does_not_fold_becomes_a_product_and_a_sum() -> None:
    made = Made()
    x = made.fake_quant(made.layer("image"))
    graph = made.graph(normalization(made, x, training=False))
    after = mended(graph)
    assert not kinds(after)
    (scale,) = [node for node in after if node.name == "norm/scale"]
    (shift,) = [node for node in after if node.name == "norm/shift"]
    assert (after.nodes["norm/scale/fake_quant"].real("max")) == 1.0
    assert list(constant(scale).values) == [1.0] * 4  # type: ignore[union-attr]
    assert list(constant(shift).values) == [-0.5] * 4  # type: ignore[union-attr]


def switched(made: Made, phase: str) -> str:
    """`tf.cond(phase, Relu, Relu6)`, as TensorFlow 1 builds it."""
    x = made.layer("image", "")
    switch = made.add("Switch", x, phase, name="switch")
    one = made.add("Relu6", switch, name="when_false")
    other = made.add("Relu", f"{switch}:1", name="when_true")
    return made.fake_quant(made.add("Merge", one, other, name="merge"))


def test_switch_by_a_default_is_decided() -> None:
    made = Made()
    made.nodes["false"] = const("false", Tensor(BOOL, (), array("B", [0])))
    phase = made.add("PlaceholderWithDefault", "false", name="phase")
    graph = made.graph(switched(made, phase))
    assert kinds(graph) == [("control-flow", "switch")]
    after = mended(graph)
    assert after.nodes["merge"].inputs == ("when_false",)
    assert not {"when_true", "phase", "false"} & set(after.nodes)
    assert not kinds(after)


def test_switch_by_an_input_is_not() -> None:
    made = Made()
    made.nodes["phase"] = Node("phase", "Placeholder", (), {"dtype": wire.varint(6, BOOL)})
    (finding,) = examined(made.graph(switched(made, "phase"))).findings
    assert finding.kind == "control-flow"
    assert not finding.mendable


def test_ops_without_measurements_are_not_judged() -> None:
    made = Made()
    x = made.add("NonMaxSuppression", made.fake_quant(made.layer("image")))
    examination = examined(made.graph(x))
    assert examination.findings == ()
    assert examination.unjudged == ("NonMaxSuppression",)


def test_damaged_graphs_are_judged_or_refused() -> None:
    made = Made()
    graph = made.graph(dropout(made, switched(made, made.add("PlaceholderWithDefault", "image"))))
    x = made.add("QuantizeV2", "image", *(made.constant(end, shape=()) for end in (-1.0, 1.0)))
    x = made.add("QuantizedRelu", x, f"{x}:1", f"{x}:2")
    normalized = normalization(made, made.add("Dequantize", x, f"{x}:1", f"{x}:2"), training=True)
    content = made.graph(made.add("AddV2", normalized, "dropout")).serialize()
    assert graph.nodes
    generator = random.Random(0)
    judged = 0
    for _ in range(2000):
        damaged = bytearray(content)
        for _ in range(generator.randrange(1, 4)):
            damaged[generator.randrange(len(damaged))] = generator.randrange(256)
        try:
            graph = parse_graph(bytes(damaged))
        except ValueError:
            continue
        with contextlib.suppress(QlspError):
            examine(FILE, graph)
            judged += 1
    assert judged > 100


def test_variables() -> None:
    made = Made()
    made.nodes["w"] = Node("w", "VariableV2")
    x = made.fake_quant(made.add("Conv2D", "image", "w"))
    (finding,) = examined(made.graph(x)).findings
    assert (finding.kind, finding.node, finding.mendable) == ("training-leftover", "w", False)
