"""Where a merged model's quantizers stand otherwise than tfmot would put them.

Before 0.6 tfmot quantizes a convolution's output in front of its ReLU too. From 0.6 on its own
`LayerReLUQuantize` leaves that out (and the kernel's quantizer as well, which stays here).

A Dense kernel that a normalization was folded into needs a scale per channel, and tfmot's quantizer
has one for all: the kernel is left to the converter, which quantizes it per channel.
"""

from __future__ import annotations

from typing import Any, Iterable

from .conversion import keras2, tfmot_version

_KERNELS = {"Conv2D": "kernel", "DepthwiseConv2D": "depthwise_kernel", "Dense": "kernel"}


def annotated(model: Any, folded: Iterable[str] = ()) -> Any:
    """`model`, or a copy without its weights, annotated for `quantize_model` where need be.

    `folded` names the layers that take a trained normalization in.
    """
    names = {layer.name for layer in model.layers if _before_relu(layer)}
    tfmot = tuple(int(part) for part in (tfmot_version() or "0").split(".")[:2])
    configs = {}
    for layer in model.layers:
        if layer.name in folded and type(layer).__name__ == "Dense":
            configs[layer.name] = _config(layer, [], ["activation"])
        elif layer.name in names and tfmot < (0, 6):
            configs[layer.name] = _config(layer, [_KERNELS[type(layer).__name__]], [])
    if not configs:
        return model

    def annotate(layer: Any) -> Any:
        if layer.name not in configs:
            return layer
        import tensorflow_model_optimization as tfmot

        return tfmot.quantization.keras.quantize_annotate_layer(layer, configs[layer.name])

    return keras2().models.clone_model(model, clone_function=annotate)


def _config(layer: Any, weights: list[str], activations: list[str]) -> Any:
    from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
        default_8bit_quantize_registry as registry,
    )

    dense = type(layer).__name__ == "Dense"
    cls = registry.Default8BitQuantizeConfig if dense else registry.Default8BitConvQuantizeConfig
    return cls(weights, activations, False)


def _before_relu(layer: Any) -> bool:
    """Whether the layer is linear and only a ReLU takes its output."""
    if type(layer).__name__ not in _KERNELS or len(layer._inbound_nodes) != 1:
        return False
    users = layer._outbound_nodes
    return (
        getattr(layer.activation, "__name__", "") == "linear"
        and len(users) == 1
        and _is_relu(users[0].outbound_layer)
    )


def _is_relu(layer: Any) -> bool:
    if type(layer).__name__ == "ReLU":
        # tfmot transforms Conv2D -> BatchNormalization -> ReLU itself, whatever the ReLU's form.
        return float(layer.negative_slope) == 0.0 and float(layer.threshold) == 0.0
    activation = getattr(layer, "activation", None)
    return type(layer).__name__ == "Activation" and getattr(activation, "__name__", "") == "relu"
