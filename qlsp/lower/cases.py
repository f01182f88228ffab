"""Layers that are other ops under other versions or shapes, as measured.

The first case that holds gives the ops; a layer without one that holds is not known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qlsp.lower.attention import MULTI_HEAD_ATTENTION
from qlsp.lower.case import Case
from qlsp.lower.expansion import DYNAMIC_LIST, Expansion, RefusedError, UndecidedError
from qlsp.lower.operation import Operation


def expand_case(expansion: Expansion) -> Operation:
    """The ops of the current layer. Raises `UndecidedError`, `RefusedError`."""
    cls = expansion.node.cls
    for case in CASES[cls]:
        if case.holds(expansion):
            if case.lacks:
                raise expansion.no_kernel(case.lacks, f"the converter does not take {cls}")
            if case.refusal is DYNAMIC_LIST and expansion.may_be_static:
                raise UndecidedError(f"{cls} converts with a batch of fixed size only")
            if case.refusal is not None:
                raise RefusedError("convert", *case.refusal, f"the converter does not take {cls}")
            if case.program is None:
                break
            return expansion.run(case.program, *expansion.inputs)
    raise UndecidedError(f"{cls} is not known in this form")


CRASH = ("SIGSEGV", "failed to legalize operation 'tf.TensorListReserve'")
"""The converter takes its process down."""

LOOP_OF_STEPS = "SHAPE(x) STRIDED_SLICE(_) PACK(_) FILL:FLOAT32(_) TRANSPOSE!(x) WHILE:INT32(3, 4)"
"""A recurrent layer of TF 2.5 on a batch of dynamic size, up to its loop."""

_LOOP = "RESHAPE!(x) WHILE:INT32(_) STRIDED_SLICE:FLOAT32(_)"

UNPARSED = (
    "ValueError",
    "Failed to parse the model: pybind11::init(): factory function returned nullptr.",
)
"""Calibration of TF 2.5 can't read the loop that the converter wrote."""

_RESHAPES = (
    "ConverterError",
    "Check failed: input_flat_size == RequiredBufferSizeForShape(output_shape)",
)
"""The older converter takes no sizes that are computed from the batch."""

_LAST_STEP = (("return_sequences", False), ("return_state", False), ("unroll", False))

_IN_A_LOOP = (("unroll", False),)

_RNN = (
    Case("", until=(2, 2), lacks="While", where=_IN_A_LOOP),
    Case("", calibrated=True, until=(2, 5), refusal=UNPARSED, where=_IN_A_LOOP),
    Case("", static=False, since=(2, 8), refusal=DYNAMIC_LIST, where=_IN_A_LOOP),
    Case("", static=True, calibrated=True, since=(2, 15), refusal=CRASH, where=_IN_A_LOOP),
    Case(_LOOP, static=True, where=_LAST_STEP),
)

_REPEAT = (
    "EXPAND_DIMS!({x}) TILE!(_) SHAPE({x}) STRIDED_SLICE(_) CONCATENATION(_) "
    "RESHAPE!({second}, {last})"
)
"""How Keras 3 repeats along one axis."""


def _layer_normalizations(product: str, **when: Any) -> Iterator[Case]:
    """Layer normalization of Keras 2 on a batch of dynamic size, by FusedBatchNorm's parts.

    `product` multiplies the sizes of the axes that are not normalized, where there is more than
    the batch.
    """
    at = 1 + len(product.split())
    numbers = {f"p{step}": at + step for step in range(15)}
    parts = (
        "MEAN({p6}) SQUARED_DIFFERENCE({p6}, {p7}) MEAN(_) ADD(_, c) RSQRT(_) MUL(_, {p2}) "
        "MUL({p6}, {p12}) MUL({p7}, {p12}) SUB({beta}, {p14}) ADD({p13}, _) TRANSPOSE!(_) "
        "RESHAPE!(_, 0) MUL(_, c) ADD(_, c)"
    )
    first = (
        "FILL:FLOAT32(_) PACK({p0}) RESHAPE!(x, {p3}) FILL:FLOAT32({p1}) TRANSPOSE!({p4}) " + parts
    )
    later = (
        "FILL:FLOAT32({p1}) FILL:FLOAT32({p1}) PACK({p0}) RESHAPE!(x, {p4}) TRANSPOSE!(_) " + parts
    )
    for constants_first, program, beta in ((True, first, "p5"), (None, later, "p3")):
        text = program.format(**numbers, beta=numbers[beta])
        yield Case(
            f"SHAPE(x) STRIDED_SLICE(_) {product} RESHAPE(_) {text}".replace("  ", " "),
            keras=2, static=False, constants_first=constants_first, **when,
        )  # fmt: skip


_NOT_FUSED = ("epsilon", 1e-3, 1.001e-5)
"""Keras 2 leaves FusedBatchNorm alone where that would raise the epsilon."""

CASES: Mapping[str, tuple[Case, ...]] = {
    "LayerNormalization": (
        Case(
            "MEAN(x) SQUARED_DIFFERENCE(x, 0) MEAN(_) ADD(_, c) RSQRT(_) MUL(_, c) MUL(x, 5) "
            "MUL(0, 5) SUB(c, _) ADD(6, _)",
            keras=2, since=(2, 21), below=_NOT_FUSED,
        ),
        Case(None, keras=2, until=(2, 20), below=_NOT_FUSED),
        Case("", keras=2, until=(2, 2), refusal=_RESHAPES),
        Case("", keras=2, static=False, until=(2, 5), lacks="FusedBatchNormV3"),
        Case(
            "RESHAPE!(x) TRANSPOSE!(_) SUM(_) MUL(_, c) SQUARED_DIFFERENCE(1, 3) SUM(_) "
            "MUL(_, c) ADD(_, c) RSQRT(_) MUL(1, _) MUL(3, 8) SUB(c, _) ADD(9, _) TRANSPOSE!(_) "
            "RESHAPE!(_) MUL(_, c) ADD(_, c)",
            keras=2, static=True, since=(2, 3), until=(2, 5),
        ),
        Case(
            "RESHAPE!(x) TRANSPOSE!(_) MEAN(1) SQUARED_DIFFERENCE(1, 2) MEAN(_) ADD(_, c) "
            "RSQRT(_) MUL(1, _) MUL(2, 6) SUB(c, _) ADD(7, _) TRANSPOSE!(_) RESHAPE!(_) "
            "MUL(_, c) ADD(_, c)",
            keras=2, static=True, since=(2, 8),
        ),
        *_layer_normalizations("REDUCE_PROD(_)", since=(2, 15)),
        *(
            case
            for rank in (2, 3, 4)
            for case in _layer_normalizations(
                " ".join(["MUL:INT32(_)"] * (rank - 2)),
                ranks=(rank,), since=(2, 8), until=(2, 8), where=(("axis", -1),),
            )
        ),
        *_layer_normalizations(
            "", ranks=(4,), since=(2, 8), until=(2, 8), where=(("axis", (1, 2, 3)),)
        ),
        Case(
            "MEAN(x) NEG(_) SQUARED_DIFFERENCE(x, 0) MEAN(_) ADD(_, c) RSQRT(_) MUL(_, c) "
            "MUL(1, _) ADD(_, c) MUL(x, 6) ADD(_, 8)",
            keras=3,
        ),
    ),
    "GroupNormalization": (
        Case(
            "RESHAPE!(x) SUM(_) DIV(_, c) SUB(0, _) SQUARE(_) SUM(_) DIV(_, c) ADD(_, c) RSQRT(_) "
            "MUL(_, c) MUL(0, 9) MUL(2, 9) SUB(c, _) ADD(10, _) RESHAPE!(_)",
            keras=2, static=True, ranks=(4,), since=(2, 15), until=(2, 15),
        ),
        Case(
            "RESHAPE!(x) SUM(_) MUL(_, c) SUB(0, _) SQUARE(_) SUM(_) MUL(_, c) ADD(_, c) RSQRT(_) "
            "MUL(_, c) MUL(0, 9) MUL(2, 9) SUB(c, _) ADD(10, _) RESHAPE!(_)",
            keras=2, static=True, ranks=(4,), since=(2, 16),
        ),
        Case(
            "", keras=2, static=False, ranks=(4,), calibrated=True, since=(2, 15),
            refusal=(
                "RuntimeError",
                "tensorflow/lite/kernels/broadcast_to.cc Output shape must be broadcastable from "
                "input shape.",
            ),
        ),
        Case(
            "SHAPE(x) STRIDED_SLICE(_) PACK(_) RESHAPE!(x, 2) ZEROS_LIKE(3) SHAPE:INT64(4) "
            "BROADCAST_TO(3, 5) SHAPE(6) STRIDED_SLICE(_) PACK(_) RESHAPE(6, 9) ADD(4, 10) "
            "SUM(3) MUL(_, c) SUM(11) SHAPE:INT64(14) BROADCAST_ARGS(15) BROADCAST_TO(14, 16) "
            "BROADCAST_TO(13, 16) EQUAL(17, c) SHAPE:INT64(18) BROADCAST_ARGS(20) "
            "BROADCAST_TO(18, 21) BROADCAST_TO(17, 21) DIV(22, 23) BROADCAST_TO:BOOL(19) "
            "BROADCAST_TO(24, 21) BROADCAST_TO(18, 21) SELECT_V2(25, 26, 27) SUB(3, 28) SQUARE(_) "
            "MUL(_, 11) SUM(_) SHAPE:INT64(32) BROADCAST_ARGS(33) BROADCAST_TO(32, 34) "
            "BROADCAST_TO(17, 34) DIV(35, 36) BROADCAST_TO(37, 34) SELECT_V2(25, 38, 32) "
            "ADD(_, c) RSQRT(_) MUL(_, c) MUL(3, 42) MUL(28, 42) SUB(c, _) ADD(43, _) "
            "RESHAPE!(_, 0)",
            keras=2, static=False, ranks=(4,), since=(2, 15),
        ),
        Case(
            "RESHAPE!(x) MEAN(_) NEG(_) SUB(0, 1) SQUARE(_) MEAN(_) ADD(_, c) RSQRT(_) MUL(_, c) "
            "MUL(2, 8) ADD(_, c) MUL(0, 8) ADD(_, 10) RESHAPE!(12)",
            keras=3, static=True, ranks=(4,),
        ),
        Case(
            "RESHAPE!(x) MEAN(_) NEG(_) SUB(0, 1) SQUARE(_) MEAN(_) ADD(_, c) RSQRT(_) MUL(_, c) "
            "MUL(2, 8) ADD(_, c) MUL(0, 8) ADD(_, 10) SHAPE(x) RESHAPE!(12, _)",
            keras=3, ranks=(4,),
        ),
    ),
    "RMSNormalization": (
        Case("SQUARE(x) MEAN(_) ADD(_, c) RSQRT(_) MUL(x, _)", keras=3),
    ),
    "UnitNormalization": (
        Case("L2_NORMALIZATION(x)", keras=2),
        Case("SQUARE(x) SUM(_) RSQRT(_) MINIMUM(_, c) MUL(x, _)", keras=3),
    ),
    "Masking": (
        Case("NOT_EQUAL(x, c) REDUCE_ANY:BOOL(_) CAST:FLOAT32(_) MUL(x, _)", keras=2),
        Case("NOT_EQUAL(x, c) REDUCE_ANY:BOOL(_) SELECT_V2(_, x)", keras=3),
    ),
    "Embedding": (
        Case("GATHER(x)", keras=2),
        Case("LESS(x, c) ADD:INT32(x, c) SELECT:INT32(0, 1) GATHER:FLOAT32(_)", static=True),
        Case("LESS(x, c) ADD:INT32(x, c) SELECT_V2:INT32(0, 1) GATHER:FLOAT32(_)", static=False),
    ),
    "PReLU": (
        Case(
            "NEG!(x) RELU!(_) RELU!(x) MUL!(1, c) ADD!(2, _)",
            ranks=(2,), since=(2, 3), until=(2, 5),
        ),
        Case("PRELU(x)"),
    ),
    "RepeatVector": (
        Case("EXPAND_DIMS!(x) TILE(_)", keras=2),
        Case(
            "SHAPE(x) STRIDED_SLICE(_) PACK(_) RESHAPE!(x, _) EXPAND_DIMS!(_) TILE(_) SHAPE(3) "
            "STRIDED_SLICE(_) CONCATENATION(_) RESHAPE!(5, _)",
            keras=3, static=False,
        ),
    ),
    "EinsumDense": (
        Case("FULLY_CONNECTED(x) RESHAPE!(_)", keras=2, ranks=(2,)),
        Case("FULLY_CONNECTED(x)", keras=3, ranks=(2,)),
    ),
    "CenterCrop": (
        Case("SHAPE(x) STRIDED_SLICE(_) PACK(_) SLICE(x, _)", keras=2, static=False),
        Case("STRIDED_SLICE(x)", keras=3),
    ),
    "Dot": (
        Case(
            "TRANSPOSE!(y) SHAPE(0) STRIDED_SLICE(_) PACK(_) RESHAPE!(0, _) SHAPE(x) "
            "STRIDED_SLICE(_) STRIDED_SLICE(5) PACK(7) RESHAPE!(x, 8) BATCH_MATMUL(9, 4) SHAPE(0) "
            "STRIDED_SLICE(_) STRIDED_SLICE(11) CONCATENATION(6, 13) STRIDED_SLICE(12) "
            "CONCATENATION(14, _) RESHAPE!(10, _)",
            keras=2, static=False, ranks=(4,), since=(2, 8), until=(2, 8),
        ),
        Case(
            "TRANSPOSE!(y) SHAPE(0) STRIDED_SLICE(_) PACK(_) RESHAPE!(0, _) SHAPE(x) "
            "STRIDED_SLICE(_) PACK(_) RESHAPE!(x, _) BATCH_MATMUL(8, 4) SHAPE(0) "
            "STRIDED_SLICE(_) STRIDED_SLICE(5) CONCATENATION(_, 11) STRIDED_SLICE(13) "
            "CONCATENATION(_, 13) RESHAPE!(9, _)",
            keras=2, static=False, ranks=(4,), since=(2, 8),
        ),
        Case(
            "SHAPE(x) STRIDED_SLICE(_) STRIDED_SLICE(0) PACK(2) RESHAPE!(x, 3) TRANSPOSE!(y) "
            "SHAPE(_) STRIDED_SLICE(_) PACK(_) RESHAPE!(5, _) BATCH_MATMUL(4, _) SHAPE(5) "
            "STRIDED_SLICE(_) STRIDED_SLICE(11) CONCATENATION(1, 13) STRIDED_SLICE(12) "
            "CONCATENATION(14, _) RESHAPE!(10, _)",
            keras=2, static=False, ranks=(4,), since=(2, 3),
        ),
        Case(
            "SHAPE(x) STRIDED_SLICE(_) PACK(_) RESHAPE!(x, _) TRANSPOSE!(y) SHAPE(_) "
            "STRIDED_SLICE(_) PACK(_) RESHAPE!(4, _) BATCH_MATMUL(3, _) SHAPE(_) "
            "STRIDED_SLICE(_) PACK(_) RESHAPE!(9, _)",
            keras=3, static=False, ranks=(4,),
        ),
    ),
    "AdaptiveAveragePooling2D": (
        Case(
            "AVERAGE_POOL_2D(x) AVERAGE_POOL_2D!(x) CONCATENATION!(0, 1) GATHER!(_) "
            "AVERAGE_POOL_2D!(3) AVERAGE_POOL_2D!(3) CONCATENATION!(4, 5) GATHER!(_)",
            keras=3,
        ),
    ),
    "Attention": (Case("BATCH_MATMUL(x, y) SOFTMAX(_) BATCH_MATMUL(_, y)"),),
    "DepthwiseConv1D": (Case("EXPAND_DIMS!(x) DEPTHWISE_CONV_2D(_) RESHAPE!(_)", static=False),),
    "Conv1DTranspose": (
        Case(
            "SHAPE(x) EXPAND_DIMS!(x) STRIDED_SLICE(0) PACK(_) STRIDED_SLICE(3) STRIDED_SLICE(3) "
            "CONCATENATION(4, 5) TRANSPOSE_CONV(1, 6) SQUEEZE!(_) ADD!(_, c)",
            keras=2, static=False,
        ),
        Case(
            "SHAPE(x) STRIDED_SLICE(_) RESHAPE(_) CONCATENATION(_) EXPAND_DIMS!(x) "
            "TRANSPOSE_CONV(4, 3) RESHAPE!(_)",
            keras=3, static=False,
        ),
    ),
    "UpSampling1D": (
        Case("SPLIT(x) CONCATENATION(_)", keras=2),
        Case(_REPEAT.format(x="x", second=1, last=4), static=False),
        Case("RESHAPE!(x) TILE!(_) RESHAPE!(_)", static=True),
    ),
    "UpSampling2D": (
        Case(
            f"{_REPEAT.format(x='x', second=1, last=4)} {_REPEAT.format(x=5, second=7, last=10)}",
            keras=3, static=False,
        ),
        Case("RESHAPE!(x) TILE!(_) RESHAPE!(_) TILE!(_) RESHAPE!(_)", keras=3, static=True),
    ),
    "UpSampling3D": (
        Case(
            "SPLIT(x) CONCATENATION(_) SPLIT(_) CONCATENATION(_) SPLIT(_) CONCATENATION(_)",
            keras=2,
        ),
        Case(
            f"{_REPEAT.format(x='x', second=1, last=4)} {_REPEAT.format(x=5, second=7, last=10)} "
            f"{_REPEAT.format(x=11, second=13, last=16)}",
            static=False,
        ),
        Case("RESHAPE!(x) TILE!(_) RESHAPE!(_) TILE!(_) RESHAPE!(_) TILE!(_) RESHAPE!(_)"),
    ),
    "Conv3DTranspose": (
        Case("", until=(2, 5), lacks="Conv3DBackpropInputV2"),
        Case(
            "SHAPE(x) STRIDED_SLICE(_) PACK(_) CONV_3D_TRANSPOSE(x, _) SHAPE:INT64(_) "
            "BROADCAST_ARGS(_) BROADCAST_TO!:FLOAT32(_) BROADCAST_TO!(3, 5) ADD!(6, 7)",
            static=False, until=(2, 8),
        ),
        Case("SHAPE(x) STRIDED_SLICE(_) PACK(_) CONV_3D_TRANSPOSE(x, _) ADD!(_, c)", static=False),
    ),
    "ZeroPadding3D": (Case("", until=(2, 5), lacks="Pad"), Case("PAD(x)")),
    "MaxPooling3D": (Case("", lacks="MaxPool3D"),),
    "AveragePooling3D": (Case("", lacks="AvgPool3D"),),
    "GRU": (
        *_RNN,
        Case(
            f"{LOOP_OF_STEPS} STRIDED_SLICE:FLOAT32(_)",
            static=False, until=(2, 5), where=_LAST_STEP,
        ),
    ),
    "SimpleRNN": (
        *_RNN,
        Case(
            "SHAPE(x) STRIDED_SLICE(_) TRANSPOSE!(x) PACK(1) FILL:FLOAT32(_) WHILE:INT32(2, 4) "
            "STRIDED_SLICE:FLOAT32(_)",
            static=False, until=(2, 5), where=_LAST_STEP,
        ),
    ),
    "ConvLSTM2D": (
        Case("", until=(2, 2), lacks="While"),
        Case("", calibrated=True, until=(2, 5), refusal=UNPARSED),
        Case(
            "ZEROS_LIKE(x) SUM(_) TRANSPOSE!(_) CONV_2D(_) WHILE:INT32(_) "
            "STRIDED_SLICE:FLOAT32(_)",
            static=False, until=(2, 5),
        ),
        *_RNN,
    ),
    "Bidirectional": (
        Case("", until=(2, 2), lacks="While"),
        Case("", static=False, calibrated=True, until=(2, 5), refusal=UNPARSED),
        Case(
            "SHAPE(x) STRIDED_SLICE(_) PACK(_) FILL:FLOAT32(_) TRANSPOSE!(x) REVERSE_V2(_) "
            "WHILE:INT32(3, 5) STRIDED_SLICE:FLOAT32(_) WHILE:INT32(3, 4) "
            "STRIDED_SLICE:FLOAT32(_) CONCATENATION(7, 9)",
            static=False, until=(2, 5),
        ),
        Case("", static=False, refusal=DYNAMIC_LIST),
        Case(
            "REVERSE_V2(x) UNIDIRECTIONAL_SEQUENCE_LSTM(_) STRIDED_SLICE(_) "
            "UNIDIRECTIONAL_SEQUENCE_LSTM(x) STRIDED_SLICE(_) CONCATENATION(2, 4)",
            keras=2, static=True,
        ),
        Case("", keras=3, static=True, calibrated=True, refusal=CRASH),
        Case(
            "RESHAPE!(x) REVERSE_V2(_) WHILE:INT32(_) STRIDED_SLICE:FLOAT32(_) WHILE:INT32(0) "
            "STRIDED_SLICE:FLOAT32(_) CONCATENATION(3, 5)",
            keras=3, static=True,
        ),
    ),
    "MultiHeadAttention": MULTI_HEAD_ATTENTION,
}  # fmt: skip
"""By layer class."""
