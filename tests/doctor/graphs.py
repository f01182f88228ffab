"""Frozen graphs, healthy and not: `python graphs.py FOLDER` writes them as NAME.pb.

Those of `OLD` need TensorFlow 1.15: slim, contrib.quantize, graph transforms, Keras with a
learning phase. All take `image` of shape 1x8x8x4 and give `result`.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


class Builder:
    def __init__(self):
        self.random = np.random.RandomState(0)

    def normal(self, *shape):
        fan = max(int(np.prod(shape[:-1])), 1)
        return tf.constant(self.random.normal(0, fan**-0.5, shape).astype("float32"))

    def conv(self, x, size=3, channels=4, weights=True):
        kernel = self.normal(size, size, int(x.shape[-1]), channels)
        return tf.nn.conv2d(x, self.fq(kernel, -1, 1) if weights else kernel, 1, "SAME")

    def bias(self, x, quantized=False):
        values = self.normal(int(x.shape[-1]))
        return tf.nn.bias_add(x, self.fq(values, -3, 3) if quantized else values)

    def fq(self, x, low=-4.0, high=4.0):
        return tf.quantization.fake_quant_with_min_max_args(x, float(low), float(high))

    def layer(self, x):
        """A layer that is as it should be."""
        return self.fq(tf.nn.relu6(self.bias(self.conv(x))), 0, 6)

    def norm(self, x, training=False):
        count = int(x.shape[-1])
        gamma = tf.constant(self.random.uniform(0.5, 1.5, count).astype("float32"))
        mean, variance = (None, None) if training else (self.normal(count), gamma * 0.7)
        return v1.nn.fused_batch_norm(
            x, gamma, self.normal(count), mean, variance, is_training=training
        )[0]


def no_fake_quant(b, x):
    x = tf.nn.relu6(b.bias(b.conv(x, weights=False)))
    return tf.nn.relu6(b.bias(b.conv(x, weights=False)))


def weights_only(b, x):
    return tf.nn.relu6(b.bias(b.conv(tf.nn.relu(b.bias(b.conv(x))))))


def missing_after_relu(b, x):
    return b.layer(tf.nn.relu(b.bias(b.conv(x))))


def missing_after_linear(b, x):
    return b.layer(b.bias(b.conv(x)))


def missing_at_the_end(b, x):
    return b.bias(b.conv(b.layer(x)))


def well_placed(b, x):
    return b.layer(b.layer(x))


def no_weights_range(b, x):
    x = b.fq(tf.nn.relu6(b.bias(b.conv(x, weights=False))), 0, 6)
    return b.fq(b.bias(b.conv(x, weights=False)))


def on_bias(b, x):
    return b.layer(b.fq(tf.nn.relu6(b.bias(b.conv(x), quantized=True)), 0, 6))


def before_relu(b, x):
    return b.layer(tf.nn.relu6(b.fq(b.bias(b.conv(x)))))


def before_and_after_relu(b, x):
    return b.layer(b.fq(tf.nn.relu6(b.fq(b.bias(b.conv(x)))), 0, 6))


def around_bias(b, x):
    return b.layer(b.fq(tf.nn.relu6(b.bias(b.fq(b.conv(x)))), 0, 6))


def around_bias_only(b, x):
    return b.layer(tf.nn.relu6(b.bias(b.fq(b.conv(x)))))


def leaky(b, x):
    return b.layer(tf.nn.leaky_relu(b.bias(b.conv(x))))


def sum_without(b, x):
    x = b.layer(x)
    return b.layer(x + b.fq(b.bias(b.conv(x))))


def sum_with(b, x):
    x = b.layer(x)
    return b.layer(b.fq(x + b.fq(b.bias(b.conv(x)))))


def concatenation(b, x):
    x = b.layer(x)
    return b.layer(tf.concat([x, b.layer(x)], 3))


def range_behind_the_pool(b, x):
    x = tf.nn.relu6(b.bias(b.conv(x)))
    return b.layer(b.fq(tf.nn.max_pool2d(x, 2, 2, "SAME"), 0, 6))


def pools(b, x):
    x = tf.nn.max_pool2d(b.layer(x), 2, 2, "SAME")
    return tf.nn.avg_pool2d(b.layer(x), 4, 4, "VALID")


def padding(b, x):
    return b.layer(tf.pad(b.layer(x), [[0, 0], [1, 1], [1, 1], [0, 0]]))


def dense(b, x):
    x = tf.reshape(b.layer(x), [1, 256])
    return tf.nn.softmax(b.bias(tf.matmul(x, b.normal(256, 10))))


def gate(b, x):
    x = b.bias(b.conv(x))
    return b.layer(x * tf.sigmoid(x))


def norm_before_relu(b, x):
    return b.layer(b.fq(tf.nn.relu6(b.norm(b.conv(x))), 0, 6))


def float_norm(b, x):
    x = tf.nn.relu6(b.norm(b.conv(x, weights=False)))
    return tf.nn.relu6(b.norm(b.bias(b.conv(x, weights=False))))


def norm_after_relu(b, x):
    return b.layer(b.norm(b.fq(tf.nn.relu6(b.bias(b.conv(x))), 0, 6)))


def norm_in_training(b, x):
    return b.layer(tf.nn.relu6(b.norm(b.conv(x), training=True)))


def dropout(b, x):
    x = b.layer(x)
    keep = tf.floor(v1.random_uniform([1, 8, 8, 4]) + 0.8)
    return b.layer(x * (1 / 0.8) * keep)


def dropout_of_tf2(b, x):
    return b.layer(tf.nn.dropout(b.layer(x), rate=0.2))


RAW = {
    each.__name__: each
    for each in (
        *(no_fake_quant, weights_only, missing_after_relu, missing_after_linear),
        *(missing_at_the_end, well_placed, no_weights_range, on_bias),
        *(before_relu, before_and_after_relu, around_bias, around_bias_only, leaky),
        *(sum_without, sum_with, concatenation, range_behind_the_pool, pools, padding),
        *(dense, gate, norm_before_relu, float_norm, norm_after_relu, norm_in_training),
        *(dropout, dropout_of_tf2),
    )
}


def build(make):
    with tf.Graph().as_default() as graph:
        image = v1.placeholder(tf.float32, [1, 8, 8, 4], name="image")
        tf.identity(make(Builder(), image), name="result")
        return graph.as_graph_def()


def slim_network(b, x):
    from tensorflow.contrib import slim

    with slim.arg_scope([slim.batch_norm], is_training=b.training, decay=0.9):
        x = slim.conv2d(x, 8, 3, normalizer_fn=slim.batch_norm, activation_fn=tf.nn.relu6)
        x = slim.separable_conv2d(
            x, None, 3, 1, normalizer_fn=slim.batch_norm, activation_fn=tf.nn.relu6
        )
        x = slim.max_pool2d(x, 2)
        x = slim.dropout(x, 0.9, is_training=b.training)
        return slim.softmax(slim.fully_connected(slim.flatten(x), 5, activation_fn=None))


def plain_slim_network(b, x):
    from tensorflow.contrib import slim

    x = slim.conv2d(slim.conv2d(x, 8, 3, activation_fn=tf.nn.relu6), 4, 3)
    return slim.conv2d(x, 3, 1, activation_fn=tf.nn.relu6)


def layers_network(b, x):
    x = v1.layers.conv2d(x, 8, 3, padding="same", use_bias=False)
    x = tf.nn.relu6(v1.layers.batch_normalization(x, training=b.training, fused=False))
    x = v1.layers.conv2d(x, 4, 3, padding="same", activation=tf.nn.relu)
    return v1.layers.dense(v1.layers.flatten(x), 5)


def keras_network(b, x):
    layers = tf.keras.layers
    x = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.Dropout(0.2)(layers.GlobalAveragePooling2D()(x))
    return layers.Dense(5, activation="softmax")(x)


def frozen(make, training=False, rewrite=None):
    """A network with weights as after training, frozen as `freeze_graph` does."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.set_random_seed(0)
        tf.keras.backend.set_session(session)
        builder = Builder()
        builder.training = training
        image = v1.placeholder(tf.float32, [1, 8, 8, 4], name="image")
        tf.identity(make(builder, image), name="result")
        if rewrite is not None:
            rewrite()
        session.run(v1.global_variables_initializer())
        for variable in v1.global_variables():
            value = session.run(variable)
            if np.ndim(value) == 0:
                high = 6.0 if "max" in variable.name else -6.0
                if "quant" in variable.name and "/m" in variable.name:
                    variable.load(np.float32(high), session)
            elif np.isin(value, (0.0, 1.0)).all():
                low = 0.5 if "variance" in variable.name or "gamma" in variable.name else -0.2
                variable.load(builder.random.uniform(low, low + 0.7, value.shape), session)
        definition = graph.as_graph_def()
        return v1.graph_util.convert_variables_to_constants(session, definition, ["result"])


def transformed(*transforms):
    from tensorflow.tools.graph_transforms import TransformGraph

    return TransformGraph(build(eight_bit), ["image"], ["result"], list(transforms))


def eight_bit(b, x):
    x = tf.nn.relu6(b.bias(b.conv(x, channels=32, weights=False)))
    x = tf.nn.max_pool2d(x, 2, 2, "SAME")
    x = tf.nn.relu(b.bias(b.conv(x, channels=16, weights=False)))
    x = tf.concat([x, tf.nn.avg_pool2d(x, 1, 1, "SAME")], 3)
    x = tf.reshape(tf.nn.avg_pool2d(x, 2, 2, "VALID"), [1, 128])
    return tf.nn.softmax(b.bias(tf.matmul(x, b.normal(128, 10))))


def contrib(name):
    from tensorflow.contrib import quantize

    return lambda: (
        quantize.create_training_graph(quant_delay=0)
        if name == "training"
        else quantize.create_eval_graph()
    )


def fold_all():
    names = ("add_default_attributes", "strip_unused_nodes", "fold_constants", "fold_batch_norms")
    names += ("fold_old_batch_norms", "quantize_weights", "quantize_nodes", "strip_unused_nodes")
    return transformed(*names, "sort_by_execution_order")


OLD = {
    "slim": lambda: frozen(slim_network),
    "slim_training": lambda: frozen(slim_network, training=True),
    "layers": lambda: frozen(layers_network),
    "keras_phase": lambda: frozen(keras_network),
    "contrib_eval": lambda: frozen(plain_slim_network, rewrite=contrib("eval")),
    "contrib_training": lambda: frozen(plain_slim_network, True, contrib("training")),
    "contrib_training_norm": lambda: frozen(slim_network, True, contrib("training")),
    "eight_bit_float": lambda: build(eight_bit),
    "quantize_weights": lambda: transformed("quantize_weights(minimum_size=100)"),
    "quantize_nodes": lambda: transformed("quantize_nodes"),
    "quantize_both": lambda: transformed("quantize_weights(minimum_size=100)", "quantize_nodes"),
    "quantize_fallback": lambda: transformed("quantize_nodes(fallback_min=-6, fallback_max=6)"),
    "quantize_as_documented": fold_all,
}


def main(folder):
    folder = Path(folder)
    made = {name: build(make) for name, make in RAW.items()}
    if tf.__version__.startswith("1."):
        made.update((name, make()) for name, make in OLD.items())
    for name, definition in made.items():
        (folder / f"{name}.pb").write_bytes(definition.SerializeToString())


if __name__ == "__main__":
    main(*sys.argv[1:])
