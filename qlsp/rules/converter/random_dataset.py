"""QL305 random-representative-dataset."""

from __future__ import annotations

from collections.abc import Iterator

from qlsp.diagnostic import Severity
from qlsp.rules.calls import CallFinding, CallRule, Effect, Usage, told
from qlsp.rules.converter.conversion import conversions
from qlsp.rules.converter.samples import dataset
from qlsp.rules.rule import Case
from qlsp.source.span import Site, Span

_EFFECT = Effect("the ranges of activations are those of noise", Severity.INFORMATION)


class RandomRepresentativeDataset(CallRule):
    """The representative dataset is random noise.

    ## What it does
    Finds representative datasets that yield nothing but random numbers of NumPy or TensorFlow.

    ## Why it matters
    The converter takes the ranges of all activations from this data. Measured on TF 2.21 on a
    network of three convolutions for images between 0 and 1, as the mean difference of the int8
    outputs to those in float:

    | 100 samples of | mean error |
    | --- | --- |
    | training images | 0.025 |
    | uniform noise from 0 to 1 | 0.031 |
    | normal noise | 0.098 |
    | uniform noise from 0 to 255 | 6.3 |
    | zeros | 5.4 |

    So noise does little harm where it happens to have the range of the data, and makes the model
    useless where it doesn't. It is information, as the source doesn't tell the range of the data.

    ## How to fix it
    Yield about a hundred examples of the training data, prepared as for training.

    ## When it does not apply
    Where only the speed or the size of the model is of interest, as in a test of a device. For
    float16 weights the data is not read.

    ## References
    - [tensorflow #52357](https://github.com/tensorflow/tensorflow/issues/52357)
    """

    code = "QL305"
    name = "random-representative-dataset"
    applicability = None
    workflows = ("ptq",)
    bad = (
        Case(
            "noise",
            """
            import tensorflow as tf


            def representative_dataset():
                for _ in range(100):
                    yield [tf.random.uniform((1, 224, 224, 3))]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            tflite = converter.convert()
            """,
            workflows=("ptq",),
        ),
    )
    good = (
        Case(
            "a random choice of real images",
            """
            import tensorflow as tf
            import numpy as np


            def representative_dataset():
                for index in np.random.permutation(len(images))[:100]:
                    yield [images[index][None]]


            converter = tf.lite.TFLiteConverter.from_saved_model("exported")
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = representative_dataset
            tflite = converter.convert()
            """,
            workflows=("ptq",),
        ),
    )

    def check_calls(self, usage: Usage) -> Iterator[CallFinding]:
        """Every dataset of noise."""
        for each in conversions(usage):
            given = dataset(each)
            if given is None or not each.optimizes or each.makes_float16 is not False:
                continue
            samples = list(given.samples)
            listed = [given.arrays(sample) or [sample] for sample in samples]
            arrays = [given.reader.array(node) for nodes in listed for node in nodes]
            if not arrays or not all(array is not None and array.random for array in arrays):
                continue
            found = told(each.toolchains, _EFFECT)
            if found is not None:
                site = Site(usage.document.path, Span.of(samples[0]))
                message = f"The representative dataset is random noise: {found.text}"
                yield CallFinding(each.call, message, found, site)
