"""What is not known stays unknown, and is said to be."""

from __future__ import annotations

import pytest

from qlsp.trace import LayerGraph
from qlsp.trace.graph import UNKNOWN
from tests.trace.describe import chain, document, edges, traced


def _graph(source: str, index: int = 0) -> LayerGraph:
    return traced(source).graphs[index]


def test_unknown_argument() -> None:
    graph = _graph("def f(x, n):\n    return L.Dense(n, activation=g(n))(x)\n")
    node = graph.nodes[1]
    assert node.attrs["units"] is UNKNOWN
    assert node.attrs["activation"] is UNKNOWN
    assert node.attrs_complete
    assert node.attr("use_bias", True) is True


def test_arguments_that_could_not_be_seen() -> None:
    graph = _graph("def f(x, **kwargs):\n    return L.Dense(3, **other())(x)\n")
    node = graph.nodes[1]
    assert not node.attrs_complete
    assert node.attr("use_bias", True) is UNKNOWN


def test_unknown_function_is_an_opaque_node_and_a_hole() -> None:
    graph = _graph(
        "def f():\n    i = keras.Input((4,))\n    x = mystery(L.Dense(1)(i))\n"
        "    return keras.Model(i, L.ReLU()(x))\n"
    )
    assert edges(graph) == [
        "Input.0",
        "Dense.1 <- Input.0",
        "opaque.2 <- Dense.1",
        "ReLU.3 <- opaque.2",
    ]
    assert not graph.complete
    assert "mystery" in graph.holes[0].reason
    assert graph.holes[0].site is not None
    assert graph.holes[0].site.span.line == 6


def test_both_arms_are_followed() -> None:
    graph = _graph(
        """
        def f(x, bn):
            x = L.Conv2D(1, 3)(x)
            if bn:
                x = L.BatchNormalization()(x)
            else:
                x = L.Dropout(0.5)(x)
            return L.ReLU()(x)
        """
    )
    assert edges(graph) == [
        "Input.0",
        "Conv2D.1 <- Input.0",
        "BatchNormalization.2 <- Conv2D.1",
        "Dropout.3 <- Conv2D.1",
        "choice.4 <- BatchNormalization.2, Dropout.3",
        "ReLU.5 <- choice.4",
    ]
    assert [len(node.conditions) for node in graph.nodes] == [0, 0, 1, 1, 0, 0]
    assert graph.complete


def test_defaults_come_first() -> None:
    source = """
        def f(x, bn=True):
            x = L.Conv2D(1, 3)(x)
            if bn:
                x = L.BatchNormalization()(x)
            return L.ReLU()(x)
        """
    assert [chain(graph) for graph in traced(source).graphs] == [
        "Conv2D(1) BatchNormalization ReLU"
    ]


def test_an_arm_that_raises_is_left_out() -> None:
    graph = _graph(
        """
        def f(x, n):
            if n == 3:
                x = L.Dense(1)(x)
                raise ValueError('no')
            elif n == 4:
                raise KeyError(n)
            return L.Dense(2)(x)
        """
    )
    assert chain(graph) == "Dense(2)"
    assert graph.nodes[1].conditions == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # An early return is one of the results; what follows runs under the condition.
        (
            "    if a: return L.Dense(1)(x)\n    return L.Dense(2)(x)\n",
            "Dense(1) Dense(2) ?",
        ),
        (
            "    for i in (1, 2):\n        x = L.Dense(i)(x)\n        if a[i]: break\n"
            "    return L.ReLU()(x)\n",
            "Dense(1) Dense(2) ? ReLU",
        ),
        (
            "    for i in (1, 2):\n        if a[i]: continue\n        x = L.Dense(i)(x)\n"
            "    return L.ReLU()(x)\n",
            "Dense(1) ? Dense(2) ? ReLU",
        ),
        # The same unknown value is true throughout the arm that tests it.
        (
            "    if a:\n        x = L.Dense(1 if a else 2)(x)\n        if not a: x = L.ReLU()(x)\n"
            "    return x\n",
            "Dense(1) ?",
        ),
        # A layer that is one of two.
        (
            "    layer = L.ReLU() if a else L.Dense(1)\n    return L.Dense(2)(layer(x))\n",
            "ReLU Dense(1) ? Dense(2)",
        ),
        ("    act = 'relu' if a else 'elu'\n    return L.Dense(2, act)(x)\n", "Dense(2)"),
        # Lists whose length depends on the condition.
        (
            "    layers = [L.Dense(1)]\n    if a: layers.append(L.ReLU())\n"
            "    layers += [L.Dense(2)]\n"
            "    for layer in layers: x = layer(x)\n    return x\n",
            "Dense(1) ReLU ? Dense(2)",
        ),
        # Lists that grow together under one condition go together in `zip`.
        (
            "    ns, acts = [1], [L.ReLU()]\n    if a:\n        ns.append(2)\n"
            "        acts.append(L.Softmax())\n    ns.append(3)\n    acts.append(L.ELU())\n"
            "    for n, act in zip(ns, acts): x = act(L.Dense(n)(x))\n    return x\n",
            "Dense(1) ReLU Dense(2) Softmax ? Dense(3) ELU",
        ),
        # `match` on something unknown follows every case.
        (
            "    match a:\n        case 1: x = L.Dense(1)(x)\n        case 2: x = L.Dense(2)(x)\n"
            "    return x\n",
            "Dense(1) Dense(2) ?",
        ),
    ],
)  # fmt: skip
def test_conditions(body: str, expected: str) -> None:
    graph = _graph(f"def f(x, a):\n{body}")
    assert chain(graph) == expected
    assert graph.complete


def test_changes_of_an_arm_do_not_leak_into_the_other() -> None:
    graph = _graph(
        """
        def f(x, a):
            state = {'n': 1}
            items = [1]
            if a:
                state['n'] = 2
                items.append(2)
                state['m'] = 5
            else:
                x = L.Dense(state['n'] + len(items) + len(state))(x)
            return L.Dense(state['n'])(x)
        """
    )
    dense = [node.attrs["units"] for node in graph.nodes if node.cls == "Dense"]
    assert dense == [3, UNKNOWN]


def test_sequential_under_a_condition() -> None:
    graph = _graph(
        """
        def f(bn):
            m = keras.Sequential([L.Conv2D(1, 3)])
            if bn:
                m.add(L.BatchNormalization())
            m.add(L.ReLU())
            return m
        """
    )
    assert chain(graph) == "Conv2D(1) BatchNormalization ? ReLU"


def test_loop_of_unknown_length() -> None:
    graph = _graph(
        """
        def f(x, filters):
            n = 1
            for f in filters:
                x = L.Conv2D(f, n)(x)
                x = L.ReLU()(x)
                n = n + 1
            return L.Dense(n)(x)
        """
    )
    # Two turns are shown; after the loop anything may have been.
    assert chain(graph).startswith("Conv2D(?) ReLU Conv2D(?) ReLU")
    assert graph.nodes[-1].attrs["units"] is UNKNOWN
    assert graph.producers(graph.nodes[-1])[0].kind == "opaque"
    assert not graph.complete


def test_escapes() -> None:
    graph = _graph(
        """
        def f():
            i = keras.Input((4,))
            x = L.Dense(1)(i)
            probe = L.Dense(9)(x)
            return keras.Model(i, L.ReLU()(x)), keras.Model(i, probe)
        """
    )
    assert chain(graph) == "Dense(1) ReLU"
    dense = graph.nodes[1]
    assert len(graph.consumers(dense)) == 1
    assert dense.escapes
    assert graph.sole_consumer(dense) is None


def test_an_output_has_no_sole_consumer() -> None:
    graph = _graph("def f(x):\n    y = L.Dense(1)(x)\n    return y, L.ReLU()(y)\n")
    assert graph.outputs == (1, 2)
    assert graph.sole_consumer(graph.nodes[1]) is None


def test_sequential_handed_to_unknown_code() -> None:
    graph = _graph("m = keras.Sequential([L.Dense(1)])\nchange(m)\nm.add(L.ReLU())\n")
    assert not graph.complete


def test_layers_of_a_sequential_under_two_conditions() -> None:
    graph = _graph(
        "import unknown\nmodel = keras.Sequential([keras.Input((8, 8, 3))])\n"
        "if unknown.a:\n    model.add(L.Conv2D(4, 3))\n"
        "    if unknown.b:\n        model.add(L.ReLU())\n"
        "for layer in model.layers:\n    layer.trainable = False\n"
    )
    assert {node.cls for node in graph.nodes} >= {"Conv2D", "ReLU"}


def test_imports_that_lead_nowhere() -> None:
    graph = _graph(
        "from nowhere import block\ni = keras.Input((3,))\n"
        "m = keras.Model(i, block(L.Dense(1)(i)))\n"
    )
    assert [node.kind for node in graph.nodes] == ["input", "layer", "opaque"]


def test_unknown_base_class() -> None:
    found = traced(
        "from nowhere import Base\nclass Net(Base):\n    def call(self, x):\n"
        "        return L.Dense(1)(x)\n"
    ).graphs
    assert [chain(graph) for graph in found] == ["Dense(1)"]


def test_imports_are_listed() -> None:
    text = document("import tensorflow_model_optimization as tfmot\nfrom tf_keras import layers\n")
    from qlsp.trace import trace

    assert {"tfmot", "keras.layers", "tf"} <= trace(text).imports


def test_layers_behind_which_a_model_was_lost_are_not_dead() -> None:
    graphs = traced(
        "def f(sizes):\n    i = keras.Input((4,))\n    x = L.Dense(1)(i)\n    ends = []\n"
        "    for size in sizes:\n        ends.append(L.ReLU()(x))\n"
        "    return keras.Model(i, ends[::-1])\n"
    ).graphs
    rest = next(graph for graph in graphs if any(node.cls == "Dense" for node in graph.nodes))
    assert (rest.kind, rest.outputs) == ("fragment", None)
