"""The public models that are converted: packages, builders, smallest inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Published:
    """A model that a public package builds."""

    package: str
    """As it is installed: `keras-unet-collection`."""
    module: str
    call: str
    """What to call in `module`, with random weights and a small input."""
    keras: Literal[2, 3] = 2

    @property
    def name(self) -> str:
        """What identifies it, as a file name too."""
        words = re.findall(r"\w+", self.call)
        return "-".join([self.module, *words])[:100]

    @property
    def title(self) -> str:
        """What it is called in tables: the function that makes it."""
        words = re.findall(r"\w+", self.call)
        return str(words[2] if words[:2] == ["Classifiers", "get"] else words[0])

    @property
    def source(self) -> str:
        """A file with a function `build` that makes it."""
        function = self.call.partition("(")[0].partition(".")[0]
        return f"from {self.module} import {function}\n\n\ndef build():\n    return {self.call}\n"


def _applications() -> tuple[Published, ...]:
    pixels = {
        **dict.fromkeys(("MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large"), 32),
        **dict.fromkeys(("VGG16", "EfficientNetB0", "ResNet50", "DenseNet121", "ResNet50V2"), 32),
        **dict.fromkeys(("EfficientNetV2B0", "ConvNeXtTiny", "RegNetX002", "RegNetY002"), 32),
        **dict.fromkeys(("InceptionV3", "InceptionResNetV2"), 75),
        "ResNetRS50": 32,
        "Xception": 71,
        "NASNetMobile": 32,
    }
    return tuple(
        Published(
            "tf_keras",
            "tf_keras.applications",
            f"{name}(weights=None, input_shape=({size}, {size}, 3)"
            f"{', include_top=False' if name == 'NASNetMobile' else ''})",
        )
        for name, size in pixels.items()
    )


def _keras_3() -> tuple[Published, ...]:
    names = ("MobileNetV2", "MobileNetV3Small", "EfficientNetB0", "ResNet50V2", "ConvNeXtTiny")
    call = "(weights=None, input_shape=(32, 32, 3))"
    return tuple(Published("keras", "keras.applications", name + call, 3) for name in names)


def _unets() -> tuple[Published, ...]:
    two = "(64, 64, 3), filter_num=[8, 16, 32, 64], n_labels=2"
    calls = (
        f"unet_2d({two})",
        f"unet_2d({two}, batch_norm=True, pool='max', unpool='nearest')",
        f"vnet_2d({two}, batch_norm=True)",
        f"unet_plus_2d({two}, batch_norm=True)",
        f"r2_unet_2d({two}, batch_norm=True)",
        f"att_unet_2d({two}, batch_norm=True)",
        f"resunet_a_2d({two}, dilation_num=[1, 3])",
        "u2net_2d((64, 64, 3), n_labels=2, filter_num_down=[8, 16, 32], batch_norm=True)",
        "unet_3plus_2d((64, 64, 3), n_labels=2, filter_num_down=[8, 16, 32, 64], batch_norm=True)",
    )
    return tuple(
        Published("keras-unet-collection", "keras_unet_collection.models", c) for c in calls
    )


def _more_unets() -> tuple[Published, ...]:
    calls = (
        "custom_unet((64, 64, 3), filters=8, num_layers=3)",
        "custom_unet((64, 64, 3), filters=8, num_layers=3, upsample_mode='simple', "
        "use_attention=True)",
        "satellite_unet((64, 64, 3), num_layers=2)",
    )
    return tuple(Published("keras-unet", "keras_unet.models", call) for call in calls)


def _segmentation() -> tuple[Published, ...]:
    given = "'mobilenetv2', input_shape=(64, 64, 3), encoder_weights=None"
    calls = (f"Unet({given})", f"FPN({given})", f"Linknet({given})")
    pyramid = "PSPNet('mobilenetv2', input_shape=(48, 48, 3), encoder_weights=None)"
    return tuple(
        Published("segmentation-models", "segmentation_models", call) for call in (*calls, pyramid)
    )


def _larq() -> tuple[Published, ...]:
    given = "(input_shape=(64, 64, 3), weights=None)"
    literature = ("BinaryAlexNet", "XNORNet", "BiRealNet", "RealToBinaryNet")
    return (
        *(Published("larq-zoo", "larq_zoo.literature", name + given) for name in literature),
        Published("larq-zoo", "larq_zoo.sota", "QuickNetSmall" + given),
    )


MODELS: tuple[Published, ...] = (
    *_applications(),
    *_keras_3(),
    *_unets(),
    *_more_unets(),
    *_segmentation(),
    Published(
        "keras-efficientnet-v2",
        "keras_efficientnet_v2",
        "EfficientNetV2B0((64, 64, 3), num_classes=10, pretrained=None)",
    ),
    Published(
        "efficientnet",
        "efficientnet.tfkeras",
        "EfficientNetB0(weights=None, input_shape=(32, 32, 3))",
    ),
    *_larq(),
    *(
        Published(
            "image-classifiers",
            "classification_models.tfkeras",
            f"Classifiers.get('{name}')[0](input_shape=(64, 64, 3), weights=None, classes=10)",
        )
        for name in ("resnet18", "resnext50")
    ),
)
