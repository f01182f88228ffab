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
        function = self._function
        return f"from {self.module} import {function}\n\n\ndef build():\n    return {self.call}\n"

    @property
    def program(self) -> str:
        """What a user writes who builds it."""
        keras = "import keras" if self.keras == 3 else "from tensorflow import keras"
        return (
            f"{keras}\nfrom {self.module} import {self._function}\n\n"
            f"model: keras.Model = {self.call}\n"
        )

    @property
    def _function(self) -> str:
        return self.call.partition("(")[0].partition(".")[0]


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
        f"vnet_2d({two}, batch_norm=True, pool=False, unpool=False)",
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
    others = "input_shape=(64, 64, 3), encoder_weights=None"
    calls = (
        *(f"{name}('mobilenetv2', {others})" for name in ("Unet", "FPN", "Linknet")),
        "PSPNet('mobilenetv2', input_shape=(48, 48, 3), encoder_weights=None)",
        f"Unet('resnet18', {others})",
        f"Unet('resnet18', {others}, decoder_block_type='transpose')",
        f"FPN('efficientnetb0', {others})",
        f"Linknet('vgg16', {others})",
        "PSPNet('seresnet18', input_shape=(48, 48, 3), encoder_weights=None)",
    )
    return tuple(Published("segmentation-models", "segmentation_models", call) for call in calls)


def _classifiers() -> tuple[Published, ...]:
    pixels = {"resnet18": 64, "resnext50": 64, "seresnet18": 64, "inceptionv3": 75}
    return tuple(
        Published(
            "image-classifiers",
            "classification_models.tfkeras",
            f"Classifiers.get('{name}')[0](input_shape=({size}, {size}, 3), weights=None, "
            "classes=10)",
        )
        for name, size in pixels.items()
    )


def _attention() -> tuple[Published, ...]:
    """One of each of many families."""
    calls = {
        "efficientnet": "EfficientNetV1Lite0",
        "mobilenetv3_family": "LCNet050",
        "fasternet": "FasterNetT0",
        "ghostnet": "GhostNet_050",
        "vanillanet": "VanillaNet5",
        "resnet_family": "ResNet50D",
        "levit": "LeViT128S",
        "mobilevit": "MobileViT_XXS",
        "yolov8": "YOLOV8_N",
        "repvit": "RepViT_M09",
        "edgenext": "EdgeNeXt_XX_Small",
        "convnext": "ConvNeXtV2Atto",
        "mlp_family": "MLPMixerS32",
        "pvt": "PVT_V2B0",
        "nfnets": "ECA_NFNetL0",
        "efficientdet": "EfficientDetLite0",
        "yolox": "YOLOXNano",
        "uniformer": "UniformerSmall32",
        "resnest": "ResNest50",
    }
    return tuple(
        Published(
            "keras-cv-attention-models",
            f"keras_cv_attention_models.{family}",
            f"{name}(input_shape=(64, 64, 3), num_classes=10, pretrained=None)",
        )
        for family, name in calls.items()
    )


def _others() -> tuple[Published, ...]:
    """One of each of many packages."""
    return (
        Published("mtcnn", "mtcnn.network.rnet", "RNet()"),
        Published("csbdeep", "csbdeep.internals.nets", "common_unet(n_first=8)((64, 64, 1))"),
        Published(
            "keras-tcn",
            "tcn",
            "compiled_tcn(num_feat=4, num_classes=3, nb_filters=8, kernel_size=3, "
            "dilations=[1, 2], nb_stacks=1, max_len=16)",
        ),
        Published("basic-pitch", "basic_pitch.models", "model()"),
        Published("deepface", "deepface.models.facial_recognition.tf.ArcFace", "ResNet34()"),
        Published(
            "deepface", "deepface.models.facial_recognition.tf.Facenet", "InceptionResNetV1()"
        ),
        Published(
            "deepface", "deepface.models.facial_recognition.tf.GhostFaceNet", "GhostFaceNetV1()"
        ),
        Published("keras-ocr", "keras_ocr.detection", "build_keras_model()"),
        Published(
            "keras-ocr",
            "keras_ocr.recognition",
            "build_model(alphabet='abc', height=31, width=200, color=False, "
            "filters=(64, 128, 256, 256, 512, 512, 512), rnn_units=(128, 128), dropout=0.25, "
            "rnn_steps_to_discard=2, pool_size=2, stn=False)[1]",
        ),
        Published(
            "keras-retinanet",
            "keras_retinanet.models.mobilenet",
            "mobilenet_retinanet(3, 'mobilenet128_1.0')",
        ),
        *(
            Published(
                "keras-segmentation",
                f"keras_segmentation.models.{module}",
                f"{name}(3, input_height=64, input_width=64)",
                3,
            )
            for module, name in (("unet", "unet_mini"), ("fcn", "fcn_8"), ("segnet", "segnet"))
        ),
        Published(
            "vit-keras",
            "vit_keras.vit",
            "build_model(image_size=32, patch_size=16, num_layers=2, hidden_size=32, num_heads=2, "
            "mlp_dim=64, name='vit', classes=10)",
            3,
        ),
    )


def _larq() -> tuple[Published, ...]:
    given = "(input_shape=(64, 64, 3), weights=None)"
    larger = "(input_shape=(128, 128, 3), weights=None)"  # else its last images are one pixel
    literature = ("BiRealNet", "RealToBinaryNet")
    return (
        *(Published("larq-zoo", "larq_zoo.literature", name + given) for name in literature),
        Published("larq-zoo", "larq_zoo.literature", "BinaryAlexNet" + larger),
        Published("larq-zoo", "larq_zoo.literature", "XNORNet(weights=None)"),
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
    *_classifiers(),
    *_attention(),
    *_others(),
)
