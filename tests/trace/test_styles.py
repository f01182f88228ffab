"""The ways in which models are put together."""

from __future__ import annotations

import pytest

from qlsp.trace import LayerGraph
from tests.trace.describe import built, chain, document, edges, traced

CONV_RELU = "Conv2D(8) ReLU(6.0) Dense(2)"

# Every style of one model: a title, a header, and source that defines `build`.
STYLES: list[tuple[str, str, str]] = [
    (
        "sequential list",
        "from tensorflow import keras\nfrom tensorflow.keras import layers\n",
        """
        def build():
            return keras.Sequential([
                layers.Conv2D(8, 3, input_shape=(8, 8, 3)), layers.ReLU(6.), layers.Dense(2)])
        """,
    ),
    (
        "sequential add",
        "from keras.models import Sequential\n"
        "from keras.layers import Conv2D, ReLU, Dense, Input\n",
        """
        def build():
            model = Sequential(name='m')
            model.add(Input((8, 8, 3)))
            model.add(Conv2D(8, 3))
            model.add(ReLU(max_value=6.))
            model.add(Dense(4))
            model.pop()
            model.add(Dense(2))
            return model
        """,
    ),
    (
        "functional",
        "import tensorflow.keras as K\n",
        """
        def build():
            x = inputs = K.Input(shape=(8, 8, 3))
            x = K.layers.Conv2D(8, 3)(x)
            x = K.layers.ReLU(6.)(x)
            x = K.layers.Dense(2)(x)
            return K.Model(inputs=inputs, outputs=x)
        """,
    ),
    (
        "nested calls",
        "from tf_keras.layers import *\nfrom tf_keras import Model\n",
        """
        def build():
            i = Input((8, 8, 3))
            return Model(i, Dense(2)(ReLU(6.)(Conv2D(filters=8, kernel_size=3)(i))))
        """,
    ),
    (
        "subclassed model",
        "import tensorflow as tf\n",
        """
        class build(tf.keras.Model):
            def __init__(self):
                super().__init__()
                self.conv = tf.keras.layers.Conv2D(8, 3)
                self.act = tf.keras.layers.ReLU(6.)
                self.out = tf.keras.layers.Dense(2)
            def call(self, inputs, training=None):
                x = self.conv(inputs)
                x = self.act(x)
                return self.out(x)
        """,
    ),
    (
        "subclassed functional",
        "import tensorflow as tf\nL = tf.keras.layers\n",
        """
        class build(tf.keras.Model):
            def __init__(self, **kwargs):
                i = L.Input((8, 8, 3))
                super().__init__(i, L.Dense(2)(L.ReLU(6.)(L.Conv2D(8, 3)(i))), **kwargs)
        """,
    ),
    (
        "subclassed sequential",
        "import tensorflow as tf\nL = tf.keras.layers\n",
        """
        class build(tf.keras.Sequential):
            def __init__(self):
                super().__init__([L.Conv2D(8, 3), L.ReLU(6.)])
                self.add(L.Dense(2))
        """,
    ),
    (
        "helpers",
        "from keras import layers, models\n",
        """
        def conv_act(x, filters, act=layers.ReLU):
            return act(6.)(layers.Conv2D(filters, 3)(x))
        def head(units):
            def apply(x):
                return layers.Dense(units)(x)
            return apply
        def build():
            i = layers.Input((8, 8, 3))
            return models.Model(i, head(2)(conv_act(i, 8)))
        """,
    ),
    (
        "tables",
        "import keras\n",
        """
        LAYERS = {'conv': keras.layers.Conv2D, 'relu': keras.layers.ReLU}
        STAGES = [('conv', dict(filters=8, kernel_size=3)), ('relu', {'max_value': 6.})]
        def build():
            x = i = keras.Input((8, 8, 3))
            for name, kwargs in STAGES:
                x = LAYERS[name](**kwargs)(x)
            return keras.Model(i, getattr(keras.layers, 'Dense')(2)(x))
        """,
    ),
    (
        "list of layers",
        "from keras.layers import *\nfrom keras import Sequential\n",
        """
        def build():
            layers = [Conv2D(8, 3)]
            layers += [ReLU(6.)]
            return Sequential([*layers, Dense(2)])
        """,
    ),
    (
        "variable",
        "import keras\nfrom keras.layers import *\n",
        """
        build = keras.Sequential()
        for layer in (Conv2D(8, 3), ReLU(6.), Dense(2)):
            build.add(layer)
        """,
    ),
    (
        "injected modules",
        "import os\n",
        """
        def build(layers=None, models=None):
            i = layers.Input((8, 8, 3))
            x = layers.Conv2D(8, 3)(i)
            x = layers.ReLU(6.)(x)
            return models.Model(i, layers.Dense(2)(x))
        """,
    ),
    (
        "model factory",
        "import tensorflow as tf\n",
        """
        class Factory:
            layers = tf.keras.layers
            def __init__(self, filters=8): self.filters = filters
            def conv(self, x): return self.layers.Conv2D(self.filters, 3)(x)
            def make(self):
                i = self.layers.Input((8, 8, 3))
                x = self.layers.ReLU(6.)(self.conv(i))
                return tf.keras.Model(i, self.layers.Dense(2)(x))
        def build():
            return Factory().make()
        """,
    ),
]


@pytest.mark.parametrize(
    ("header", "source"), [style[1:] for style in STYLES], ids=[style[0] for style in STYLES]
)
def test_style(header: str, source: str) -> None:
    from qlsp.trace import trace_builder

    graph = trace_builder(document(source, header=header), "build")
    assert chain(graph) == CONV_RELU
    assert graph.complete
    assert [graph.consumers(node)[0].index for node in graph.nodes[:-1]] == [1, 2, 3]
    found = traced(source, header).graphs
    assert [chain(graph) for graph in found] == [CONV_RELU]


def test_renamed_source_gives_the_same_graph() -> None:
    source = STYLES[7][2]
    for old, new in (("conv_act", "zzz"), ("filters", "q"), ("head", "tail"), ("act", "b")):
        source = source.replace(old, new)
    assert chain(traced(source, STYLES[7][1]).graphs[0]) == CONV_RELU


def _model(source: str) -> LayerGraph:
    return built(f"def build():\n    i = L.Input((8, 8, 3))\n{source}")


def test_branches_and_merges() -> None:
    graph = _model(
        """
    a = L.Conv2D(4, 3, padding='same')(i)
    b = L.Conv2D(4, 1)(i)
    x = L.add([a, b], name='sum')
    x = L.Concatenate(axis=-1)([x, a])
    return keras.Model(i, x)
"""
    )
    assert edges(graph) == [
        "Input.0",
        "Conv2D.1 <- Input.0",
        "Conv2D.2 <- Input.0",
        "Add.3 <- Conv2D.1, Conv2D.2",
        "Concatenate.4 <- Add.3, Conv2D.1",
    ]
    assert graph.nodes[3].name == "sum"
    assert graph.nodes[4].shape == (None, 8, 8, 8)


def test_shared_layer() -> None:
    graph = _model(
        "    d = L.Dense(3)\n    return keras.Model(i, L.Add()([d(i), d(L.ReLU()(i))]))\n"
    )
    dense = [node for node in graph.nodes if node.cls == "Dense"]
    assert len(dense) == 2
    assert len({node.layer for node in dense}) == 1


def test_the_model_is_cut_at_its_inputs_and_outputs() -> None:
    graph = _model(
        """
    x = L.Dense(1)(i)
    y = L.Dense(2)(x)
    z = L.Dense(3)(y)
    return keras.Model(x, y)
"""
    )
    assert chain(graph) == "Dense(2)"
    assert graph.nodes[1].escapes


def test_several_inputs_and_outputs() -> None:
    graph = _model(
        """
    j = L.Input((8, 8, 3), name='second')
    x = L.Add()([i, j])
    return keras.Model(inputs=[j, i], outputs={'a': x, 'b': L.ReLU()(x)})
"""
    )
    assert graph.outputs == (2, 3)
    assert {node.name for node in graph.nodes} >= {"second"}


def test_operators_and_functions_on_tensors() -> None:
    graph = _model(
        """
    x = L.Conv2D(4, 3)(i)
    y = tf.nn.relu6(x + 3.) * (1. / 6.)
    y = tf.concat([y, x], axis=-1)[..., :4]
    return keras.Model(i, -y)
"""
    )
    assert [node.cls for node in graph.nodes if node.kind == "op"] == [
        "operator.add",
        "tf.nn.relu6",
        "operator.mul",
        "tf.concat",
        "operator.getitem",
        "operator.neg",
    ]
    assert graph.nodes[-1].shape == (None, 6, 6, 4)
    assert graph.nodes[4].attrs == {"y": 1.0 / 6.0}


def test_shapes_decide() -> None:
    graph = _model(
        """
    x = L.Conv2D(16, 3, strides=2, padding='same')(i)
    n = keras.backend.int_shape(x)[-1]
    if x.shape[1] == 4:
        x = L.Dense(n // 4)(x)
    return keras.Model(i, L.Dense(x.shape[-1] * 2)(x))
"""
    )
    assert chain(graph) == "Conv2D(16) Dense(4) Dense(8)"


def test_nested_models() -> None:
    graph = _model(
        """
    block = keras.Sequential([L.Conv2D(4, 3), L.ReLU()], name='block')
    j = keras.Input((6, 6, 4))
    inner = keras.Model(j, L.Dense(5)(j), name='inner')
    return keras.Model(i, inner(block(i)))
"""
    )
    assert [(node.kind, node.cls, node.name) for node in graph.nodes[1:]] == [
        ("model", "Sequential", "block"),
        ("model", "Functional", "inner"),
    ]
    assert graph.nodes[2].body is not None
    assert chain(graph.flat) == "Conv2D(4) ReLU Dense(5)"
    assert edges(graph.flat)[-1] == "Dense.3 <- ReLU.2"


def test_user_layer_with_several_outputs() -> None:
    graph = built(
        """
        class Split(L.Layer):
            def __init__(self):
                super().__init__()
                self.a, self.b = L.Dense(1), L.Dense(2)
            def call(self, x):
                return self.a(x), self.b(x)
        def build():
            i = keras.Input((4,))
            a, b = Split()(i)
            return keras.Model(i, [L.ReLU()(b), a])
        """
    )
    assert edges(graph.flat) == [
        "Input.0",
        "Dense.1 <- Input.0",
        "Dense.2 <- Input.0",
        "ReLU.3 <- Dense.2",
    ]
    assert graph.flat.outputs == (3, 1)


def test_subclass_of_a_layer_keeps_what_it_is() -> None:
    graph = built(
        """
        class MyConv(L.Conv2D):
            def __init__(self, filters):
                super().__init__(filters, 3, use_bias=False)
        def build():
            return keras.Sequential([keras.Input((8, 8, 3)), MyConv(7)])
        """
    )
    assert graph.nodes[1].cls == "MyConv"
    assert chain(graph.flat) == "Conv2D(7)"
    assert graph.flat.nodes[1].attrs["use_bias"] is False


def test_layers_made_in_build_and_lists_of_layers() -> None:
    graph = built(
        """
        class Block(L.Layer):
            def __init__(self, units):
                super(Block, self).__init__()
                self.units = units
            def build(self, input_shape):
                self.first = L.Dense(input_shape[-1])
                self.rest = {f'd{n}': L.Dense(n) for n in self.units}
            def call(self, x, training=False):
                x = self.first(x)
                for name in self.rest:
                    x = self.rest[name](x)
                return x
        def build():
            i = keras.Input((9,))
            return keras.Model(i, Block([1, 2])(i))
        """
    )
    assert chain(graph.flat) == "Dense(9) Dense(1) Dense(2)"


def test_model_attributes() -> None:
    graph = built(
        """
        def base():
            i = keras.Input((8, 8, 3))
            x = L.Conv2D(4, 3, name='conv')(i)
            return keras.Model(i, L.Flatten()(L.ReLU(name='act')(x)))
        def build():
            m = base()
            x = m.get_layer('act').output
            y = m.layers[1].output
            return keras.Model(m.input, L.Add()([x, y]))
        """
    )
    assert edges(graph) == [
        "Input.0",
        "Conv2D.1 <- Input.0",
        "ReLU.2 <- Conv2D.1",
        "Add.3 <- ReLU.2, Conv2D.1",
    ]


def test_known_application_is_one_node() -> None:
    graph = built(
        """
        def build():
            base = keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False)
            base.trainable = False
            x = L.GlobalAveragePooling2D()(base.output)
            return keras.Model(base.input, L.Dense(3)(x))
        """
    )
    assert [(node.kind, node.cls) for node in graph.nodes] == [
        ("input", "InputLayer"),
        ("model", "MobileNetV2"),
        ("layer", "GlobalAveragePooling2D"),
        ("layer", "Dense"),
    ]
    assert graph.nodes[1].attrs["include_top"] is False


def test_a_lambda_is_one_layer_whose_outputs_are_known() -> None:
    graph = _model(
        """
    a, b = L.Lambda(lambda t: tf.split(t, [1, 2], axis=-1))(i)
    x = L.Lambda(lambda t: tf.reshape(t, (-1, 16)))(b)
    return keras.Model(i, [L.Dense(x.shape[-1])(x), a])
"""
    )
    assert edges(graph) == [
        "Input.0",
        "Lambda.1 <- Input.0",
        "Lambda.2 <- Lambda.1",
        "Dense.3 <- Lambda.2",
    ]
    assert graph.nodes[2].slots == (1,)
    assert graph.nodes[3].attrs["units"] == 16


def test_attributes_of_the_layer_that_a_class_builds_on() -> None:
    graph = built(
        """
        class Base(L.Layer):
            def call(self, inputs):
                x = inputs
                if self.padding == 'same' and self.kernel_size[0] == 3:
                    x = L.ReLU()(x)
                return super().call(x)
        class MyConv(Base, L.Conv2D):
            pass
        def build():
            i = keras.Input((8, 8, 3))
            x = MyConv(4, 3, padding='same', strides=2)(i)
            return keras.Model(i, L.Dense(x.shape.as_list()[-1])(x))
        """
    )
    assert chain(graph.flat) == "ReLU Conv2D(4) Dense(4)"
    assert graph.nodes[1].shape == (None, 4, 4, 4)
