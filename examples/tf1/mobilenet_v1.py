"""A MobileNet of 2018, trained with tf.contrib.quantize and converted by TOCO (TF 1.15)."""

import tensorflow as tf

slim = tf.contrib.slim


def separable_block(x, filters, stride, training, name):
    x = slim.separable_conv2d(
        x, None, 3, 1, stride=stride, activation_fn=None, normalizer_fn=None, scope=name + "_dw"
    )
    x = tf.nn.relu6(x)
    x = tf.layers.conv2d(x, filters, 1, use_bias=True, name=name + "_pw")
    x = tf.layers.batch_normalization(x, training=training, fused=True, name=name + "_bn")
    return tf.nn.relu6(x)


def mobilenet(images, classes, training):
    x = tf.layers.conv2d(images, 16, 3, strides=2, padding="same", use_bias=True, name="stem")
    x = tf.layers.batch_normalization(x, training=training, fused=True, name="stem_bn")
    x = tf.nn.relu6(x)
    for index, (filters, stride) in enumerate([(32, 1), (64, 2), (64, 1)]):
        x = separable_block(x, filters, stride, training, "block%d" % index)
    x = tf.reduce_mean(x, [1, 2])
    return tf.layers.dense(x, classes, name="logits")


def train(images, labels, classes=10):
    logits = mobilenet(images, classes, training=True)
    loss = tf.losses.sparse_softmax_cross_entropy(labels, logits)
    tf.contrib.quantize.create_training_graph(quant_delay=2000)
    return tf.train.AdamOptimizer().minimize(loss)


def export(checkpoint, path):
    with tf.Graph().as_default(), tf.Session() as session:
        images = tf.placeholder(tf.float32, [1, 64, 64, 3], name="input")
        tf.identity(mobilenet(images, 10, training=False), name="output")
        tf.contrib.quantize.create_eval_graph()
        tf.train.Saver().restore(session, checkpoint)
        graph = tf.graph_util.convert_variables_to_constants(
            session, session.graph_def, ["output"]
        )
    with open(path, "wb") as stream:
        stream.write(graph.SerializeToString())
