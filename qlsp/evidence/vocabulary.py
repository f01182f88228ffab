"""The words of which pattern names are made, and the code that each stands for.

A layer's code is applied to the current tensor (`x = CODE(x)`); code that assigns is taken as
it stands. Sizes are tiny, since a conversion's op list doesn't depend on them.
"""

from __future__ import annotations

INPUTS = {
    "image": "(8, 8, 4)",
    "gray": "(8, 8, 1)",
    "planes": "(4, 8, 8)",
    "volume": "(6, 6, 6, 2)",
    "sequence": "(8, 4)",
    "vector": "(16,)",
    "tokens": "(8,), dtype='int32'",
    "frames": "(3, 8, 8, 2)",
}
"""The first word of a pattern: the arguments of its `Input`. `@1` behind it fixes the batch."""

ACTIVATIONS = (
    "linear",
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "softmax",
    "softplus",
    "softsign",
    "elu",
    "selu",
    "gelu",
    "swish",
    "silu",
    "mish",
    "exponential",
    "hard_sigmoid",
    "hard_silu",
    "leaky_relu",
    "log_softmax",
)
"""Names that `activation=` takes; which of them exist depends on the Keras version."""

ACTIVATION_FUNCTIONS = (
    "tf.nn.relu",
    "tf.nn.relu6",
    "tf.nn.swish",
    "tf.nn.sigmoid",
    "tf.nn.leaky_relu",
    "tf.nn.elu",
)
"""Functions of TensorFlow that people hand to `activation=`."""

_LAYERS = {
    # Convolutions and dense layers.
    "conv": "layers.Conv2D(4, 3)",
    "conv_same": "layers.Conv2D(4, 3, padding='same')",
    "conv_1x1": "layers.Conv2D(4, 1)",
    "conv_column": "layers.Conv2D(4, (4, 1))",
    "conv_stride": "layers.Conv2D(4, 3, strides=2, padding='same')",
    "conv_nobias": "layers.Conv2D(4, 3, use_bias=False)",
    "conv_groups": "layers.Conv2D(4, 3, groups=2)",
    "conv_dilated": "layers.Conv2D(4, 3, dilation_rate=2)",
    "conv_dilated_same": "layers.Conv2D(4, 3, dilation_rate=2, padding='same')",
    "conv_dilated_nobias": "layers.Conv2D(4, 3, dilation_rate=2, use_bias=False)",
    "conv_channels_first": "layers.Conv2D(4, 3, data_format='channels_first')",
    "dw": "layers.DepthwiseConv2D(3)",
    "dw_column": "layers.DepthwiseConv2D((4, 1))",
    "dw_stride": "layers.DepthwiseConv2D(3, strides=2, padding='same')",
    "dw_nobias": "layers.DepthwiseConv2D(3, use_bias=False)",
    "dw_multiplier": "layers.DepthwiseConv2D(3, depth_multiplier=2)",
    "dw_dilated": "layers.DepthwiseConv2D(3, dilation_rate=2)",
    "dense": "layers.Dense(4)",
    "dense_nobias": "layers.Dense(4, use_bias=False)",
    "transpose": "layers.Conv2DTranspose(4, 3)",
    "transpose_stride": "layers.Conv2DTranspose(4, 3, strides=2, padding='same')",
    "transpose_nobias": "layers.Conv2DTranspose(4, 3, use_bias=False)",
    "separable": "layers.SeparableConv2D(4, 3)",
    "separable_nobias": "layers.SeparableConv2D(4, 3, use_bias=False)",
    "conv1d": "layers.Conv1D(4, 3)",
    "conv1d_causal": "layers.Conv1D(4, 3, padding='causal')",
    "conv1d_dilated": "layers.Conv1D(4, 3, dilation_rate=2)",
    "separable1d": "layers.SeparableConv1D(4, 3)",
    "dw1d": "layers.DepthwiseConv1D(3)",
    "transpose1d": "layers.Conv1DTranspose(4, 3)",
    "conv3d": "layers.Conv3D(4, 3)",
    "transpose3d": "layers.Conv3DTranspose(4, 3)",
    "locally_connected": "layers.LocallyConnected2D(4, 3)",
    "einsum_dense": "layers.EinsumDense('ab,bc->ac', output_shape=4, bias_axes='c')",
    # Activation layers.
    "relu": "layers.ReLU()",
    "relu6": "layers.ReLU(6.0)",
    "relu1": "layers.ReLU(max_value=1.0)",
    "relu4": "layers.ReLU(max_value=4.0)",
    "relu_slope": "layers.ReLU(negative_slope=0.1)",
    "relu6_slope": "layers.ReLU(max_value=6.0, negative_slope=0.1)",
    "relu_threshold": "layers.ReLU(threshold=1.0)",
    "relu6_threshold": "layers.ReLU(max_value=6.0, threshold=1.0)",
    "leaky": "layers.LeakyReLU()",
    "prelu": "layers.PReLU()",
    "prelu_shared": "layers.PReLU(shared_axes=[1, 2])",
    "elu": "layers.ELU()",
    "thresholded": "layers.ThresholdedReLU(1.0)",
    "softmax": "layers.Softmax()",
    # Normalization.
    "bn": "layers.BatchNormalization()",
    "bn_noscale": "layers.BatchNormalization(scale=False)",
    "bn_nocenter": "layers.BatchNormalization(center=False)",
    "bn_axis1": "layers.BatchNormalization(axis=1)",
    "bn_axis2": "layers.BatchNormalization(axis=2)",
    "bn_fused": "layers.BatchNormalization(fused=True)",
    "bn_unfused": "layers.BatchNormalization(fused=False)",
    "bn_training": "x = layers.BatchNormalization()(x, training=True)",
    "bn_inference": "x = layers.BatchNormalization()(x, training=False)",
    "layer_norm": "layers.LayerNormalization()",
    "layer_norm_axes": "layers.LayerNormalization(axis=[1, 2, 3])",
    "group_norm": "layers.GroupNormalization(groups=2)",
    "unit_norm": "layers.UnitNormalization()",
    "rms_norm": "layers.RMSNormalization()",
    # Pooling, padding, resizing, shape.
    "maxpool": "layers.MaxPooling2D()",
    "maxpool_same": "layers.MaxPooling2D(3, strides=2, padding='same')",
    "avgpool": "layers.AveragePooling2D(2)",
    "avgpool_same": "layers.AveragePooling2D(3, strides=2, padding='same')",
    "gap": "layers.GlobalAveragePooling2D()",
    "gap_keepdims": "layers.GlobalAveragePooling2D(keepdims=True)",
    "gmp": "layers.GlobalMaxPooling2D()",
    "maxpool1d": "layers.MaxPooling1D()",
    "avgpool1d": "layers.AveragePooling1D(2)",
    "gap1d": "layers.GlobalAveragePooling1D()",
    "gmp1d": "layers.GlobalMaxPooling1D()",
    "maxpool3d": "layers.MaxPooling3D()",
    "avgpool3d": "layers.AveragePooling3D(2)",
    "gap3d": "layers.GlobalAveragePooling3D()",
    "adaptive_avgpool": "layers.AdaptiveAveragePooling2D(2)",
    "pad": "layers.ZeroPadding2D()",
    "pad_corner": "layers.ZeroPadding2D(((0, 1), (0, 1)))",
    "pad1d": "layers.ZeroPadding1D()",
    "pad3d": "layers.ZeroPadding3D()",
    "crop": "layers.Cropping2D()",
    "crop1d": "layers.Cropping1D()",
    "upsample": "layers.UpSampling2D()",
    "upsample_bilinear": "layers.UpSampling2D(interpolation='bilinear')",
    "upsample1d": "layers.UpSampling1D()",
    "upsample3d": "layers.UpSampling3D()",
    "resizing": "layers.Resizing(4, 4)",
    "center_crop": "layers.CenterCrop(4, 4)",
    "reshape": "layers.Reshape((-1, 4))",
    "reshape_static": "layers.Reshape((36, 4))",
    "flatten": "layers.Flatten()",
    "permute": "layers.Permute((2, 1, 3))",
    "permute_last": "layers.Permute((2, 3, 1))",
    "repeat": "layers.RepeatVector(3)",
    # A second consumer: `fork` keeps the tensor, `join` adds it back.
    "fork": "y = x",
    "join": "x = layers.Add()([x, y])",
    "join_cat": "x = layers.Concatenate()([x, y])",
    "other_avgpool": "y = layers.AveragePooling2D(3, strides=1, padding='same')(y)",
    "other_avgpool_conv": "y = layers.Conv2D(4, 1)("
    "layers.AveragePooling2D(3, strides=1, padding='same')(y))",
    # Merging; the other branch is a layer of its own.
    "add": "x = layers.Add()([layers.Conv2D(4, 1)(x), x])",
    "subtract": "x = layers.Subtract()([layers.Conv2D(4, 1)(x), x])",
    "multiply": "x = layers.Multiply()([layers.Conv2D(4, 1)(x), x])",
    "average": "x = layers.Average()([layers.Conv2D(4, 1)(x), x])",
    "maximum": "x = layers.Maximum()([layers.Conv2D(4, 1)(x), x])",
    "minimum": "x = layers.Minimum()([layers.Conv2D(4, 1)(x), x])",
    "concat": "x = layers.Concatenate()([layers.Conv2D(4, 1)(x), x])",
    "dot": "x = layers.Dot(axes=-1)([layers.Dense(4)(x), x])",
    "add_convs": "x = layers.Add()([layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(x)])",
    "add_three": "y = layers.Conv2D(4, 1)(x)\nz = layers.Conv2D(4, 1)(x)\n"
    "x = layers.Add()([x, y, z])",
    "concat_convs": "x = layers.Concatenate()([layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(x)])",
    "concat_mixed": "x = layers.Concatenate()("
    "[layers.Conv2D(4, 1, activation='relu')(x), layers.Conv2D(4, 1)(x)])",
    "concat_axis1": "x = layers.Concatenate(axis=1)([layers.Conv2D(4, 1)(x), x])",
    "concat_pools": "x = layers.Concatenate()("
    "[layers.MaxPooling2D()(x), layers.AveragePooling2D(2)(x)])",
    # Merging what has no int8 form.
    "concat_elu_conv": "x = layers.Concatenate()("
    "[layers.ELU()(layers.Conv2D(4, 1)(x)), layers.Conv2D(4, 1)(x)])",
    "concat_conv_elu": "x = layers.Concatenate()("
    "[layers.Conv2D(4, 1)(x), layers.ELU()(layers.Conv2D(4, 1)(x))])",
    "concat_elus": "x = layers.Concatenate()([layers.ELU()(layers.Conv2D(4, 1)(x)), "
    "layers.ELU()(layers.Conv2D(4, 1)(x))])",
    "concat_elu_pool": "x = layers.Concatenate()("
    "[layers.ELU()(layers.Conv2D(4, 1)(x)), layers.MaxPooling2D(2, 1, 'same')(x)])",
    "concat_elu_relu": "x = layers.Concatenate()([layers.ELU()(layers.Conv2D(4, 1)(x)), "
    "layers.Conv2D(4, 1, activation='relu')(x)])",
    "concat_elu_add": "x = layers.Concatenate()([layers.ELU()(layers.Conv2D(4, 1)(x)), "
    "layers.Add()([layers.Conv2D(4, 1)(x), x])])",
    "concat_elu_skip": "x = layers.Concatenate()([layers.ELU()(layers.Conv2D(4, 1)(x)), x])",
    "concat_elu_pad": "y = layers.ZeroPadding2D()(layers.Conv2D(4, 1)(x))\n"
    "x = layers.Concatenate()([layers.ELU()(layers.Conv2D(4, 3, padding='same')(y)), y])",
    "concat_elu_shared": "y = layers.Conv2D(4, 1)(x)\n"
    "z = layers.Concatenate()([layers.ELU()(layers.Conv2D(4, 1)(x)), y])\n"
    "x = layers.Concatenate()([layers.Conv2D(4, 1)(z), layers.MaxPooling2D(2, 1, 'same')(y)])",
    "concat_elu_nested": "y = layers.Concatenate()("
    "[layers.ELU()(layers.Conv2D(4, 1)(x)), layers.Conv2D(4, 1)(x)])\n"
    "x = layers.Concatenate()([y, layers.Conv2D(4, 1)(x)])",
    "maximum_elu": "x = layers.Maximum()("
    "[layers.ELU()(layers.Conv2D(4, 1)(x)), layers.Conv2D(4, 1)(x)])",
    "add_elu": "x = layers.Add()([layers.ELU()(layers.Conv2D(4, 1)(x)), layers.Conv2D(4, 1)(x)])",
    "add_function": "x = layers.add([layers.Conv2D(4, 1)(x), x])",
    "concat_function": "x = layers.concatenate([layers.Conv2D(4, 1)(x), x])",
    # Regularization and preprocessing.
    "dropout": "layers.Dropout(0.5)",
    "spatial_dropout": "layers.SpatialDropout2D(0.5)",
    "gaussian_noise": "layers.GaussianNoise(0.1)",
    "gaussian_dropout": "layers.GaussianDropout(0.1)",
    "activity_regularization": "layers.ActivityRegularization(0.1)",
    "rescaling": "layers.Rescaling(1.0 / 255)",
    "rescaling_offset": "layers.Rescaling(1.0 / 127.5, offset=-1)",
    "normalization": "layers.Normalization(mean=[0.1, 0.2, 0.3, 0.4], "
    "variance=[1.1, 1.2, 1.3, 1.4])",
    "random_flip": "layers.RandomFlip()",
    "random_rotation": "layers.RandomRotation(0.1)",
    "lambda": "layers.Lambda(lambda t: t * 2.0)",
    "masking": "layers.Masking()",
    # Sequences and attention.
    "embedding": "layers.Embedding(10, 4)",
    "lstm": "layers.LSTM(4)",
    "lstm_sequences": "layers.LSTM(4, return_sequences=True)",
    "lstm_unrolled": "layers.LSTM(4, unroll=True)",
    "gru": "layers.GRU(4)",
    "rnn": "layers.SimpleRNN(4)",
    "bidirectional": "layers.Bidirectional(layers.LSTM(4))",
    "conv_lstm": "layers.ConvLSTM2D(4, 3)",
    "time_distributed": "layers.TimeDistributed(layers.Dense(4))",
    "attention": "x = layers.Attention()([x, x])",
    "mha": "x = layers.MultiHeadAttention(2, 4)(x, x)",
    # TensorFlow functions and operators on layer tensors.
    "tf.nn.relu": "x = tf.nn.relu(x)",
    "tf.nn.relu6": "x = tf.nn.relu6(x)",
    "tf.nn.leaky_relu": "x = tf.nn.leaky_relu(x)",
    "tf.nn.sigmoid": "x = tf.nn.sigmoid(x)",
    "tf.nn.softmax": "x = tf.nn.softmax(x)",
    "tf.nn.swish": "x = tf.nn.swish(x)",
    "tf.clip_by_value": "x = tf.clip_by_value(x, 0.0, 6.0)",
    "tf.add": "x = tf.add(layers.Conv2D(4, 1)(x), x)",
    "tf.concat": "x = tf.concat([layers.Conv2D(4, 1)(x), x], axis=-1)",
    "tf.reshape": "x = tf.reshape(x, [-1, 144])",
    "tf.reduce_mean": "x = tf.reduce_mean(x, axis=[1, 2])",
    "tf.image.resize": "x = tf.image.resize(x, [4, 4])",
    "tf.pad": "x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])",
    "tf.sign": "x = tf.sign(x)",
    "tf.math.sign": "x = tf.math.sign(x)",
    "tf.pad(ones)": "x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0)",
    "tf.pad(reflect)": "x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode='REFLECT')",
    "tf.transpose": "x = tf.transpose(x, [0, 2, 1, 3])",
    "tf.split": "x, y = tf.split(x, 2, axis=-1)\nx = layers.Concatenate()([y, x])",
    "tf.nn.depth_to_space": "x = tf.nn.depth_to_space(x, 2)",
    "tf.squeeze": "x = tf.squeeze(layers.GlobalAveragePooling2D(keepdims=True)(x), [1, 2])",
    "tf.expand_dims": "x = tf.expand_dims(layers.GlobalAveragePooling2D()(x), 1)",
    "x+y": "x = layers.Conv2D(4, 1)(x) + x",
    "x-y": "x = layers.Conv2D(4, 1)(x) - x",
    "x*y": "x = layers.Conv2D(4, 1)(x) * x",
    "x*2": "x = x * 2.0",
    "x/2": "x = x / 2.0",
    "x+1": "x = x + 1.0",
    "slice": "x = x[:, 1:, 1:]",
    "ops.sign": "x = keras.ops.sign(x)",
    "ops.square": "x = keras.ops.square(x)",
    "ops.exp": "x = keras.ops.exp(x)",
    "ops.round": "x = keras.ops.round(x)",
    "ops.pad": "x = keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])",
    "ops.pad(ones)": "x = keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0)",
    "ops.relu": "x = keras.ops.relu(x)",
    "ops.relu6": "x = keras.ops.relu6(x)",
    "ops.concatenate": "x = keras.ops.concatenate([layers.Conv2D(4, 1)(x), x])",
    "ops.mean": "x = keras.ops.mean(x, axis=(1, 2))",
    "ops.reshape": "x = keras.ops.reshape(x, (-1, 144))",
    "keras.activations.relu": "x = keras.activations.relu(x)",
    "keras.activations.relu6": "x = keras.activations.relu(x, max_value=6.0)",
    # Hand-written activations and blocks.
    "swish_multiply": "x = layers.Multiply()([x, layers.Activation('sigmoid')(x)])",
    "swish_operator": "x = x * tf.nn.sigmoid(x)",
    "hard_swish_tf": "x = x * tf.nn.relu6(x + 3.0) / 6.0",
    "hard_swish_times": "x = x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0)",
    "hard_swish_layers": "y = layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)\n"
    "x = layers.Multiply()([x, y])",
    "hard_sigmoid_tf": "x = tf.nn.relu6(x + 3.0) / 6.0",
    "hard_sigmoid_layer": "x = layers.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)",
    "squeeze_excite": "y = layers.GlobalAveragePooling2D()(x)\n"
    "y = layers.Reshape((1, 1, 4))(y)\n"
    "y = layers.Dense(2, activation='relu')(y)\n"
    "y = layers.Dense(4, activation='sigmoid')(y)\n"
    "x = layers.Multiply()([x, y])",
    "squeeze_excite_conv": "y = layers.GlobalAveragePooling2D(keepdims=True)(x)\n"
    "y = layers.Conv2D(2, 1, activation='relu')(y)\n"
    "y = layers.Conv2D(4, 1, activation='sigmoid')(y)\n"
    "x = layers.Multiply()([x, y])",
    "residual": "y = layers.Conv2D(4, 3, padding='same')(x)\n"
    "y = layers.BatchNormalization()(y)\n"
    "y = layers.ReLU()(y)\n"
    "y = layers.Conv2D(4, 3, padding='same')(y)\n"
    "y = layers.BatchNormalization()(y)\n"
    "x = layers.ReLU()(layers.Add()([x, y]))",
    "inverted_residual": "y = layers.Conv2D(8, 1, use_bias=False)(x)\n"
    "y = layers.BatchNormalization()(y)\n"
    "y = layers.ReLU(6.0)(y)\n"
    "y = layers.DepthwiseConv2D(3, padding='same', use_bias=False)(y)\n"
    "y = layers.BatchNormalization()(y)\n"
    "y = layers.ReLU(6.0)(y)\n"
    "y = layers.Conv2D(4, 1, use_bias=False)(y)\n"
    "y = layers.BatchNormalization()(y)\n"
    "x = layers.Add()([x, y])",
    "nested_model": "i = keras.Input((8, 8, 4))\n"
    "o = layers.ReLU()(layers.Conv2D(4, 3)(i))\n"
    "x = keras.Model(i, o)(x)",
    "nested_sequential": "x = keras.Sequential([layers.Conv2D(4, 3), layers.ReLU()])(x)",
    # Layers of one's own.
    "own_sign": "@tf.custom_gradient\n"
    "def sign(t):\n"
    "    return tf.sign(tf.sign(t) + 0.1), lambda gradient: gradient\n"
    "class Sign(layers.Layer):\n"
    "    def call(self, t):\n"
    "        return sign(t)\n"
    "keras.utils.get_custom_objects()['Sign'] = Sign\n"
    "x = Sign()(x)",
    "own_padded_conv": "class PaddedConv(layers.Conv2D):\n"
    "    def call(self, t):\n"
    "        t = tf.pad(t, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0)\n"
    "        return super().call(t)\n"
    "keras.utils.get_custom_objects()['PaddedConv'] = PaddedConv\n"
    "x = PaddedConv(4, 3)(x)",
    "own_binary_conv": "class BinaryConv(layers.Conv2D):\n"
    "    def call(self, t):\n"
    "        t = tf.nn.conv2d(t, tf.sign(self.kernel), 1, 'VALID')\n"
    "        return tf.nn.bias_add(t, self.bias)\n"
    "keras.utils.get_custom_objects()['BinaryConv'] = BinaryConv\n"
    "x = BinaryConv(4, 3)(x)",
    "own_dense": "class Linear(layers.Layer):\n"
    "    def build(self, shape):\n"
    "        self.w = self.add_weight(name='w', shape=(shape[-1], 4))\n"
    "        self.b = self.add_weight(name='b', shape=(4,))\n"
    "    def call(self, t):\n"
    "        return tf.matmul(t, self.w) + self.b\n"
    "keras.utils.get_custom_objects()['Linear'] = Linear\n"
    "x = Linear()(x)",
    "own_relu_conv": "class ReluConv(layers.Conv2D):\n"
    "    def call(self, t):\n"
    "        return tf.nn.relu(super().call(t))\n"
    "keras.utils.get_custom_objects()['ReluConv'] = ReluConv\n"
    "x = ReluConv(4, 3)(x)",
    "lambda_sign": "layers.Lambda(tf.sign)",
    "shared_conv": "f = layers.Conv2D(4, 3, padding='same')\nx = layers.Add()([f(x), f(f(x))])",
}

_EXPRESSIONS = {
    "tf.sign": "tf.sign(x)",
    "tf.abs": "tf.abs(x)",
    "tf.exp": "tf.exp(x)",
    "tf.math.log": "tf.math.log(tf.abs(x) + 1.0)",
    "tf.sqrt": "tf.sqrt(tf.abs(x))",
    "tf.math.rsqrt": "tf.math.rsqrt(tf.abs(x) + 1.0)",
    "tf.square": "tf.square(x)",
    "tf.pow": "tf.pow(x, 3.0)",
    "tf.round": "tf.round(x)",
    "tf.floor": "tf.floor(x)",
    "tf.negative": "tf.negative(x)",
    "tf.tanh": "tf.tanh(x)",
    "tf.sin": "tf.sin(x)",
    "tf.maximum": "tf.maximum(x, 0.5)",
    "tf.minimum": "tf.minimum(x, 0.5)",
    "tf.reduce_max": "tf.reduce_max(x, axis=[1, 2])",
    "tf.reduce_min": "tf.reduce_min(x, axis=[1, 2])",
    "tf.reduce_sum": "tf.reduce_sum(x, axis=[1, 2])",
    "tf.reduce_mean": "tf.reduce_mean(x, axis=[1, 2])",
    "tf.math.reduce_std": "tf.math.reduce_std(x, axis=[1, 2])",
    "tf.nn.relu": "tf.nn.relu(x)",
    "tf.nn.softplus": "tf.nn.softplus(x)",
    "tf.nn.l2_normalize": "tf.nn.l2_normalize(x, -1)",
    "tf.nn.local_response_normalization": "tf.nn.local_response_normalization(x)",
    "tf.nn.max_pool2d": "tf.nn.max_pool2d(x, 2, 2, 'VALID')",
    "tf.nn.avg_pool2d": "tf.nn.avg_pool2d(x, 2, 2, 'VALID')",
    "tf.nn.space_to_depth": "tf.nn.space_to_depth(x, 2)",
    "tf.pad_zeros": "tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])",
    "tf.pad_ones": "tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=1.0)",
    "tf.pad_reflect": "tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], 'REFLECT')",
    "tf.stack": "tf.stack([x, x], axis=1)",
    "tf.tile": "tf.tile(x, [1, 2, 2, 1])",
    "tf.reverse": "tf.reverse(x, [1])",
    "tf.gather": "tf.gather(x, [0, 2], axis=-1)",
    "tf.matmul": "tf.matmul(x, x, transpose_b=True)",
    "tf.where": "tf.where(x > 0.0, x, 0.5 * x)",
    "tf.cast": "tf.cast(x, tf.float32)",
    "tf.identity": "tf.identity(x)",
    "tf.stop_gradient": "tf.stop_gradient(x)",
    "tf.pow_2": "tf.pow(x, 2.0)",
    "x**2": "x ** 2",
    "-x": "-x",
    "x>0": "x * tf.cast(x > 0.0, tf.float32)",
    "tf.concat": "tf.concat([x, x], -1)",
    "tf.norm": "tf.norm(x, axis=-1)",
    "tf.math.reduce_variance": "tf.math.reduce_variance(x, axis=[1, 2])",
    "tf.cumsum": "tf.cumsum(x, axis=1)",
    "tf.roll": "tf.roll(x, 1, axis=1)",
    "tf.math.erf": "tf.math.erf(x)",
    "tf.math.divide": "x / tf.exp(x)",
    "tf.clip_by_value": "tf.clip_by_value(x, 0.0, 1.0)",
    "tf.nn.elu": "tf.nn.elu(x)",
    "tf.reshape_dynamic": "tf.reshape(x, (tf.shape(x)[0], -1))",
    "tf.image.resize_nearest": "tf.image.resize(x, (12, 12), method='nearest')",
    "tf.image.resize_dynamic": "tf.image.resize(x, tf.shape(x)[1:3] * 2)",
}
"""Functions that are measured within an own layer, `call(tf.sign)`: Keras 3 takes them there."""

_ACTIVATED = {
    "conv": "layers.Conv2D(4, 3, activation={})",
    "conv_column": "layers.Conv2D(4, (4, 1), activation={})",
    "dw": "layers.DepthwiseConv2D(3, activation={})",
    "dense": "layers.Dense(4, activation={})",
    "transpose": "layers.Conv2DTranspose(4, 3, activation={})",
    "separable": "layers.SeparableConv2D(4, 3, activation={})",
    "conv1d": "layers.Conv1D(4, 3, activation={})",
    "act": "layers.Activation({})",
}
"""Words that take an activation in parentheses: `conv(relu)`, `act(tf.nn.relu6)`."""

_OWN = (
    "class Own(layers.Layer):\n"
    "    def call(self, x):\n"
    "        return {}\n"
    "keras.utils.get_custom_objects()['Own'] = Own\n"
    "x = Own()(x)"
)
FUNCTIONS_IN_CALL = tuple(f"call({name})" for name in _EXPRESSIONS)
"""A layer of one's own for each function."""


def code(word: str) -> str:
    """The statements that a word of a pattern's name stands for. Raises `KeyError`."""
    text = _LAYERS.get(word)
    if text is None:
        head, _, activation = word.removesuffix(")").partition("(")
        if head == "call":
            return _OWN.format(_EXPRESSIONS[activation])
        text = _ACTIVATED[head].format(
            activation if activation.startswith("tf.") else repr(activation)
        )
    return f"x = {text}(x)" if text.startswith("layers.") else text
