"""Questions that people have asked about conversions, and what their own code is told."""

from __future__ import annotations

import pytest

from qlsp.settings import Settings
from tests.rules.support import NEWEST, TFMOT_05, TFMOT_06, dedent, fixed, found

MERGE_RELU = """
    import numpy as np
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    from tensorflow.keras import layers

    config = {"eager_mode": True}


    class Classifier:
        def __init__(self, hparams, training_set, validate_set):
            self.hparams = hparams
            self.training_set = training_set
            self.validate_set = validate_set
            self.model = self.get_default_model()

        def get_default_model(self):
            inputs = layers.Input(shape=(64, 1, 1))
            x = layers.Conv2D(self.hparams["channels_count"], kernel_size=(4, 1))(inputs)
            x = layers.ReLU()(x)
            x = layers.Flatten()(x)
            return tf.keras.Model(inputs, layers.Dense(2)(x))

        def learn_qaware(self):
            quantize_model = tfmot.quantization.keras.quantize_model
            self.model = quantize_model(self.model)

            self.model.compile(
                optimizer=self.configure_optimizers(qa_learn=True),
                loss=self.get_LLP_loss(),
                metrics=self.get_metrics(),
                run_eagerly=config["eager_mode"],
            )
            self.model.fit(
                self.training_set,
                epochs=self.hparams["max_epochs"],
                batch_size=1,
                callbacks=self.get_callbacks(qa_learn=True),
            )


    def tflite_convert(classifier):
        output_file = get_tflite_filename(classifier.model_path)

        # Convert the model to the TensorFlow Lite format without quantization
        saved_shape = classifier.model.input.shape.as_list()
        fixed_shape = saved_shape
        fixed_shape[0] = 1
        classifier.model.input.set_shape(fixed_shape)  # Force batch size to 1 for generation
        converter = tf.lite.TFLiteConverter.from_keras_model(classifier.model)
        classifier.model.input.set_shape(saved_shape)

        # Set the optimization flag.
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # Enforce integer only quantization
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
        # Provide a representative dataset to ensure we quantize correctly.
        if config["eager_mode"]:
            tf.executing_eagerly()

        def representative_dataset():
            for x in classifier.validate_set.get_all_inputs():
                rs = x.reshape(1, x.shape[0], 1, 1).astype(np.float32)
                yield ([rs])

        converter.representative_dataset = representative_dataset
        model_tflite = converter.convert()

        # Save the model to disk
        open(output_file, "wb").write(model_tflite)

        return TFLite_model(output_file)


    def main(hparams, training_set, validate_set):
        classifier = Classifier(hparams, training_set, validate_set)
        classifier.learn_qaware()
        return tflite_convert(classifier)
"""
"""How to merge ReLU after quantization aware training, with the asker's own conversion."""


@pytest.mark.parametrize(
    ("toolchain", "expected"), [(TFMOT_05, ["QL102"]), (TFMOT_06, []), (NEWEST, [])]
)
def test_relu_is_to_blame_not_the_conversion(toolchain, expected) -> None:
    """His settings are complete: only the ReLU is named, and only where it isn't fused."""
    chosen = Settings(workflows=("qat",), toolchains=(toolchain,))
    assert [each.code for each in found(MERGE_RELU, chosen)] == expected


def test_without_the_data() -> None:
    """Had he left the data out, `convert` would raise, and the operators need not be named."""
    source = MERGE_RELU.replace("converter.representative_dataset = representative_dataset", "pass")
    chosen = Settings(select=("QL3",), workflows=("qat",), toolchains=(TFMOT_06,))
    (diagnostic,) = found(source, chosen)
    assert diagnostic.code == "QL302"
    assert "`convert` raises" in diagnostic.message
    ops = "    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]\n"
    assert fixed(source, chosen) == dedent(source).replace(ops, "")


DUMMY = """
    import tensorflow as tf

    converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(
        "/tmp/inception_v3_quantized_graph.pb",
        ["input"],
        ["InceptionV3/Predictions/Reshape_1"],
        {"input": [1, 299, 299, 3]},
    )
    converter.inference_type = tf.uint8
    converter.quantized_input_stats = {"input": (128, 127)}
    {ranges}
    tflite = converter.convert()
"""
"""The answer to `lacking min/max data`: "dummy quantization", not for your actual application."""


@pytest.mark.parametrize(
    ("ranges", "expected"), [("pass", []), ("converter.default_ranges_stats = (0, 6)", ["QL309"])]
)
def test_dummy_quantization(ranges: str, expected: list[str]) -> None:
    chosen = Settings(select=("QL3",), toolchains=(NEWEST,))
    diagnostics = found(DUMMY.replace("{ranges}", ranges), chosen)
    assert [each.code for each in diagnostics] == expected
