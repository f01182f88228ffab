"""A U-Net for a phone in which every layer fuses: nothing to report."""

import tf_keras
from tf_keras import layers


def conv_bn_relu(x, filters, strides=1):
    x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.ReLU(6.0)(x)


def build_model(size=64, classes=3, widths=(16, 32, 64)):
    inputs = layers.Input((size, size, 3), batch_size=1)
    x = inputs
    skips = []
    for filters in widths:
        x = conv_bn_relu(x, filters)
        skips.append(x)
        x = conv_bn_relu(x, filters, strides=2)
    for filters, skip in zip(reversed(widths), reversed(skips)):
        x = layers.UpSampling2D(2)(x)
        x = layers.Concatenate()([x, skip])
        x = conv_bn_relu(x, filters)
    outputs = layers.Conv2D(classes, 1)(x)
    return tf_keras.Model(inputs, outputs)
