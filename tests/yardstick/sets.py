"""The published architectures that the tracer is measured on."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

MODULES = ("backend", "layers", "models", "utils")
"""The modules that older packages are handed as keyword arguments."""


@dataclass(frozen=True)
class Model:
    """One builder and its arguments."""

    name: str
    module: str
    """Dotted name of the file that defines the builder."""
    builder: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    """JSON values, or `{"module": "tf_keras.layers"}` for a module."""


@dataclass(frozen=True, eq=False)
class Package:
    """A package on PyPI, or one that TensorFlow's interpreter has."""

    name: str
    package: str
    """Dotted name of the folder that is looked at."""
    requirements: tuple[str, ...] = ()
    """What to install, without dependencies; empty where the interpreter has it."""


@dataclass(frozen=True, eq=False)
class ModelSet(Package):
    """Models of one package, built by one Keras."""

    keras: Literal["tf_keras", "keras"] = "tf_keras"
    models: str = "*.py"
    """Glob of the files with builders, below the package's folder."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Arguments of every builder."""
    variants: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Builder and further arguments; empty for every constructor that needs no others."""
    environment: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    """Modules that the package imports but doesn't need for building."""

    def list(self, site: Path) -> list[Model]:
        """The models, of the package installed in folder `site`."""
        found = []
        for path in sorted((site / self.package.replace(".", "/")).glob(self.models)):
            module = ".".join(path.relative_to(site).with_suffix("").parts)
            for name, required in _builders(path):
                if not self.variants and not required and name[0].isupper():
                    found.append(Model(name, module, name, self.kwargs))
                for builder, kwargs in self.variants:
                    if builder == name:
                        label = " ".join([name, *_labels(kwargs)])
                        found.append(Model(label, module, name, {**self.kwargs, **kwargs}))
        taken = Counter(model.name for model in found)
        return [
            replace(model, name=f"{model.name} ({model.module.rpartition('.')[2]})")
            if taken[model.name] > 1
            else model
            for model in found
        ]


def _labels(kwargs: dict[str, Any]) -> Iterator[str]:
    yield from (value for value in kwargs.values() if isinstance(value, str))


def _builders(path: Path) -> Iterator[tuple[str, Sequence[str]]]:
    """Public functions of a file that could build a model, and their required parameters."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            arguments = node.args
            every = [a.arg for a in (*arguments.args, *arguments.kwonlyargs)]
            if not any(name in every for name in ("weights", "n_labels", "encoder_weights")):
                continue
            bare = len(arguments.args) - len(arguments.defaults)
            yield node.name, [argument.arg for argument in arguments.args[:bare]]


_INJECTED = {name: {"module": f"tf_keras.{name}"} for name in MODULES}
_UNET = {"input_size": [128, 128, 3], "n_labels": 2}
_FILTERS = {"filter_num": [16, 32, 64, 128]}

_LEGACY = {"TF_USE_LEGACY_KERAS": "1"}
_UNETS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("unet_2d", _FILTERS),
    ("unet_2d", {**_FILTERS, "batch_norm": True, "pool": False, "unpool": "nearest",
                 "activation": "GELU", "output_activation": "Sigmoid"}),
    ("unet_2d", {"filter_num": [64, 128, 256, 512, 512], "backbone": "VGG16", "weights": None}),
    ("vnet_2d", {**_FILTERS, "unpool": False}),
    ("unet_plus_2d", {**_FILTERS, "deep_supervision": True}),
    ("r2_unet_2d", {**_FILTERS, "batch_norm": True}),
    ("att_unet_2d", {**_FILTERS, "attention": "multiply"}),
    ("resunet_a_2d", {**_FILTERS, "dilation_num": [1, 3, 15, 31]}),
    ("u2net_2d", {"filter_num_down": [16, 32, 64, 128]}),
    ("unet_3plus_2d", {"filter_num_down": [16, 32, 64, 128], "deep_supervision": True}),
    ("transunet_2d", {**_FILTERS, "embed_dim": 32, "num_mlp": 64, "num_heads": 2,
                      "num_transformer": 2}),
    ("swin_unet_2d", {"filter_num_begin": 32, "depth": 3, "stack_num_down": 2, "stack_num_up": 2,
                      "patch_size": [2, 2], "num_heads": [4, 4, 4], "window_size": [4, 2, 2],
                      "num_mlp": 64}),
)  # fmt: skip
_SEGMENTATION: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Unet", {"backbone_name": "vgg16", "decoder_block_type": "transpose"}),
    ("Unet", {"backbone_name": "resnet34"}),
    ("Unet", {"backbone_name": "efficientnetb0"}),
    ("FPN", {"backbone_name": "mobilenetv2"}),
    ("FPN", {"backbone_name": "seresnet18"}),
    ("Linknet", {"backbone_name": "densenet121"}),
    ("Linknet", {"backbone_name": "inceptionv3"}),
    ("PSPNet", {"backbone_name": "resnext50"}),
)
_EFFICIENTNET = ("efficientnet==1.1.1", "keras-applications==1.0.8")
_LARQ = ("larq-zoo==2.4.0", "larq==0.14.0", "zookeeper==1.4.0", "terminaltables", "typeguard>=4")

SETS: tuple[ModelSet, ...] = (
    ModelSet("tf_keras.applications 2.21", "tf_keras.src.applications", kwargs={"weights": None}),
    ModelSet(
        "keras.applications 3.15",
        "keras.src.applications",
        keras="keras",
        kwargs={"weights": None},
    ),
    ModelSet(
        "keras-applications 1.0.8",
        "keras_applications",
        ("keras-applications==1.0.8",),
        kwargs={"weights": None, **_INJECTED},
    ),
    ModelSet(
        "efficientnet 1.1.1",
        "efficientnet",
        _EFFICIENTNET,
        models="model.py",
        kwargs={"weights": None, **_INJECTED},
    ),
    ModelSet(
        "keras-unet-collection 0.1.13",
        "keras_unet_collection",
        ("keras-unet-collection==0.1.13", "pillow"),
        models="_model_*.py",
        kwargs=_UNET,
        variants=_UNETS,
        environment=_LEGACY,
    ),
    ModelSet(
        "segmentation-models 1.0.1",
        "segmentation_models",
        ("segmentation-models==1.0.1", "image-classifiers==1.0.0", *_EFFICIENTNET),
        models="models/*.py",
        kwargs={"encoder_weights": None, **_INJECTED},
        variants=_SEGMENTATION,
        environment={"SM_FRAMEWORK": "tf.keras", **_LEGACY},
        absent=("skimage", "skimage.transform"),
    ),
    ModelSet(
        "larq-zoo 2.4.0",
        "larq_zoo",
        (*_LARQ, "click", "pillow"),
        models="[ls]*/*.py",
        kwargs={"weights": None},
        environment=_LEGACY,
        absent=("tensorflow_datasets", "matplotlib"),
    ),
)
"""Packages whose builders can be run."""

COVERED: tuple[Package, ...] = (
    Package("tf-models-official 2.20", "official", ("tf-models-official==2.20.0",)),
    Package("keras-hub 0.32", "keras_hub", ("keras-hub==0.32.0",)),
    *SETS,
)
"""Packages of which it is counted what the tracer reaches."""
