"""The programs around `quantize_model` that are measured, see `tfmot.py`.

Each is a whole program but for `HEADER`. What it found is the text `said` that it leaves, or
nothing where it is enough that it runs.
"""

from __future__ import annotations

from collections.abc import Mapping

HEADER = """import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot

images = np.random.RandomState(0).rand(4, 8, 8, 3).astype("float32")
labels = np.random.RandomState(1).rand(4, 2).astype("float32")

"""
_BUILD = """
def build():
    return tf.keras.Sequential([
        tf.keras.layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(2),
    ])

"""
_MODEL = _BUILD + "model = build()\n"
_QUANTIZED = _MODEL + "quantized = tfmot.quantization.keras.quantize_model(model)\n"
_ANNOTATED = _MODEL + "annotated = tfmot.quantization.keras.quantize_annotate_model(model)\n"
_FIT = """quantized.compile("sgd", "mse")
quantized.fit(images, labels, verbose=0)
"""
_SAME = """said = "same outputs" if np.allclose(quantized.predict(images), again.predict(images)) else "others"
"""  # noqa: E501
_WRAPPERS = """wrapped = any("Quantize" in type(layer).__name__ for layer in {}.layers)
said = "quantized" if wrapped else "not quantized"
"""
_BEFORE = """before = quantized.predict(images)
"""
_AFTER = """after = quantized.predict(images)
said = "the weights stay" if np.allclose(before, after) else "the weights change"
"""
_OTHERS = """
other = build()
other.set_weights([weights + 1 for weights in model.get_weights()])
"""
_POLICY = "tf.keras.mixed_precision.set_global_policy({!r})\n"
_OLD_POLICY = "tf.keras.mixed_precision.experimental.set_policy({!r})\n"
_SCOPE = "with tfmot.quantization.keras.quantize_scope():\n    "

_NET = """
class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


net = Net()
net(images)
"""

_PLAIN_LAYER = """
class Twice(tf.keras.layers.Layer):
    def call(self, x):
        return x * 2.0


layer = Twice()
"""
_LAYER_WITHOUT_CONFIG = """
class Times(tf.keras.layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return x * self.factor


layer = Times(2.0)
"""
_LAYER_WITH_CONFIG = """
class Times(tf.keras.layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


layer = Times(2.0)
"""
_KEEP_FLOAT = """
class KeepFloat(tfmot.quantization.keras.QuantizeConfig):
    def get_weights_and_quantizers(self, layer):
        return []

    def get_activations_and_quantizers(self, layer):
        return []

    def set_quantize_weights(self, layer, quantize_weights):
        pass

    def set_quantize_activations(self, layer, quantize_activations):
        pass

    def get_output_quantizers(self, layer):
        return []

    def get_config(self):
        return {}

"""
_MARKED = """
annotate = tfmot.quantization.keras.quantize_annotate_layer
annotated = tf.keras.Sequential([
    tf.keras.layers.Dense(4, input_shape=(8,)),
    annotate(layer, KeepFloat()),
])
"""
_MARKED_DENSE = _MARKED.replace("annotate(layer,", "annotate(tf.keras.layers.Dense(2),")
_MARKED_PART = """
annotate = tfmot.quantization.keras.quantize_annotate_layer
annotated = tf.keras.Sequential([
    tf.keras.layers.Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)),
    tf.keras.layers.Flatten(),
    annotate(tf.keras.layers.Dense(2)),
])
"""
_APPLY = "quantized = tfmot.quantization.keras.quantize_apply(annotated)\n"


def _scoped(names: str, scope: str = "tfmot.quantization.keras.quantize_scope") -> str:
    return f"with {scope}({{{names}}}):\n    {_APPLY}"


_ITS_NAMES = '"KeepFloat": KeepFloat, "{0}": {0}'

CASES: Mapping[str, str] = {
    # QL205
    "subclassed": _NET + "quantized = tfmot.quantization.keras.quantize_model(net)\n",
    "subclassed, annotated": _NET + "tfmot.quantization.keras.quantize_annotate_model(net)\n",
    # QL211
    **{
        f"{policy} before the model": _POLICY.format(policy) + _QUANTIZED
        for policy in ("mixed_float16", "mixed_bfloat16", "float16")
    },
    **{
        f"{policy} before quantize_model": _MODEL
        + _POLICY.format(policy)
        + "quantized = tfmot.quantization.keras.quantize_model(model)\n"
        for policy in ("mixed_float16", "mixed_bfloat16", "float16")
    },
    "mixed_float16 before annotating": _POLICY.format("mixed_float16") + _ANNOTATED,
    "mixed_float16 before applying": _ANNOTATED + _POLICY.format("mixed_float16") + _APPLY,
    "mixed_float16 before annotating, and back": _POLICY.format("mixed_float16")
    + _ANNOTATED
    + _POLICY.format("float32")
    + _APPLY,
    "mixed_float16, and back": _POLICY.format("mixed_float16")
    + "teacher = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(8,))])\n"
    + _POLICY.format("float32")
    + _QUANTIZED,
    "experimental mixed_float16 before the model": _OLD_POLICY.format("mixed_float16") + _QUANTIZED,
    # QL212
    "float model loads afterwards": _MODEL
    + _OTHERS
    + 'other.save_weights("float.h5")\n'
    + "quantized = tfmot.quantization.keras.quantize_model(model)\n"
    + _BEFORE
    + 'model.load_weights("float.h5")\n'
    + _AFTER
    + "converter = tf.lite.TFLiteConverter.from_keras_model(quantized)\n",
    "float model loads before": _MODEL
    + _OTHERS
    + 'other.save_weights("float.h5")\n'
    + 'model.load_weights("float.h5")\n'
    + "quantized = tfmot.quantization.keras.quantize_model(model)\n"
    + "said = 'same outputs' if np.allclose(other.predict(images), model.predict(images)) "
    + "else 'others'\n",
    "quantized model loads float HDF5": _QUANTIZED
    + 'model.save_weights("float.h5")\n'
    + 'quantized.load_weights("float.h5")\n',
    "quantized model loads float HDF5 by name": _QUANTIZED
    + "model.set_weights([weights + 1 for weights in model.get_weights()])\n"
    + 'model.save_weights("float.h5")\n'
    + _BEFORE
    + 'quantized.load_weights("float.h5", by_name=True)\n'
    + _AFTER,
    "quantized model loads float checkpoint": _QUANTIZED
    + "model.set_weights([weights + 1 for weights in model.get_weights()])\n"
    + 'model.save_weights("float")\n'
    + _BEFORE
    + 'quantized.load_weights("float")\n'
    + _AFTER,
    "quantized model loads its own HDF5": _QUANTIZED
    + 'quantized.save_weights("own.h5")\n'
    + 'quantized.load_weights("own.h5")\n',
    # QL213
    "annotated, trained": _ANNOTATED
    + 'annotated.compile("sgd", "mse")\n'
    + "annotated.fit(images, labels, verbose=0)\n"
    + "kept = sum('min' in each.name or 'max' in each.name for each in annotated.weights)\n"
    + 'said = "learned ranges" if kept else "no learned ranges"\n',
    "annotated, applied, trained": _ANNOTATED
    + _APPLY
    + _FIT
    + "kept = sum('min' in each.name or 'max' in each.name for each in quantized.weights)\n"
    + 'said = "learned ranges" if kept else "no learned ranges"\n',
    "annotated in part, applied": _MARKED_PART + _APPLY + _WRAPPERS.format("quantized"),
    # QL214
    "HDF5, loaded": _QUANTIZED
    + 'quantized.save("q.h5")\n'
    + 'again = tf.keras.models.load_model("q.h5")\n'
    + _SAME,
    "HDF5, loaded in scope": _QUANTIZED
    + 'quantized.save("q.h5")\n'
    + _SCOPE
    + 'again = tf.keras.models.load_model("q.h5")\n'
    + _SAME,
    "HDF5, trained, loaded in scope": _QUANTIZED
    + _FIT
    + 'quantized.save("q.h5")\n'
    + _SCOPE
    + 'again = tf.keras.models.load_model("q.h5")\n'
    + _SAME,
    "Keras file, loaded": _QUANTIZED
    + 'quantized.save("q.keras")\n'
    + 'again = tf.keras.models.load_model("q.keras")\n'
    + _SAME,
    "Keras file, loaded in scope": _QUANTIZED
    + 'quantized.save("q.keras")\n'
    + _SCOPE
    + 'again = tf.keras.models.load_model("q.keras")\n'
    + _SAME,
    "SavedModel, loaded": _QUANTIZED
    + 'quantized.save("folder", save_format="tf")\n'
    + 'again = tf.keras.models.load_model("folder")\n'
    + _SAME,
    "SavedModel, loaded in scope": _QUANTIZED
    + 'quantized.save("folder", save_format="tf")\n'
    + _SCOPE
    + 'again = tf.keras.models.load_model("folder")\n'
    + _SAME,
    "cloned": _QUANTIZED + "again = tf.keras.models.clone_model(quantized)\n",
    "cloned in scope": _QUANTIZED
    + _SCOPE
    + "again = tf.keras.models.clone_model(quantized)\n"
    + _WRAPPERS.format("again"),
    # QL215, and what is right with Keras 2
    "quantized": _QUANTIZED + _WRAPPERS.format("quantized"),
    # QL216
    "trained without compile": _QUANTIZED + "quantized.fit(images, labels, verbose=0)\n",
    "evaluated without compile": _QUANTIZED + "quantized.evaluate(images, labels, verbose=0)\n",
    "compiled before, trained": _MODEL
    + 'model.compile("sgd", "mse")\n'
    + "quantized = tfmot.quantization.keras.quantize_model(model)\n"
    + "quantized.fit(images, labels, verbose=0)\n",
    "applied, trained without compile": _ANNOTATED
    + _APPLY
    + "quantized.fit(images, labels, verbose=0)\n",
    "compiled afterwards": _QUANTIZED + _FIT,
    "predicts without compile": _QUANTIZED + "quantized.predict(images)\n",
    # QL217
    "config out of scope": _KEEP_FLOAT + _MARKED_DENSE + _APPLY,
    "config in scope": _KEEP_FLOAT + _MARKED_DENSE + _scoped('"KeepFloat": KeepFloat'),
    "config in custom_object_scope": _KEEP_FLOAT
    + _MARKED_DENSE
    + _scoped('"KeepFloat": KeepFloat', "tf.keras.utils.custom_object_scope"),
    "config registered": _KEEP_FLOAT
    + _MARKED_DENSE
    + 'tf.keras.utils.get_custom_objects()["KeepFloat"] = KeepFloat\n'
    + _APPLY,
    "layer out of scope": _KEEP_FLOAT + _PLAIN_LAYER + _MARKED + _scoped('"KeepFloat": KeepFloat'),
    "layer in scope": _KEEP_FLOAT + _PLAIN_LAYER + _MARKED + _scoped(_ITS_NAMES.format("Twice")),
    "layer without get_config": _KEEP_FLOAT
    + _LAYER_WITHOUT_CONFIG
    + _MARKED
    + _scoped(_ITS_NAMES.format("Times")),
    "layer with get_config": _KEEP_FLOAT
    + _LAYER_WITH_CONFIG
    + _MARKED
    + _scoped(_ITS_NAMES.format("Times")),
    "layer with get_config out of scope": _KEEP_FLOAT + _LAYER_WITH_CONFIG + _MARKED + _APPLY,
    # QL218
    "not built": "model = tf.keras.Sequential([tf.keras.layers.Dense(2)])\n"
    "quantized = tfmot.quantization.keras.quantize_model(model)\n",
    "not built, annotated": "model = tf.keras.Sequential([tf.keras.layers.Dense(2)])\n"
    "annotated = tfmot.quantization.keras.quantize_annotate_model(model)\n",
    "not built, annotated, applied": "model = tf.keras.Sequential([tf.keras.layers.Dense(2)])\n"
    "annotated = tfmot.quantization.keras.quantize_annotate_model(model)\n" + _APPLY,
    "built": "model = tf.keras.Sequential([tf.keras.layers.Dense(2)])\n"
    "model.build((None, 8))\n"
    "quantized = tfmot.quantization.keras.quantize_model(model)\n",
    "called": "model = tf.keras.Sequential([tf.keras.layers.Dense(2)])\n"
    "model(images[:, 0, 0])\n"
    "quantized = tfmot.quantization.keras.quantize_model(model)\n",
    "begins with Input": "model = tf.keras.Sequential()\n"
    "model.add(tf.keras.Input((8,)))\n"
    "model.add(tf.keras.layers.Dense(2))\n"
    "quantized = tfmot.quantization.keras.quantize_model(model)\n",
}
"""By name the program, of which rules in the order of their codes."""
