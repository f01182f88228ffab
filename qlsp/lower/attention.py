"""Attention of several heads under each version, as measured."""

from __future__ import annotations

from qlsp.lower.case import Case


def _two_matmuls(first: int, left: int, right: int) -> str:
    """How TF 2.5 multiplies two pairs of matrices of fixed sizes, from the `first` op on."""
    return (
        "RESHAPE!({left}) SLICE!({0}) SLICE!({0}) RESHAPE!({1}) SLICE!({right}) RESHAPE!({2}) "
        "SLICE!({right}) RESHAPE!({4}) TRANSPOSE!(_) FULLY_CONNECTED({3}, _) TRANSPOSE!({6}) "
        "FULLY_CONNECTED({5}, _) PACK!({9}, _) RESHAPE!(_)"
    ).format(*range(first, first + 14), left=left, right=right)


def _two_split_matmuls(first: int, left: int, right: int) -> str:
    """How TF 2.8 does."""
    return (
        "RESHAPE!({left}) SPLIT!({0}) RESHAPE!({1}) SPLIT!({right}) RESHAPE!({1}) RESHAPE!({3}) "
        "TRANSPOSE!(_) FULLY_CONNECTED({2}, _) TRANSPOSE!({3}) FULLY_CONNECTED({4}, _) "
        "PACK!({7}, _) RESHAPE!(_)"
    ).format(*range(first, first + 12), left=left, right=right)


MULTI_HEAD_ATTENTION: tuple[Case, ...] = (
    Case(
        "RESHAPE!(x) BATCH_MATMUL(0) RESHAPE!(_) ADD!(_, c) BATCH_MATMUL(0) RESHAPE!(_) "
        "ADD!(_, c) MUL(_, c) TRANSPOSE!(3) TRANSPOSE!(7) RESHAPE!(8) RESHAPE!(9) "
        "BATCH_MATMUL(10, 11) RESHAPE!(_) TRANSPOSE!(_) SOFTMAX(_) BATCH_MATMUL(0) "
        "RESHAPE!(_) ADD!(_, c) TRANSPOSE!(_) RESHAPE!(15) RESHAPE!(19) BATCH_MATMUL(20, 21) "
        "RESHAPE!(_) TRANSPOSE!(_) RESHAPE!(_) BATCH_MATMUL(_) ADD!(_, c) RESHAPE!(_)",
        static=False, ranks=(3,), until=(2, 8),
    ),
    Case(
        "FULLY_CONNECTED(x) RESHAPE!(_) FULLY_CONNECTED(y) RESHAPE!(_) TRANSPOSE!(1) "
        f"TRANSPOSE!(3) {_two_matmuls(6, 4, 5)} TRANSPOSE!(_) SOFTMAX(_) "
        f"FULLY_CONNECTED(y) RESHAPE!(_) TRANSPOSE!(_) {_two_matmuls(25, 21, 24)} "
        "TRANSPOSE!(_) RESHAPE!(_) FULLY_CONNECTED(_)",
        static=True, ranks=(3,), until=(2, 5), where=(("num_heads", 2),),
    ),
    Case(
        "FULLY_CONNECTED(x) RESHAPE!(_) FULLY_CONNECTED(y) RESHAPE!(_) TRANSPOSE!(1) "
        f"TRANSPOSE!(3) {_two_split_matmuls(6, 4, 5)} TRANSPOSE!(_) SOFTMAX(_) "
        f"FULLY_CONNECTED(y) RESHAPE!(_) TRANSPOSE!(_) {_two_split_matmuls(23, 19, 22)} "
        "TRANSPOSE!(_) RESHAPE!(_) FULLY_CONNECTED(_) RESHAPE!(_)",
        static=True, ranks=(3,), since=(2, 8), until=(2, 8), where=(("num_heads", 2),),
    ),
    Case(
        "FULLY_CONNECTED(x) RESHAPE!(_) FULLY_CONNECTED(y) RESHAPE!(_) TRANSPOSE!(1) "
        "TRANSPOSE!(3) BATCH_MATMUL(4, 5) MUL(_, c) SOFTMAX(_) FULLY_CONNECTED(y) RESHAPE!(_) "
        "TRANSPOSE!(_) BATCH_MATMUL(8, _) TRANSPOSE!(_) RESHAPE!(_) FULLY_CONNECTED(_)",
        keras=3, static=True, ranks=(3,),
    ),
    Case(
        "FULLY_CONNECTED(x) RESHAPE!(_) ADD!(_, c) FULLY_CONNECTED(y) RESHAPE!(_) ADD!(_, c) "
        "TRANSPOSE!(2) TRANSPOSE!(5) BATCH_MATMUL(6, 7) MUL(_, c) RESHAPE!(_) SOFTMAX(_) "
        "FULLY_CONNECTED(y) RESHAPE!(_) ADD!(_, c) TRANSPOSE!(_) BATCH_MATMUL(11, _) "
        "RESHAPE!(_) TRANSPOSE!(_) RESHAPE!(_) FULLY_CONNECTED(_)",
        keras=3, static=False, ranks=(3,),
    ),
    Case(
        "FULLY_CONNECTED(x) RESHAPE!(_) FULLY_CONNECTED(y) RESHAPE!(_) TRANSPOSE!(1) "
        "TRANSPOSE!(3) BATCH_MATMUL(4, 5) TRANSPOSE!(_) SOFTMAX(_) FULLY_CONNECTED(y) "
        "RESHAPE!(_) TRANSPOSE!(_) BATCH_MATMUL(8, _) TRANSPOSE!(_) RESHAPE!(_) "
        "FULLY_CONNECTED(_)",
        keras=2, static=True, ranks=(3,),
    ),
    Case(
        "FULLY_CONNECTED(x) RESHAPE!(_) ADD!(_, c) FULLY_CONNECTED(y) RESHAPE!(_) ADD!(_, c) "
        "MUL(_, c) TRANSPOSE!(2) TRANSPOSE!(6) BATCH_MATMUL(7, 8) RESHAPE!(_) TRANSPOSE!(_) "
        "SOFTMAX(_) FULLY_CONNECTED(y) RESHAPE!(_) ADD!(_, c) TRANSPOSE!(_) "
        "BATCH_MATMUL(12, _) RESHAPE!(_) TRANSPOSE!(_) RESHAPE!(_) FULLY_CONNECTED(_) "
        "RESHAPE!(_)",
        keras=2, static=False, ranks=(3,),
    ),
)  # fmt: skip
