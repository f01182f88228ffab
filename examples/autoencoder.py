"""Anomaly detection in machine vibration: a subclassed convolutional autoencoder."""

import tf_keras as keras
from tf_keras import layers as L


class Encoder(L.Layer):
    def __init__(self, filters=(8, 16), **kwargs):
        super().__init__(**kwargs)
        self.convs = [L.Conv2D(f, 3, strides=2, padding="same") for f in filters]
        self.norms = [L.BatchNormalization() for _ in filters]
        self.activation = L.ReLU()

    def call(self, x, training=None):
        for conv, norm in zip(self.convs, self.norms):
            x = norm(self.activation(conv(x)), training=training)
        return x


class Autoencoder(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.encoder = Encoder()
        self.squeeze = L.Conv2D(4, 1)
        self.squeeze_relu = L.ReLU()
        self.squeeze_bn = L.BatchNormalization()
        self.up1 = L.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu")
        self.up2 = L.Conv2DTranspose(1, 3, strides=2, padding="same")

    def call(self, inputs, training=None):
        x = self.encoder(inputs, training=training)
        x = self.squeeze(x)
        x = self.squeeze_relu(x)
        x = self.squeeze_bn(x, training=training)
        x = self.up1(x)
        return self.up2(x)


def build_model():
    model = Autoencoder()
    model.build((1, 32, 32, 1))
    return model
