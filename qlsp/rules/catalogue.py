"""All rules."""

from __future__ import annotations

from qlsp.rules.converter.dummy_quantization import DummyQuantization
from qlsp.rules.converter.incomplete_int8 import IncompleteInt8Settings
from qlsp.rules.converter.io_type_ignored import IoTypeIgnored
from qlsp.rules.converter.legacy_converter import LegacyConverter
from qlsp.rules.converter.no_representative_dataset import NoRepresentativeDataset
from qlsp.rules.converter.qat_without_optimizations import QatWithoutOptimizations
from qlsp.rules.converter.random_dataset import RandomRepresentativeDataset
from qlsp.rules.converter.representative_dataset import MalformedRepresentativeDataset
from qlsp.rules.converter.select_tf_ops import SelectTfOps
from qlsp.rules.converter.unknown_attribute import UnknownConverterAttribute
from qlsp.rules.device.operator_off_device import OperatorOffDevice
from qlsp.rules.device.unmet_constraint import UnmetDeviceConstraint
from qlsp.rules.fusion.activation_after_concat import ActivationAfterConcat
from qlsp.rules.fusion.activation_after_pool import ActivationAfterPool
from qlsp.rules.fusion.batchnorm_after_activation import BatchnormAfterActivation
from qlsp.rules.fusion.batchnorm_axis import BatchnormAxis
from qlsp.rules.fusion.batchnorm_in_float import BatchnormInFloat
from qlsp.rules.fusion.batchnorm_not_folded import BatchnormNotFolded
from qlsp.rules.fusion.borrowed_range import BorrowedRange
from qlsp.rules.fusion.channels_first import ChannelsFirst
from qlsp.rules.fusion.dynamic_batch import DynamicBatch
from qlsp.rules.fusion.float_activation import FloatActivation
from qlsp.rules.fusion.float_layer import FloatLayer
from qlsp.rules.fusion.fused_batchnorm import FusedBatchnorm
from qlsp.rules.fusion.shared_producer import SharedProducer
from qlsp.rules.fusion.stacked_activations import StackedActivations
from qlsp.rules.fusion.standalone_activation import StandaloneActivation
from qlsp.rules.fusion.tiled_upsampling import TiledUpsampling
from qlsp.rules.fusion.unconvertible_layer import UnconvertibleLayer
from qlsp.rules.fusion.unfusable_relu import UnfusableRelu
from qlsp.rules.qat.annotate_without_apply import AnnotateWithoutApply
from qlsp.rules.qat.custom_object import CustomObjectWithoutConfig
from qlsp.rules.qat.keras3_with_tfmot import Keras3WithTfmot
from qlsp.rules.qat.lambda_layer import LambdaLayer
from qlsp.rules.qat.load_without_scope import LoadWithoutQuantizeScope
from qlsp.rules.qat.missing_compile import MissingCompile
from qlsp.rules.qat.mixed_precision import MixedPrecisionWithQuantize
from qlsp.rules.qat.nested_model import NestedModel
from qlsp.rules.qat.subclassed_model import SubclassedModel
from qlsp.rules.qat.tensor_op import TensorOpInModel
from qlsp.rules.qat.training_flag import TrainingFlag
from qlsp.rules.qat.unbuilt_model import UnbuiltModel
from qlsp.rules.qat.unsupported_activation import UnsupportedActivation
from qlsp.rules.qat.unsupported_layer import UnsupportedLayer
from qlsp.rules.qat.weights_after_quantize import QuantizeBeforeWeights
from qlsp.rules.rule import Rule
from qlsp.rules.tf1.eight_bit_op import EightBitOp
from qlsp.rules.tf1.fake_quant_before_activation import FakeQuantBeforeActivation
from qlsp.rules.tf1.graph_transform_quantized import GraphTransformQuantized
from qlsp.rules.tf1.missing_activation_fake_quant import MissingActivationFakeQuant
from qlsp.rules.tf1.training_graph_exported import TrainingGraphExported
from qlsp.rules.tf1.unfoldable_batchnorm import UnfoldableBatchnorm
from qlsp.rules.tf1.wrong_arrays import WrongArrays
from qlsp.rules.unused_suppression import UnusedSuppression

RULES: tuple[type[Rule], ...] = (
    UnusedSuppression,
    BatchnormAfterActivation,
    StandaloneActivation,
    FusedBatchnorm,
    StackedActivations,
    BatchnormNotFolded,
    BatchnormInFloat,
    UnfusableRelu,
    ActivationAfterPool,
    ActivationAfterConcat,
    SharedProducer,
    DynamicBatch,
    ChannelsFirst,
    FloatActivation,
    FloatLayer,
    UnconvertibleLayer,
    TiledUpsampling,
    BatchnormAxis,
    BorrowedRange,
    UnsupportedActivation,
    UnsupportedLayer,
    TensorOpInModel,
    NestedModel,
    SubclassedModel,
    LambdaLayer,
    TrainingFlag,
    Keras3WithTfmot,
    MixedPrecisionWithQuantize,
    QuantizeBeforeWeights,
    AnnotateWithoutApply,
    LoadWithoutQuantizeScope,
    CustomObjectWithoutConfig,
    UnbuiltModel,
    MissingCompile,
    NoRepresentativeDataset,
    IncompleteInt8Settings,
    IoTypeIgnored,
    MalformedRepresentativeDataset,
    RandomRepresentativeDataset,
    UnknownConverterAttribute,
    SelectTfOps,
    LegacyConverter,
    DummyQuantization,
    QatWithoutOptimizations,
    FakeQuantBeforeActivation,
    MissingActivationFakeQuant,
    TrainingGraphExported,
    UnfoldableBatchnorm,
    EightBitOp,
    GraphTransformQuantized,
    WrongArrays,
    OperatorOffDevice,
    UnmetDeviceConstraint,
)
"""By code."""


def find(code_or_name: str) -> type[Rule] | None:
    """The rule called `QL102` (in any case) or `standalone-activation`."""
    for rule in RULES:
        if code_or_name.upper() == rule.code or code_or_name == rule.name:
            return rule
    return None
