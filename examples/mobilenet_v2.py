"""A MobileNetV2-like image classifier for a phone, written with the functional API."""

from tf_keras import Model, layers

# expansion, channels, repeats, stride of the first block
STAGES = [
    (1, 16, 1, 1),
    (4, 24, 2, 2),
    (4, 32, 2, 2),
    (4, 64, 1, 1),
]


def make_divisible(value, divisor=8):
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def conv_block(x, filters, kernel_size, strides, name):
    x = layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=False,
        name=name,
    )(x)
    # Normalizing what the activation has already clipped: the BatchNormalization has no
    # convolution left to fold into.
    x = layers.ReLU(6.0, name=f"{name}_relu")(x)
    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return x


def inverted_residual(x, expansion, filters, strides, name):
    channels = x.shape[-1]
    shortcut = x
    if expansion != 1:
        x = conv_block(x, expansion * channels, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = layers.BatchNormalization(name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(name=f"{name}_project_bn")(x)
    if strides == 1 and channels == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def build_model(input_size=64, alpha=1.0, classes=10):
    inputs = layers.Input((input_size, input_size, 3))
    x = conv_block(inputs, make_divisible(32 * alpha), 3, 2, "stem")
    for stage, (expansion, filters, repeats, strides) in enumerate(STAGES):
        for block in range(repeats):
            x = inverted_residual(
                x,
                expansion,
                make_divisible(filters * alpha),
                strides if block == 0 else 1,
                f"block_{stage}_{block}",
            )
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(classes, activation="softmax")(x)
    return Model(inputs, outputs, name="mobilenet_v2")
